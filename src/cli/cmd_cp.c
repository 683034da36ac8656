/* cp: files between containers and the host. Both trees are reached by descriptors (src/copy); nothing runs in the container. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/visible.h"
#include "cp.h"
#include "outfile.h"
#include "service_units.h"

enum { INTERRUPTED = 130 };

struct cp_opts {
	bool all, archive, follow;
	struct opt_int index;
};

#define O(field) offsetof(struct cp_opts, field)
static const struct opt cp_flags[] = {
	{ 0, "all", OPT_BOOL, O(all), "also containers that 'run' made" },
	{ 'a', "archive", OPT_BOOL, O(archive), "keep owners; without it everything belongs to root in a container, to you outside" },
	{ 'L', "follow-link", OPT_BOOL, O(follow), "copy what a symbolic link at the end of the source leads to" },
	{ 0, "index", OPT_INT, O(index), "this container of the service (into all of them, from the first one)", "N" },
	{ 0 }
};

static void on_interrupt(int sig)
{
	copy_stop = 1;
}

/* What a limit for files (ulimit -f) forbids is an error with a name. Ctrl-C ends a copy, but leaves no half of a file; of a stream nothing is
 * left. A second one ends it at once. */
static void catch_signals(const struct cp *cp)
{
	const struct sigaction stop = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	signal(SIGXFSZ, SIG_IGN);
	if (STREQ(cp->source, "-") || STREQ(cp->target, "-"))
		return;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
}

/* "web:/etc" is in a container; "/a:b" and "./a:b" are the host's. *ret_path: behind the colon. NULL: the host's. */
static char *service_of(const char *arg, const char **ret_path)
{
	const char *colon = strchr(arg, ':');

	*ret_path = arg;
	if (*arg == '/' || *arg == '.' || !colon || colon == arg)
		return NULL;
	*ret_path = colon + 1;
	return xstrndup(arg, (size_t)(colon - arg));
}

/* ------------------------------------------------------------------ one container */

static const struct copy_root host = { .fd = AT_FDCWD, .name = "" };

static struct copy_root root_of(const struct container_root *root)
{
	return (struct copy_root){ .fd = root->fd, .name = root->label };
}

static struct copy_rules rules_of(const struct cp *cp, bool into)
{
	return (struct copy_rules){ .keep_owner = cp->archive, .uid = into ? 0 : geteuid(), .gid = into ? 0 : getegid(),
				    .keep_privilege = into || cp->archive };
}

static void tell_count(struct ui *ui, const struct copy_count *count, bool failed)
{
	if (count->sockets)
		ui_warn(ui, "%ju sockets were left out", (uintmax_t)count->sockets);
	if (count->kernels)
		ui_warn(ui, "%ju directories or files of the kernel's own (proc, sysfs and the like) came without their content", (uintmax_t)count->kernels);
	if (failed && count->entries > 1)
		ui_warn(ui, "what was copied before stays: %ju entries, %ju bytes", (uintmax_t)count->entries - 1, (uintmax_t)count->bytes);
}

static int between(const struct cp *cp, const struct copy_root *from_root, const struct copy_root *to_root, bool into, struct err *err)
{
	const struct copy_rules rules = rules_of(cp, into);
	struct copy_count count = { 0 };
	struct copy_source from = { .fd = -1 };
	struct copy_place to = { .dir_fd = -1 };
	int r = -1;

	if (copy_source_open(from_root, cp->source, cp->follow, &from, err) == 0 &&
	    copy_place_open(to_root, cp->target, &from, &to, err) == 0) {
		r = cp->c->g.dry_run ? 0 : copy_tree(&from, &to, &rules, &count, err);
		if (r < 0) {
			err_hint_room(err, to.shown);
			err_wrap(err, "copy '%s' to '%s'", from.shown, to.shown);
		}
		tell_count(&cp->c->ui, &count, r < 0);
	}
	copy_source_done(&from);
	copy_place_done(&to);
	return r;
}

struct stream {
	const struct cp *cp;
	struct copy_source from;
};

static int write_stream(void *arg, int fd, struct err *err)
{
	struct stream *s = arg;
	struct copy_count count = { 0 };
	int r = copy_tar(&s->from, fd, true, &count, err);

	tell_count(&s->cp->c->ui, &count, false);
	return r < 0 ? err_wrap(err, "archive of '%s'", s->from.shown) : 0;
}

static int to_stdout(const struct cp *cp, const struct container_root *root, struct err *err)
{
	const struct copy_root in = root_of(root);
	struct stream s = { .cp = cp };
	int r = copy_source_open(&in, cp->source, cp->follow, &s.from, err);

	if (r == 0 && !cp->c->g.dry_run)
		r = outfile_write(NULL, write_stream, &s, err);
	copy_source_done(&s.from);
	return r;
}

static int from_container(const struct cp *cp, const struct container_root *root, struct err *err)
{
	const struct copy_root in = root_of(root);

	return STREQ(cp->target, "-") ? to_stdout(cp, root, err) : between(cp, &in, &host, false, err);
}

static int into_container(const struct cp *cp, const struct container_root *root, struct err *err)
{
	const struct copy_root in = root_of(root);

	return STREQ(cp->source, "-") ? cp_from_stdin(cp, root, err) : between(cp, &host, &in, true, err);
}

static int one(const struct cp *cp, const struct unit_rec *r, bool into, struct container_root *root, struct err *err)
{
	int ret = container_root_open(cp->c, r, root, err);

	if (ret == 0)
		ret = into ? into_container(cp, root, err) : from_container(cp, root, err);
	container_root_done(root);
	return ret;
}

/* ------------------------------------------------------------------ all of them */

static int each(const struct cp *cp, const struct units *units, bool into, struct err *err)
{
	const bool dry = cp->c->g.dry_run;
	struct container_root root = { .fd = -1 };
	struct progress *p = STREQ(cp->target, "-") ? NULL : progress_new(&cp->c->ui, "Copying");
	int r = 0;

	for (size_t i = 0; r == 0 && i < units->n; i++) {
		const struct unit_rec *u = units->v[i];
		auto_free char *what = into ? xasprintf("copy %s to %s:%s", cp->source, u->name, cp->target) :
					      xasprintf("copy %s:%s to %s", u->name, cp->source, cp->target);

		if (p)
			progress_step(p, "container", u->name, "Copying", what);
		if (p)
			progress_draw(p);
		r = one(cp, u, into, &root, err);
		if (p)
			progress_step(p, "container", u->name, r < 0 ? "Error" : dry ? "Would be copied" : "Copied", what);
	}
	if (p)
		progress_free(p);
	return r;
}

static int no_direction(bool both, struct err *err)
{
	err_set(err, ERR_USAGE, both ? "both paths are in containers" : "none of the two paths is in a container");
	return err_hint(err, both ? "copy to the host first, or pipe: davit cp WEB:/PATH - | davit cp - DB:/PATH" :
				    "a path in a container is SERVICE:/PATH");
}

static int only_one_can_read(const struct units *units, struct err *err)
{
	err_set(err, ERR_USAGE, "standard input can be read once, and there are %zu containers", units->n);
	return err_hint(err, "name one of them with --index N");
}

static int cp_run(struct cli *c, const void *opts, struct err *err)
{
	const struct cp_opts *o = opts;
	struct cp cp = { .c = c, .archive = o->archive, .follow = o->follow };
	auto_free char *from = service_of(c->args.v[0], &cp.source), *to = service_of(c->args.v[1], &cp.target);
	auto_free char *service = NULL;
	struct units units = { 0 };
	int r;

	if (!from == !to)
		return no_direction(from != NULL, err);
	service = xstrdup(from ? from : to);
	if (!*cp.source || !*cp.target)
		return err_set(err, ERR_USAGE, "there is no path behind '%s:'", service);
	r = units_of_service(c, service, o->index, o->all ? UNITS_ALL : UNITS_ORDINARY, &units, err);
	if (r == 0 && from)
		units.n = 1;
	if (r == 0 && STREQ(cp.source, "-") && units.n > 1)
		r = only_one_can_read(&units, err);
	catch_signals(&cp);
	if (r == 0)
		r = each(&cp, &units, to != NULL, err);
	units_done(&units);
	if (r < 0 && copy_stop) {
		ui_err(&c->ui, err);
		return INTERRUPTED;
	}
	return r;
}

const struct cmd cmd_cp = {
	.name = "cp",
	.args = "SERVICE:PATH PATH|- | PATH|- SERVICE:PATH",
	.summary = "copy files between containers and the host",
	.details = "- is a tar archive on standard output or input. A directory that is there gets the source inside, with /. at its end\n"
		   "only its content; nothing is copied through links that are met below. A copy that fails leaves what it has finished.",
	.needs = NEED_ROOT | NEED_NAME | CAN_DRY_RUN,
	.min_args = 2,
	.max_args = 2,
	.opts = cp_flags,
	.opts_size = sizeof(struct cp_opts),
	.run = cp_run,
};
