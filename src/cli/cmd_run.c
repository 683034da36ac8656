/* run: a container beside those of the file, made from one of its services.
 *
 * What the service needs is brought up first, by an `up` like any other. Then the container is asked for, under a name that is chosen here:
 * so the request can be made again when its supervisor went away, and is never followed twice. A standard input that is no terminal is a
 * FIFO, whose writing end this process has from before the container is made: it ends when ours does, or when we do. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../compose/graph.h"
#include "../oci/oci.h"
#include "../state/lograw.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../plan/explain.h"
#include "act.h"
#include "dry.h"
#include "joined.h"
#include "run.h"
#include "up.h"

enum { STATUS_NOT_MADE = 125, INPUT_TRIES = 5 };

#define R(field) offsetof(struct run_opts, field)
static const struct opt run_flags[] = {
	{ 0, "build", OPT_BOOL, R(build), "build its image first, also when it is there" },
	{ 0, "cap-add", OPT_STRS, R(cap_add), "add a capability", "CAP" },
	{ 0, "cap-drop", OPT_STRS, R(cap_drop), "take a capability away", "CAP" },
	{ 'd', "detach", OPT_BOOL, R(detach), "run it in the background, and print its id" },
	{ 0, "entrypoint", OPT_STRING, R(entrypoint), "in place of the entrypoint of service and image", "COMMAND" },
	{ 'e', "env", OPT_STRS, R(env), "set a variable, or pass it on", "NAME[=VALUE]" },
	{ 0, "env-from-file", OPT_STRS, R(env_files), "set the variables of a file", "FILE" },
	{ 'i', "interactive", OPT_BOOL, R(interactive), "pass standard input on (the default; --interactive=false does not)" },
	{ 'l', "label", OPT_STRS, R(labels), "add a label", "NAME=VALUE" },
	{ 0, "name", OPT_STRING, R(name), "call the container so", "NAME" },
	{ 'T', "no-TTY", OPT_BOOL, R(no_tty), "no terminal (the default unless standard input and output are one)" },
	{ 0, "no-tty", OPT_BOOL, R(no_tty), NULL },
	{ 't', "tty", OPT_BOOL, R(tty), NULL },
	{ 0, "no-deps", OPT_BOOL, R(no_deps), "do not start what the service depends on" },
	{ 'p', "publish", OPT_STRS, R(ports), "publish a port", "[[IP:]PORT:]PORT" },
	{ 'P', "service-ports", OPT_BOOL, R(service_ports), "publish the service's ports" },
	{ 0, "pull", OPT_STRING, R(pull), "pull images: always, missing, never, or policy, which is what the file says", "POLICY", "always missing never policy …" },
	{ 'q', "quiet", OPT_BOOL, R(quiet), "show nothing but what the container prints" },
	{ 0, "quiet-build", OPT_BOOL, R(quiet_build), "do not show what builders print" },
	{ 0, "quiet-pull", OPT_BOOL, R(quiet_pull), "pull without showing how far it is" },
	{ 0, "remove-orphans", OPT_BOOL, R(remove_orphans), "remove containers of services that the file does not have" },
	{ 0, "rm", OPT_BOOL, R(rm), "remove the container when it has ended" },
	{ 0, "use-aliases", OPT_BOOL, R(use_aliases), "it answers to the service's names" },
	{ 'u', "user", OPT_STRING, R(user), "as this user: NAME or UID, with :GROUP", "USER" },
	{ 'v', "volume", OPT_STRS, R(volumes), "mount a volume or a path of the host", "[SOURCE:]TARGET[:ro]" },
	{ 'w', "workdir", OPT_STRING, R(workdir), "in this directory of the container", "DIR" },
	{ 0 }
};

/* Only the first argument is a service. */
static void run_prepare(struct cli *c, void *opts)
{
	struct run_opts *o = opts;

	o->command = c->args.v + 1;
	o->n_command = c->args.n - 1;
	c->args.n = 1;
}

static struct up_opts as_up(const struct run_opts *o)
{
	return (struct up_opts){ .detach = true, .no_deps = o->no_deps, .remove_orphans = o->remove_orphans, .build = o->build,
				 .pull = o->pull, .quiet_pull = o->quiet_pull || o->quiet, .quiet_build = o->quiet_build || o->quiet };
}

/* ------------------------------------------------------------------ what it needs */

/* Names of the services that it depends on, malloc'ed and borrowed from the project; n 0: none, or they are left alone. */
static struct opt_args needs_of(const struct cli *c, const struct run_opts *o, const struct service *svc)
{
	struct opt_args needs = { .v = xcalloc(svc->n_depends_on + 1, sizeof *needs.v) };

	for (size_t i = 0; i < svc->n_depends_on && !o->no_deps; i++)
		if (project_service(c->project, svc->depends_on[i].service))
			needs.v[needs.n++] = svc->depends_on[i].service;
	return needs;
}

/* What the service depends on is brought up as `up` does; how far that must have come, the request for the container waits for. */
static int bring_up_needs(struct cli *c, const struct run_opts *o, const struct service *svc, struct err *err)
{
	const struct opt_args own = c->args, needs = needs_of(c, o, svc);
	struct up_opts up = as_up(o);
	json_t *req = NULL;

	c->args = needs;
	if (needs.n)
		req = up_request(c, &up, err);
	c->args = own;
	free(needs.v);
	return req ? act_run(c, req, "Running", err) : needs.n ? -1 : 0;
}

/* --dry-run: what it needs as `up` would show it, and the container. */
static int show_dry(struct cli *c, const struct run_opts *o, const struct service *svc, struct err *err)
{
	const struct opt_args own = c->args, needs = needs_of(c, o, svc);
	auto_free char *name = o->name ? xstrdup(o->name) : xasprintf("%s-%s-run", c->name, svc->name);
	struct up_opts up = as_up(o);
	struct changes changes = { 0 };
	int r = 0;

	c->args = needs;
	if (needs.n)
		r = up_changes(c, &up, &changes, err);
	c->args = own;
	free(needs.v);
	if (r == 0)
		changes_add(&changes, CHANGE_CONTAINER, CHANGE_CREATE, name, svc->name, o->rm ? "removed when it has ended" : NULL);
	return r == 0 ? dry_show(c, &changes) : r;
}

/* ------------------------------------------------------------------ its standard input */

/* Opened at both ends; 1: it was taken for a dead one's and is gone again. */
static int open_input(int dir_fd, const char *name, int *ret_fd, int *ret_reader, struct err *err)
{
	auto_close int reader = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	struct stat there, ours;

	if (reader >= 0)
		fd = openat(dir_fd, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "open the pipe '%s'", name);
	if (fd < 0 || fstat(fd, &ours) < 0 || fstatat(dir_fd, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || ours.st_ino != there.st_ino)
		return 1;
	*ret_fd = take_fd(&fd);
	*ret_reader = take_fd(&reader);
	return 0;
}

/* Its writing end is held from before there is a container until ours ends. Until the container has it open this process is its reader, too:
 * so who opens it for writing need not wait for one, and the supervisor sees that somebody is there. */
static int make_input(struct cli *c, const char *slot, int *ret_fd, int *ret_reader, struct err *err)
{
	auto_free char *name = xasprintf("%s.in", slot);
	auto_close int dir_fd = -1;
	int is = 1;

	if (path_open_dir(c->pdirs.run_fd, "fifo", 0700, &dir_fd, err) < 0)
		return -1;
	for (int i = 0; is == 1 && i < INPUT_TRIES; i++)
		is = stdio_make_fifo(dir_fd, name, err) < 0 ? -1 : open_input(dir_fd, name, ret_fd, ret_reader, err);
	return is == 1 ? err_set(err, ERR_FAIL, "the pipe '%s' is taken away again and again", name) : is;
}

static void drop_input(struct cli *c, const char *slot)
{
	auto_free char *name = xasprintf("fifo/%s.in", slot);

	unlinkat(c->pdirs.run_fd, name, 0);
}

/* ------------------------------------------------------------------ the request */

struct running {
	struct cli *c;
	json_t *req;
	const char *slot;
	struct progress *p;
	struct act_tries tries;
	struct joined j;
	json_t *attached;
	int reader;                      /* of the FIFO, until the container has it open; -1: none */
	int status;                      /* known already; -1: not */
};

enum { ASK_MORE, ASK_OVER };

/* ACT_LOST: whoever listened there is gone. */
static int try_to_ask(struct running *r, struct err *err)
{
	if (act_connect(r->c, &r->j.ctl, err) < 0)
		return -1;
	pdirs_done(&r->c->pdirs);        /* they may be there only now */
	if (pdirs_open(&r->c->dirs, r->c->name, false, &r->c->pdirs, err) < 0)
		return -1;
	if (r->reader < 0 && r->j.in_fd < 0 && str_eq(jx_str(jx_obj(r->req, "run"), "stdin"), "once") &&
	    make_input(r->c, r->slot, &r->j.in_fd, &r->reader, err) < 0)
		return -1;
	return ctl_send(r->j.ctl, r->req, err) < 0 ? ACT_LOST : 0;
}

static int ask(struct running *r, struct err *err)
{
	int is;

	while ((is = try_to_ask(r, err)) == ACT_LOST) {
		ctl_close(take(r->j.ctl));
		if (!act_again(&r->tries, clock_mono_ns()))
			return -1;
		err_done(err);
		jx_set_bool(r->req, "again", true);     /* it may have come through */
	}
	return is;
}

/* Its supervisor went away. The next one goes on with what it finds; what was told to nobody is told again. */
static int ask_again(struct running *r, struct err *err)
{
	ctl_close(take(r->j.ctl));
	if (!act_again(&r->tries, clock_mono_ns()))
		return -1;
	err_done(err);
	jx_set_bool(r->req, "again", true);
	return ask(r, err);
}

/* The request had not been taken down, or all was over by the time it was made again. */
static int on_refusal(struct running *r, struct err *err)
{
	if (err->kind != ERR_NOT_FOUND || !jx_bool(r->req, "again", false))
		return -1;
	err_done(err);
	if (joined_history(r->c, r->slot, &r->status))
		return ASK_OVER;
	json_object_del(r->req, "again");
	ctl_close(take(r->j.ctl));
	return ask(r, err) < 0 ? -1 : ASK_MORE;
}

static int take_answer(struct running *r, struct err *err)
{
	for (;;) {
		auto_json json_t *e = NULL;
		int got = ctl_recv(r->j.ctl, 0, &e, err), is;

		if (got == 0)
			return ASK_MORE;
		if (got < 0)
			return ask_again(r, err) < 0 ? -1 : ASK_MORE;
		if (str_eq(jx_str(e, "ev"), "attached")) {
			r->attached = json_incref(e);
			return ASK_OVER;
		}
		is = act_event(r->c, r->p, e, err);
		if (is == ACT_LOST)
			return ask_again(r, err) < 0 ? -1 : ASK_MORE;
		if (is == ACT_DONE)
			return ASK_OVER;
		if (is < 0)
			return on_refusal(r, err);
	}
}

/* Until the container has started: Ctrl-C means that it is not wanted any more, and our going away tells that. */
static int await_start(struct running *r, struct err *err)
{
	struct signalfd_siginfo si;
	int is = ASK_MORE;

	while (is == ASK_MORE) {
		struct pollfd p[] = { { .fd = r->j.signal_fd, .events = POLLIN }, { .fd = ctl_fd(r->j.ctl), .events = POLLIN } };
		if (poll(p, ARRAY_LEN(p), progress_timeout_ms(r->p)) < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for the supervisor");
		while (read(r->j.signal_fd, &si, sizeof si) == sizeof si)
			if (si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM || si.ssi_signo == SIGHUP) {
				r->status = 128 + (int)si.ssi_signo;
				return 0;
			}
		is = take_answer(r, err);
		progress_draw(r->p);
	}
	return is < 0 ? -1 : 0;
}

static int join(struct running *r, const struct run_opts *o, struct err *err)
{
	auto_close int logs_fd = openat(r->c->pdirs.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool detached;
	int status;

	if (logs_fd < 0)
		return err_sys(err, errno, "open the logs of project '%s'", r->c->name);
	if (lograw_open(logs_fd, r->slot, 0, &r->j.log, err) < 0)
		return -1;
	r->j.pass_input = o->interactive;
	r->j.pass_signals = r->j.all_of_it = true;
	status = joined_run(&r->j, r->attached, &detached, err);
	return status;
}

/* ------------------------------------------------------------------ all of it */

static json_t *make_request(struct cli *c, const struct run_opts *o, json_t *run, struct err *err)
{
	struct up_opts up = as_up(o);
	json_t *req = up_request(c, &up, err);

	if (!req)
		return NULL;
	jx_set_str(req, "op", "run");
	jx_set_bool(req, "attach", !o->detach);
	json_object_set(req, "run", run);
	return req;
}

/* As docker says what it could not make; a command that is not there, or cannot be executed, has statuses of its own. */
static int not_made(struct cli *c, const struct run_opts *o, struct err *err)
{
	int status = err_exit_status(err);

	if (status != 1 && (o->n_command || o->entrypoint))      /* the file says nothing of it */
		c->err_pos = (struct pos){ 0 };
	ui_err_at(&c->ui, &c->diag, c->err_pos, err);
	err_done(err);
	return status == 1 ? STATUS_NOT_MADE : status;
}

static int print_id(struct running *r, struct err *err)
{
	const struct unit_rec *u;

	if (cli_reload_world(r->c, err) < 0)
		return -1;
	u = map_get(&r->c->world.units, r->slot);
	if (u && u->id)
		ui_print(&r->c->ui, "%s\n", u->id);
	return 0;
}

static int start_and_join(struct running *r, const struct run_opts *o, struct err *err)
{
	int is;

	r->p = progress_new(&r->c->ui, "Running");
	is = ask(r, err) < 0 ? -1 : await_start(r, err);
	progress_free(r->p);
	if (r->reader >= 0)
		close(r->reader);
	if (is < 0)
		return not_made(r->c, o, err);
	if (r->status >= 0)
		return r->status;
	if (!o->detach)                  /* a power cut ends what we look at, and us */
		return join(r, o, err);
	act_sync(r->c);
	return print_id(r, err);
}

static int run_it(struct cli *c, const struct run_opts *o, json_t *run, struct err *err)
{
	struct running r = { .c = c, .reader = -1, .status = -1, .j = { .c = c, .in_fd = -1 } };
	sigset_t old;
	int status;

	r.req = make_request(c, o, run, err);
	if (!r.req)
		return -1;
	r.slot = r.j.slot = jx_str(jx_obj(r.req, "run"), "slot");
	r.j.signal_fd = joined_signals(&old, err);
	status = r.j.signal_fd < 0 ? -1 : start_and_join(&r, o, err);
	if (!r.attached && r.j.in_fd >= 0)
		drop_input(c, r.slot);
	ctl_close(r.j.ctl);
	if (r.j.in_fd >= 0)
		close(r.j.in_fd);
	if (r.j.signal_fd >= 0)
		close(r.j.signal_fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	json_decref(r.attached);
	json_decref(r.req);
	return status;
}

static int check_opts(const struct run_opts *o, struct err *err)
{
	if (o->service_ports && o->ports.n)
		return err_set(err, ERR_USAGE, "--service-ports and --publish are incompatible");
	if (o->tty && o->no_tty)
		return err_set(err, ERR_USAGE, "--tty and --no-TTY are incompatible");
	return 0;
}

static int run_run(struct cli *c, const void *opts, struct err *err)
{
	const struct run_opts *o = opts;
	const struct service *svc = project_service(c->project, c->args.v[0]);
	struct up_opts up = as_up(o);
	auto_free bool *scope = up_scope(c, &up);
	auto_json json_t *run = NULL;
	int r = check_opts(o, err);

	if (o->quiet)
		c->ui.progress = PROGRESS_QUIET;
	if (r == 0 && c->g.dry_run)
		return show_dry(c, o, svc, err);
	run = r == 0 ? run_describe(c, o, svc, err) : NULL;      /* before anything is pulled or brought up for it */
	if (r == 0)
		r = run ? up_get_ready(c, &up, scope, err) : -1;
	if (r == 0 && (r = bring_up_needs(c, o, svc, err)) < 0)
		return not_made(c, o, err);
	return r ? r : run_it(c, o, run, err);
}

static void run_load(struct cli *c, void *opts)
{
	c->compose.effects = EFFECTS_WARNED;
	run_prepare(c, opts);
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "SERVICE [COMMAND] [ARGS...]",
	.summary = "run a command in a new container of a service",
	.details = "What the service depends on is started first. The exit status is the command's; 125: the container could not be\n"
		   "made, 126, 127: its command cannot be executed, is not there. Ctrl-C is passed on; the third one kills. With a\n"
		   "terminal, ctrl-p ctrl-q leaves it running.",
	.needs = NEED_ROOT | NEED_MODEL | STOP_AT_ARG | CAN_DRY_RUN,
	.min_args = 1,
	.max_args = -1,
	.opts = run_flags,
	.opts_size = sizeof(struct run_opts),
	.defaults = &(const struct run_opts){ .interactive = true },
	.prepare = run_load,
	.run = run_run,
};
