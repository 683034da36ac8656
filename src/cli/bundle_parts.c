#include "bundle_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../ctl/ctl.h"
#include "../super/program.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "../util/version.h"

enum { ASK_MS = 10000, SECRET_FILE_MAX = 1 << 20, OS_RELEASE_MAX = 64 << 10 };

/* ------------------------------------------------------------------ what davit prints */

static void add_each(struct strs *argv, const char *flag, const struct strs *values)
{
	for (size_t i = 0; i < values->n; i++) {
		strs_add(argv, flag);
		strs_add(argv, values->v[i]);
	}
}

static void add_files(const struct cli *c, struct strs *argv)
{
	add_each(argv, "-f", &c->g.files);
	add_each(argv, "--env-file", &c->g.env_files);
	add_each(argv, "--profile", &c->g.profiles);
	if (c->g.project_directory) {
		strs_add(argv, "--project-directory");
		strs_add(argv, c->g.project_directory);
	}
}

/* What is longer than PART_MAX begins with a whole line: half a secret would not be recognised. */
static void keep_end(struct buf *out)
{
	const char *line;

	if (out->len <= PART_MAX)
		return;
	line = memchr(out->p + out->len - PART_MAX, '\n', PART_MAX);
	buf_consume(out, line ? (size_t)(line + 1 - out->p) : out->len);
}

static void read_all(int fd, struct buf *out)
{
	int64_t until = clock_mono_ns() + ASK_MS * MS_NS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left_ms = (until - clock_mono_ns()) / MS_NS;
		ssize_t n;

		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0) {
			buf_printf(out, "\n(no end after %d s)\n", ASK_MS / 1000);
			return;
		}
		n = read(fd, buf_room(out, 64 << 10), 64 << 10);
		if (n <= 0)
			return;
		out->len += (size_t)n;
		if (out->len > 2 * PART_MAX)
			keep_end(out);
	}
}

void bundle_ask(const struct cli *c, const char *const *words, bool with_files, struct buf *out)
{
	auto_free char *self = program_self();
	const char *const places[] = { self, "--state-dir", c->dirs.state, "--run-dir", c->dirs.run, "-p", c->name };
	auto_strs struct strs argv = STRS_INIT;
	auto_err struct err err = ERR_INIT;
	struct child child;
	int p[2], status;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		strs_add(&argv, places[i]);
	if (with_files)
		add_files(c, &argv);
	for (size_t i = 0; words[i]; i++)
		strs_add(&argv, words[i]);
	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	struct spawn sp = { .argv = (const char *const *)argv.v, .stdio = { -1, p[1], p[1] }, .die_with_parent = true };
	int r = proc_spawn(&sp, &child, &err);
	close(p[1]);
	if (r == 0) {
		read_all(p[0], out);
		proc_pidfd_signal(child.pidfd, SIGKILL);
		proc_wait(&child, ASK_MS, "davit", &status, NULL);
		close(child.pidfd);
	} else {
		buf_printf(out, "%s\n", err_msg(&err));
	}
	close(p[0]);
	keep_end(out);
}

/* ------------------------------------------------------------------ files */

void bundle_tail(const struct cli *c, const char *name, struct buf *out)
{
	auto_close int fd = c->pdirs.state_fd < 0 ? -1 : openat(c->pdirs.state_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END), from = size > PART_MAX ? size - PART_MAX : 0;
	ssize_t n = size <= 0 ? 0 : pread(fd, buf_room(out, PART_MAX), PART_MAX, from);

	out->len += n > 0 ? (size_t)n : 0;
	if (from) {
		const char *line = out->len ? memchr(out->p, '\n', out->len) : NULL;

		buf_consume(out, line ? (size_t)(line + 1 - out->p) : out->len);
	}
}

void bundle_health(const struct cli *c, struct buf *out)
{
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (r->health)
			buf_printf(out, "%s %s (%u failed probes in a row): %s\n", r->slot, r->health, r->health_fails,
				   r->health_said ? r->health_said : "");
	}
}

void bundle_config(const struct cli *c, struct buf *out)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *tree = NULL;
	char *masked;

	if (!c->project || project_dump_json(c->project, &text, NULL) < 0 || jx_parse(text.p, text.len, &tree, NULL) < 0)
		return;
	masks_tree(tree);
	masked = json_dumps(tree, JSON_INDENT(2));
	buf_printf(out, "%s\n", masked ? masked : "");
	free(masked);
}

void bundle_versions(const struct cli *c, struct buf *out)
{
	static const char pretty[] = "PRETTY_NAME=";
	const char *runtime = c->g.runtime ? c->g.runtime : getenv("DAVIT_RUNTIME");
	static const char *const version[] = { "version", NULL };
	auto_buf struct buf os = BUF_INIT;
	struct utsname kernel;
	const char *name;

	bundle_ask(c, version, false, out);
	buf_printf(out, "runtime: %s\n", runtime ? runtime : "crun, else runc");
	if (uname(&kernel) == 0)
		buf_printf(out, "kernel: %s %s %s\n", kernel.release, kernel.version, kernel.machine);
	if (path_read(AT_FDCWD, "/etc/os-release", OS_RELEASE_MAX, &os, NULL) == 0 && os.p && (name = strstr(os.p, pretty)))
		buf_printf(out, "system: %.*s\n", (int)strcspn(name + strlen(pretty), "\n"), name + strlen(pretty));
}

/* ------------------------------------------------------------------ secrets */

static void look_all(struct masks *m, const struct kvs *l)
{
	for (size_t i = 0; i < l->n; i++)
		masks_look(m, l->v[i].key, l->v[i].value);
}

/* A pipe may have no writer ever, and what is in it is its reader's. */
static bool read_file(const char *path, struct buf *text)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && path_read_fd(fd, SECRET_FILE_MAX, text, NULL) == 0;
}

static void look_contents(struct masks *m, const struct file_object *o, bool of_files)
{
	auto_buf struct buf text = BUF_INIT;

	if (o->content)
		masks_add(m, o->content, strlen(o->content));
	if (o->environment && getenv(o->environment))
		masks_add(m, getenv(o->environment), strlen(getenv(o->environment)));
	if (of_files && o->file && read_file(o->file, &text) && text.p)
		masks_add(m, text.p, text.len);
}

static void look_command(struct masks *m, const struct strv *words)
{
	masks_look_words(m, words->v, words->n);
}

static void look_hooks(struct masks *m, const struct hook *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		look_command(m, &v[i].command);
		look_all(m, &v[i].environment);
	}
}

static void look_model(struct masks *m, const struct project *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		look_all(m, &s->environment);
		look_all(m, &s->labels);
		look_all(m, &s->build.args);
		look_all(m, &s->log_options);
		look_command(m, &s->command);
		look_command(m, &s->entrypoint);
		look_command(m, &s->healthcheck.test);
		look_hooks(m, s->pre_start, s->n_pre_start);
		look_hooks(m, s->post_start, s->n_post_start);
		look_hooks(m, s->pre_stop, s->n_pre_stop);
	}
	for (size_t i = 0; i < p->n_secrets; i++)
		look_contents(m, &p->secrets[i], true);
	for (size_t i = 0; i < p->n_configs; i++)
		look_contents(m, &p->configs[i], false);
}

static void look_variables(const struct cli *c, struct masks *m)
{
	struct diag ignored = DIAG_INIT;
	auto_strs struct strs env = STRS_INIT;

	compose_environment(&c->compose, c->name, &ignored, &env);
	diag_done(&ignored);
	for (size_t i = 0; i < env.n; i++) {
		size_t len = strcspn(env.v[i], "=");
		auto_free char *name = xstrndup(env.v[i], len);

		masks_look(m, name, env.v[i][len] ? env.v[i] + len + 1 : "");
	}
}

void bundle_secrets(const struct cli *c, struct masks *m)
{
	if (c->project)
		look_model(m, c->project);
	look_variables(c, m);
}

void bundle_secrets_told(const struct buf *text, struct masks *m)
{
	for (const char *line = text->p, *end = line + text->len, *stop; text->len && line < end; line = stop + 1) {
		auto_json json_t *tree = NULL;

		stop = memchr(line, '\n', (size_t)(end - line));
		stop = stop ? stop : end;
		if (jx_parse(line, (size_t)(stop - line), &tree, NULL) == 0)
			masks_look_tree(m, tree);
	}
}

static void look_wire(struct masks *m, const char *text, size_t n)
{
	struct project *p = NULL;

	if (project_from_wire(text, n, &p, NULL) == 0)
		look_model(m, p);
	project_free(p);
}

static void look_generation(struct masks *m, int dir_fd, const char *name)
{
	auto_json json_t *generation = NULL;
	char *text;

	if (jx_load(dir_fd, name, CTL_MAX, &generation, NULL) < 0)
		return;
	text = json_dumps(json_object_get(generation, "model"), JSON_COMPACT | JSON_ENCODE_ANY);
	if (text)
		look_wire(m, text, strlen(text));
	free(text);
}

void bundle_secrets_stored(const struct cli *c, struct masks *m)
{
	auto_buf struct buf wire = BUF_INIT;
	auto_close int fd = c->pdirs.state_fd < 0 ? -1 : openat(c->pdirs.state_fd, "generations", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dup_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	auto_closedir DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);

	if (c->pdirs.state_fd >= 0 && path_read(c->pdirs.state_fd, "model.json", CTL_MAX, &wire, NULL) == 0 && wire.p)
		look_wire(m, wire.p, wire.len);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (str_ends(e->d_name, ".json"))
			look_generation(m, fd, e->d_name);
}
