/* watch: what changes on the host comes into containers, by the rules of develop.watch.
 *
 * How it works: one loop waits for inotify, and acts when a burst of changes is over. Files are copied by a child of this process
 * (dev_sync.h); what davit has commands for, building, recreating, restarting, executing, davit itself is run for (self.h). What changes
 * meanwhile is the next burst. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../watch/debounce.h"
#include "../watch/notify.h"
#include "dev_rules.h"
#include "dev_sync.h"
#include "self.h"
#include "service_units.h"
#include "up.h"

enum { INTERRUPTED = 130, MANY = 1000 };

struct watch_opts {
	bool no_up, prune, quiet;
};

#define W(field) offsetof(struct watch_opts, field)
static const struct opt watch_flags[] = {
	{ 0, "no-up", OPT_BOOL, W(no_up), "do not build and start the services first" },
	{ 0, "prune", OPT_BOOL, W(prune), "remove the project's images that have lost their names after a rebuild (the default)" },
	{ 0, "quiet", OPT_BOOL, W(quiet), "do not show what builders print" },
	{ 0 }
};

struct watching {
	struct cli *c;
	const struct watch_opts *o;
	struct dev_rules rules;
	struct notify *notify;
	int lock_fd;
};

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = 1;
}

static void say(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	buf_str(&c->ui.out, "⦿ ");
	va_start(ap, fmt);
	buf_vprintf(&c->ui.out, fmt, ap);
	va_end(ap);
	buf_char(&c->ui.out, '\n');
	ui_flush(&c->ui, NULL);
}

/* Its directories may be made by our first `up`, or be others since a `down`. */
static int look_at_project(struct cli *c, struct err *err)
{
	pdirs_done(&c->pdirs);
	return pdirs_open(&c->dirs, c->name, false, &c->pdirs, err) < 0 ? -1 : cli_reload_world(c, err);
}

/* ------------------------------------------------------------------ davit's own commands */

static int run_with(struct watching *w, struct strs *args, const struct strs *env, struct err *err)
{
	int status = self_run(w->c, args, env, &stop, err);

	if (status > 0 && !stop)
		ui_warn(&w->c->ui, "'davit %s' ended with status %d", args->v[0], status);
	strs_done(args);
	return status;
}

static int run(struct watching *w, struct strs *args, struct err *err)
{
	return run_with(w, args, NULL, err);
}

static void add_all(struct strs *args, const struct strs *more)
{
	for (size_t i = 0; i < more->n; i++)
		strs_add(args, more->v[i]);
}

static char *quoted(const struct strs *names)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < names->n; i++)
		buf_printf(&b, "%s\"%s\"", i ? " " : "", names->v[i]);
	return buf_take(&b);
}

/* As the reference: what has both a build and rules is built, whether there is an image or not. */
static int bring_up(struct watching *w, struct err *err)
{
	struct strs build = STRS_INIT, up = STRS_INIT;
	int r = 0;

	strs_add(&build, "build");
	for (size_t i = 0; i < w->rules.n; i++)
		if (w->rules.v[i].service->build.given && !strs_has(&build, w->rules.v[i].rule.service))
			strs_add(&build, w->rules.v[i].rule.service);
	if (build.n > 1) {
		if (w->o->quiet)
			strs_add(&build, "--quiet");
		r = run(w, &build, err);
	}
	strs_done(&build);
	if (r != 0)
		return r;
	strs_add(&up, "up");
	strs_add(&up, "--detach");
	for (size_t i = 0; i < w->c->args.n; i++)
		strs_add(&up, w->c->args.v[i]);
	return run(w, &up, err);
}

static void prune(struct watching *w, struct err *err)
{
	struct strs args = STRS_INIT;

	strs_add(&args, "image");
	strs_add(&args, "prune");
	strs_add(&args, "--force");
	strs_add(&args, "--filter");
	strs_printf(&args, "label=com.docker.compose.project=%s", w->c->name);
	run(w, &args, err);
}

static int rebuild(struct watching *w, const struct strs *names, struct err *err)
{
	auto_free char *list = quoted(names);
	struct strs args = STRS_INIT;
	int r;

	if (!names->n)
		return 0;
	say(w->c, "Rebuilding service(s) [%s] after changes were detected...", list);
	strs_add(&args, "up");
	strs_add(&args, "--detach");
	strs_add(&args, "--build");
	strs_add(&args, "--no-deps");
	strs_add(&args, "--force-recreate");
	if (w->o->quiet)
		strs_add(&args, "--quiet-build");
	add_all(&args, names);
	r = run(w, &args, err);
	if (r == 0)
		say(w->c, "service(s) [%s] successfully built", list);
	if (r == 0 && w->o->prune)
		prune(w, err);
	return r < 0 ? -1 : 0;
}

static int restart(struct watching *w, const struct strs *names, struct err *err)
{
	auto_free char *list = quoted(names);
	struct strs args = STRS_INIT;
	int r;

	if (!names->n)
		return 0;
	strs_add(&args, "restart");
	add_all(&args, names);
	r = run(w, &args, err);
	if (r == 0)
		say(w->c, "service(s) [%s] restarted", list);
	return r < 0 ? -1 : 0;
}

/* Whether davit itself, or what loads it, heeds a variable. */
static bool is_heeded(const char *name)
{
	static const char *const begins[] = { "DAVIT_", "COMPOSE_", "LD_", "MALLOC_", "GLIBC_" };

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (str_starts(name, begins[i]))
			return true;
	return false;
}

/* Everybody can read what a process was called with, and what is a secret may well be in there: values go through the environment. */
static void add_variable(const struct kv *v, struct strs *args, struct strs *env)
{
	const char *value = v->value ? v->value : "";

	if (is_heeded(v->key)) {
		strs_printf(args, "--env=%s=%s", v->key, value);
		return;
	}
	strs_printf(args, "--env=%s", v->key);
	strs_printf(env, "%s=%s", v->key, value);
}

static int execute(struct watching *w, const struct dev_rule *rule, const struct unit_rec *u, struct err *err)
{
	const struct hook *x = &rule->said->exec;
	auto_strs struct strs env = STRS_INIT;
	struct strs args = STRS_INIT;

	strs_add(&args, "exec");
	strs_add(&args, "-T");
	strs_printf(&args, "--index=%u", u->index);
	if (x->privileged)
		strs_add(&args, "--privileged");
	if (x->user)
		strs_printf(&args, "--user=%s", x->user);
	if (x->working_dir)
		strs_printf(&args, "--workdir=%s", x->working_dir);
	for (size_t i = 0; i < x->environment.n; i++)
		add_variable(&x->environment.v[i], &args, &env);
	strs_add(&args, rule->rule.service);
	for (size_t i = 0; i < x->command.n; i++)
		strs_add(&args, x->command.v[i]);
	return run_with(w, &args, &env, err);
}

static int execute_in_all(struct watching *w, const struct dev_rule *rule, struct err *err)
{
	struct units units = { 0 };
	int r = units_of_service(w->c, rule->rule.service, (struct opt_int){ 0 }, UNITS_ORDINARY, &units, err);

	for (size_t i = 0; r >= 0 && i < units.n; i++)
		r = execute(w, rule, units.v[i], err);
	units_done(&units);
	return r < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------ a burst of changes */

struct burst {
	struct strs rebuild, restart;        /* services */
	struct dev_files *sync;              /* of each service that has any */
	size_t n_sync, cap_sync;
	bool *exec;                          /* of each rule */
};

static void burst_done(struct burst *b)
{
	strs_done(&b->rebuild);
	strs_done(&b->restart);
	for (size_t i = 0; i < b->n_sync; i++)
		dev_files_done(&b->sync[i]);
	free(b->sync);
	free(b->exec);
}

static void add_name(struct strs *l, const char *name)
{
	if (!strs_has(l, name))
		strs_add(l, name);
}

static void add_file(struct burst *b, const struct rule *r, const char *path)
{
	struct dev_files *files = NULL;
	struct dev_file *f;

	for (size_t i = 0; i < b->n_sync && !files; i++)
		if (STREQ(b->sync[i].service, r->service))
			files = &b->sync[i];
	if (!files) {
		files = XGROW(b->sync, b->n_sync, b->cap_sync);
		files->service = r->service;
	}
	f = XGROW(files->v, files->n, files->cap);
	*f = (struct dev_file){ .host = xstrdup(path), .target = rule_target(r, path), .top = rule_is_top(r, path) };
}

static void add_change(struct burst *b, const struct dev_rule *r, size_t number, const char *path)
{
	switch (r->said->action) {
	case WATCH_REBUILD:
		add_name(&b->rebuild, r->rule.service);
		return;
	case WATCH_RESTART:
		add_name(&b->restart, r->rule.service);
		return;
	case WATCH_SYNC_RESTART:
		add_name(&b->restart, r->rule.service);
		break;
	case WATCH_SYNC_EXEC:
		b->exec[number] = true;
		break;
	case WATCH_SYNC:
		break;
	}
	add_file(b, &r->rule, path);
}

static int sync_all(struct watching *w, const struct burst *b, struct err *err)
{
	for (size_t i = 0; i < b->n_sync; i++) {
		say(w->c, "Syncing service \"%s\" after %zu changes were detected", b->sync[i].service, b->sync[i].n);
		if (dev_sync(w->c, &b->sync[i], err) < 0)
			return err_wrap(err, "service '%s'", b->sync[i].service);
	}
	return 0;
}

static int act_on(struct watching *w, const struct burst *b, struct err *err)
{
	if (rebuild(w, &b->rebuild, err) < 0 || look_at_project(w->c, err) < 0 || sync_all(w, b, err) < 0 || restart(w, &b->restart, err) < 0 ||
	    look_at_project(w->c, err) < 0)
		return -1;
	for (size_t i = 0; i < w->rules.n && !stop; i++)
		if (b->exec[i] && execute_in_all(w, &w->rules.v[i], err) < 0)
			return -1;
	return 0;
}

/* What goes wrong with one burst is told, and the next one may go right. */
static void take_burst(struct watching *w)
{
	struct burst b = { .exec = xcalloc(w->rules.n + 1, sizeof *b.exec) };
	auto_strs struct strs paths = STRS_INIT;
	auto_err struct err err = ERR_INIT;

	notify_take(w->notify, &paths);
	if (paths.n > MANY)
		say(w->c, "Large batch of file changes detected (%zu). If you just switched branches, this is expected.", paths.n);
	for (size_t i = 0; i < paths.n; i++)
		for (size_t k = 0; k < w->rules.n; k++)
			if (rule_matches(&w->rules.v[k].rule, paths.v[i]))
				add_change(&b, &w->rules.v[k], k, paths.v[i]);
	if (act_on(w, &b, &err) < 0)
		ui_err(&w->c->ui, &err);
	burst_done(&b);
}

/* ------------------------------------------------------------------ from beginning to end */

static bool wanted(void *arg, const char *path, bool dir)
{
	const struct watching *w = arg;

	for (size_t i = 0; i < w->rules.n; i++)
		if (dir ? !rule_never_below(&w->rules.v[i].rule, path) : rule_matches(&w->rules.v[i].rule, path))
			return true;
	return false;
}

static bool describes_project(const char *path)
{
	static const char *const names[] = { "Dockerfile", "compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml",
					     "compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml",
					     "docker-compose.override.yml" };
	const char *base = strrchr(path, '/') + 1;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (STREQ(names[i], base))
			return true;
	return false;
}

static int initial_sync(struct watching *w, struct err *err)
{
	struct burst b = { .exec = NULL };
	auto_strs struct strs files = STRS_INIT;
	int r;

	notify_files(w->notify, &files);
	for (size_t k = 0; k < w->rules.n; k++)
		for (size_t i = 0; w->rules.v[k].said->initial_sync && dev_syncs(&w->rules.v[k]) && i < files.n; i++)
			if (rule_matches(&w->rules.v[k].rule, files.v[i]) && !describes_project(files.v[i]))
				add_file(&b, &w->rules.v[k].rule, files.v[i]);
	r = b.n_sync ? look_at_project(w->c, err) : 0;
	if (r == 0)
		r = sync_all(w, &b, err);
	burst_done(&b);
	return r;
}

static int open_watch(struct watching *w, struct err *err)
{
	if (notify_open(wanted, w, &w->notify, err) < 0)
		return -1;
	for (size_t i = 0; i < w->rules.n; i++) {
		if (notify_add(w->notify, w->rules.v[i].rule.path, err) == 0)
			continue;
		w->c->err_pos = w->rules.v[i].said->pos;
		return -1;
	}
	return 0;
}

/* Signals come while it waits, and only then: none is missed. */
static int wait_for_change(const struct watching *w, int ms)
{
	const struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * MS_NS };
	struct pollfd p = { .fd = notify_fd(w->notify), .events = POLLIN };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, ms < 0 ? NULL : &limit, &none);
}

static int loop(struct watching *w, struct err *err)
{
	struct debounce d = { 0 };

	while (!stop) {
		size_t before = notify_pending(w->notify);
		int ready = wait_for_change(w, debounce_wait_ms(&d, clock_mono_ns()));

		if (ready > 0 && notify_read(w->notify, err) < 0)
			return -1;
		if (ready > 0 && (before || notify_pending(w->notify)))
			debounce_event(&d, clock_mono_ns());
		if (stop || debounce_wait_ms(&d, clock_mono_ns()) != 0)
			continue;
		take_burst(w);
		d = (struct debounce){ 0 };
	}
	return 0;
}

/* Two of them would act on each change twice. */
static int only_one(struct watching *w, struct err *err)
{
	w->lock_fd = open(w->c->pdirs.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->lock_fd < 0)
		return err_sys(err, errno, "project '%s'", w->c->name);
	if (flock(w->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	err_set(err, ERR_BUSY, "another 'davit watch' watches project '%s'", w->c->name);
	return err_hint(err, "end that one first");
}

static int watch_all(struct watching *w, struct err *err)
{
	int r = w->o->no_up ? 0 : bring_up(w, err);

	if (r != 0 || stop)
		return r;
	if (look_at_project(w->c, err) < 0 || only_one(w, err) < 0 || open_watch(w, err) < 0)
		return -1;
	say(w->c, "Watch enabled");
	if (initial_sync(w, err) < 0 || loop(w, err) < 0)
		return -1;
	say(w->c, "Watch disabled");
	return 0;
}

static int watch_run(struct cli *c, const void *opts, struct err *err)
{
	const struct sigaction action = { .sa_handler = on_stop };
	const struct up_opts all = { 0 };
	struct watching w = { .c = c, .o = opts, .lock_fd = -1 };
	auto_free bool *scope = up_scope(c, &all);
	sigset_t both;
	int r = dev_rules(c, scope, &w.rules, err);

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&both);
	sigaddset(&both, SIGINT);
	sigaddset(&both, SIGTERM);
	sigprocmask(SIG_BLOCK, &both, NULL);
	if (r == 0)
		r = watch_all(&w, err);
	notify_close(w.notify);
	dev_rules_done(&w.rules);
	if (w.lock_fd >= 0)
		close(w.lock_fd);
	return r == 0 && stop ? INTERRUPTED : r;
}

static const struct watch_opts watch_defaults = { .prune = true };

const struct cmd cmd_watch = {
	.name = "watch",
	.args = "[SERVICE...]",
	.summary = "bring services up, and what changes in their sources into them",
	.details = "What is watched, and what is done then, is in the services' 'develop: {watch: […]}'. It stays until Ctrl-C.",
	.needs = NEED_ROOT | NEED_MODEL,
	.max_args = -1,
	.opts = watch_flags,
	.opts_size = sizeof(struct watch_opts),
	.defaults = &watch_defaults,
	.run = watch_run,
};
