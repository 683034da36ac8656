/* cmd_enable.c - a project comes up with its host: a unit file, and systemctl to make systemd read it.
 *
 * The unit is made from the stored model, the one a boot brings up, and not from the compose file, which may be ahead of it. */
#include "enable.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../ctl/ctl.h"
#include "../super/program.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "unit_file.h"

#define UNIT_DIR "/etc/systemd/system"
#define UNIT_DIR_UNTIL_REBOOT "/run/systemd/system"

enum { SYSTEMCTL_MS = 90000, UNIT_MAX = 1 << 20 };

struct enable_opts {
	bool print;
};

static const struct opt enable_flags[] = {
	{ 0, "print", OPT_BOOL, offsetof(struct enable_opts, print), "print the unit and change nothing" },
	{ 0 }
};

static char *unit_name(const struct cli *c)
{
	return xasprintf("davit-%s.service", c->name);
}

static bool runs_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static int no_systemd(const struct cli *c, struct err *err)
{
	auto_free char *self = program_self();
	auto_free char *places = dirs_usual(&c->dirs) ? xstrdup("") : xasprintf(" --state-dir %s --run-dir %s", c->dirs.state, c->dirs.run);
	auto_free char *line = xasprintf("%s%s -p %s boot", self, places, c->name);

	err_set(err, ERR_NOT_FOUND, "systemd does not run this host");
	return err_hint(err, "have this called at boot: '%s'; with cron: '@reboot %s'", line, line);
}

/* ------------------------------------------------------------------ the unit */

static int make_text(const struct cli *c, struct buf *out, struct err *err)
{
	auto_buf struct buf wire = BUF_INIT;
	auto_free char *self = program_self();
	struct unit_file u = { .project = c->name, .program = self, .state_dir = c->dirs.state, .run_dir = c->dirs.run,
			       .runtime = getenv("DAVIT_RUNTIME") };
	struct project *p = NULL;

	if (c->pdirs.state_fd < 0 || path_read(c->pdirs.state_fd, "model.json", CTL_MAX, &wire, err) < 0) {
		err_done(err);
		err_set(err, ERR_NOT_FOUND, "project '%s' is not up", c->name);
		return err_hint(err, "'davit up -d' first: what it starts is what a boot brings back");
	}
	if (project_from_wire(wire.p ? wire.p : "", wire.len, &p, err) < 0)
		return err_wrap(err, "stored model of project '%s'", c->name);
	if (strpbrk(self, "\n\r") || strpbrk(u.state_dir, "\n\r") || strpbrk(u.run_dir, "\n\r"))
		return err_set(err, ERR_INPUT, "a path with a line break cannot be in a unit file");
	strs_add(&u.mounts, u.state_dir);
	unit_file_mounts(p, &u.mounts);
	u.stop_s = unit_file_stop_s(p);
	unit_file_text(&u, out);
	strs_done(&u.mounts);
	project_free(p);
	return 0;
}

static int write_unit(const char *dir, const char *name, const struct buf *text, struct err *err)
{
	auto_close int fd = -1;

	if (path_open_dir(AT_FDCWD, dir, 0755, &fd, err) < 0)
		return -1;
	return path_write(fd, name, text->p, text->len, 0644, PATH_SYNC, err);
}

/* Its own words go to standard error. 0; 1: it says no; -1. */
static int systemctl(const char *const *args, struct err *err)
{
	const char *argv[8] = { "systemctl" };
	struct spawn sp = { .argv = argv, .stdio = { -1, STDERR_FILENO, STDERR_FILENO } };
	struct child child;
	int status, r;

	for (size_t i = 0; args[i] && i + 2 < ARRAY_LEN(argv); i++)
		argv[i + 1] = args[i];
	if (proc_spawn(&sp, &child, err) < 0)
		return -1;
	r = proc_wait(&child, SYSTEMCTL_MS, "systemctl", &status, err);
	close(child.pidfd);
	return r < 0 ? -1 : status ? 1 : 0;
}

static int must(const char *const *args, struct err *err)
{
	int r = systemctl(args, err);

	return r > 0 ? err_set(err, ERR_FAIL, "'systemctl %s' failed", args[0]) : r;
}

static const char *const reload[] = { "daemon-reload", NULL };

static bool has_containers(const struct cli *c)
{
	return c->world.units.n > 0;
}

/* A project that is up is taken over at once, so that the host's end stops it in its order. */
static int enable_run(struct cli *c, const void *opts, struct err *err)
{
	const struct enable_opts *o = opts;
	auto_free char *name = unit_name(c);
	const char *const enable[] = { "enable", "--quiet", name, NULL };
	const char *const start[] = { "start", "--no-block", name, NULL };
	auto_buf struct buf text = BUF_INIT;

	if (!o->print && geteuid() != 0)
		return err_set(err, ERR_PERM, "davit needs root for now");
	if (!o->print && !runs_systemd())
		return no_systemd(c, err);
	if (make_text(c, &text, err) < 0)
		return -1;
	if (o->print) {
		ui_print(&c->ui, "%s", text.p);
		return 0;
	}
	if (write_unit(UNIT_DIR, name, &text, err) < 0 || must(reload, err) < 0 || must(enable, err) < 0)
		return -1;
	return has_containers(c) ? must(start, err) : 0;
}

int enable_refresh(struct cli *c, struct err *err)
{
	auto_free char *name = unit_name(c), *path = xasprintf(UNIT_DIR "/%s", name);
	auto_buf struct buf old = BUF_INIT, text = BUF_INIT;

	if (access(path, F_OK) < 0 || path_read(AT_FDCWD, path, UNIT_MAX, &old, NULL) < 0)
		return 0;
	if (c->pdirs.state_fd < 0) {     /* the first `up` after a `down`: its directory is new */
		pdirs_done(&c->pdirs);
		if (pdirs_open(&c->dirs, c->name, false, &c->pdirs, err) < 0)
			return -1;
	}
	if (make_text(c, &text, err) < 0)
		return -1;
	if (old.p && STREQ(old.p, text.p))
		return 0;
	return write_unit(UNIT_DIR, name, &text, err) < 0 || must(reload, err) < 0 ? -1 : 0;
}

/* What is up stays up, and is stopped in its order when the host goes down: until then the unit lives on where a reboot forgets it. */
static int disable_run(struct cli *c, const void *opts, struct err *err)
{
	auto_free char *name = unit_name(c), *path = xasprintf(UNIT_DIR "/%s", name);
	const char *const active[] = { "is-active", "--quiet", name, NULL };
	const char *const disable[] = { "disable", "--quiet", name, NULL };
	auto_buf struct buf text = BUF_INIT;
	int r;

	if (access(path, F_OK) < 0) {
		ui_warn(&c->ui, "project '%s' is not enabled", c->name);
		return 0;
	}
	if (path_read(AT_FDCWD, path, UNIT_MAX, &text, err) < 0)
		return -1;
	r = runs_systemd() ? systemctl(active, err) : 1;
	if (r < 0 || (r == 0 && write_unit(UNIT_DIR_UNTIL_REBOOT, name, &text, err) < 0))
		return -1;
	if (runs_systemd() && must(disable, err) < 0)
		return -1;
	if (unlink(path) < 0)
		return err_sys(err, errno, "remove '%s'", path);
	return runs_systemd() ? must(reload, err) : 0;
}

const struct cmd cmd_enable = {
	.name = "enable",
	.args = "",
	.summary = "have systemd bring the project up with the host",
	.details = "Writes " UNIT_DIR "/davit-PROJECT.service. At boot it brings up, in the order of dependencies, what ran\n"
		   "when the host went down; when the host goes down, it stops everything in the reverse order.\n"
		   "Without systemd, have 'davit -p NAME boot' called at boot.",
	.needs = NEED_NAME,
	.max_args = 0,
	.opts = enable_flags,
	.opts_size = sizeof(struct enable_opts),
	.run = enable_run,
};

const struct cmd cmd_disable = {
	.name = "disable",
	.args = "",
	.summary = "no longer bring the project up with the host",
	.needs = NEED_ROOT | NEED_NAME,
	.max_args = 0,
	.run = disable_run,
};
