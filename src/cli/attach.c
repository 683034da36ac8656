/* attach.c - `up` in the foreground.
 *
 * How it works: one loop polls the requests in flight (up; after Ctrl-C stop, then kill), a subscription
 * that tells of exits, the journal, the logs and a signalfd. The subscription begins before the request,
 * so no exit is missed; nothing of the logs is shown before `up` is done. Whether there is still something
 * to wait for is read off the journal, which also survives a supervisor that is replaced meanwhile. */
#include "attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "view.h"
#include "watch.h"

enum { RESUBSCRIBE_MS = 50 };

/* What is drawn anew all the time, off the screen. */
static void hide(void *arg)
{
	struct attach *a = arg;

	menu_hide(a->menu);
	progress_hide(a->p);
}

/* --- what is asked for --- */

static int ask(struct attach *a, json_t *req, struct ctl **ret, struct err *err)
{
	int r = act_connect(a->c, ret, err);

	if (r == 0)
		r = ctl_send(*ret, req, err);
	json_decref(req);
	return r;
}

static json_t *request_all(const struct attach *a, const char *op)
{
	json_t *req = json_object(), *services = json_array();

	jx_set_str(req, "op", op);
	for (size_t i = 0; i < a->c->project->n_services; i++)
		if (a->scope[i])
			json_array_append_new(services, json_string(a->c->project->services[i].name));
	json_object_set_new(req, "services", services);
	act_set_timeout(req, a->o->timeout);
	return req;
}

static void say(struct attach *a, const char *text)
{
	auto_buf struct buf b = BUF_INIT;

	hide(a);
	ui_flush(&a->c->ui, NULL);       /* a terminal shows both streams */
	buf_printf(&b, "%s\n", text);
	ui_stderr(&b);
}

static int ask_stop(struct attach *a, struct err *err)
{
	return ask(a, request_all(a, "stop"), &a->stop, err);
}

static int ask_kill(struct attach *a, struct err *err)
{
	json_t *req = request_all(a, "kill");

	jx_set_str(req, "signal", "SIGKILL");
	return ask(a, req, &a->kill, err);
}

static int ask_up(struct attach *a, struct err *err)
{
	if (a->interrupts)               /* it is not wanted any more */
		return 0;
	return ask(a, json_incref(a->req), &a->up, err);
}

static int stop_all(struct attach *a, struct err *err)
{
	if (a->stop)
		return 0;
	progress_free(a->p);
	a->p = progress_new(&a->c->ui, "Stopping");
	return ask_stop(a, err);
}

/* 1: enough, leave at once. */
static int on_signal(struct attach *a, struct err *err)
{
	struct signalfd_siginfo si;

	if (read(a->signal_fd, &si, sizeof si) != sizeof si)
		return 0;
	menu_free(take(a->menu));        /* who stops may want to type Ctrl-C only */
	switch (++a->interrupts) {
	case 1:
		say(a, "Gracefully Stopping... press Ctrl+C again to force");
		return stop_all(a, err);
	case 2:
		say(a, "Killing...");
		return ask_kill(a, err);
	default:
		return 1;
	}
}

static void tell_watch(struct attach *a)
{
	bool any = up_watch_any(a->c, a->scope);

	menu_tell_watch(a->menu, a->watcher ? MENU_WATCHED : any ? MENU_UNWATCHED : MENU_NO_WATCH);
}

static void show_lines(struct attach *a, const struct buf *lines)
{
	if (!lines->len)
		return;
	hide(a);
	buf_add(&a->c->ui.out, lines->p, lines->len);
	ui_flush(&a->c->ui, NULL);
}

static void end_watcher(struct attach *a)
{
	auto_buf struct buf last = BUF_INIT;

	up_watch_end(take(a->watcher), &last);
	show_lines(a, &last);
}

/* What it has said; and it may have ended by itself. */
static void take_watcher(struct attach *a)
{
	auto_buf struct buf lines = BUF_INIT;
	bool alive = up_watch_take(a->watcher, &lines);

	show_lines(a, &lines);
	if (alive)
		return;
	end_watcher(a);
	tell_watch(a);
}

static void toggle_watch(struct attach *a)
{
	auto_err struct err err = ERR_INIT;

	if (a->watcher)
		end_watcher(a);
	else if (up_watch_check(a->c, a->scope, &err) < 0 || up_watch_start(a->c, &a->watcher, &err) < 0)
		say(a, err_msg(&err));
	tell_watch(a);
}

/* True: leave now, the containers run on. */
static bool on_key(struct attach *a)
{
	char key = menu_key(a->menu);

	while (key && key != 'd') {
		if (key == 'w')
			toggle_watch(a);
		key = menu_key(a->menu);
	}
	if (!key)
		return false;
	menu_free(take(a->menu));
	a->detached = true;
	say(a, "Detached: the containers run on; 'davit logs -f' shows their logs, 'davit stop' stops them");
	return true;
}

int attach_abort(struct attach *a, struct err *err)
{
	if (a->aborting || a->interrupts)
		return 0;
	if (!a->shown) {                 /* let `up` finish first: it would fail only because of us */
		a->abort_due = true;
		return 0;
	}
	a->aborting = true;
	say(a, "Aborting on container exit...");
	return stop_all(a, err);
}

/* --- the containers --- */

/* Lets what belongs to us take part in the logs. *ret_busy: whether something may still be heard of. */
static int look(struct attach *a, bool *ret_busy, struct err *err)
{
	size_t n;
	auto_free struct view *list = NULL;
	struct opt_args all = a->c->args;

	if (cli_reload_world(a->c, err) < 0)
		return -1;
	a->c->args = (struct opt_args){ 0 };     /* attach_shows() knows better than the arguments */
	list = view_list(a->c, &n);
	a->c->args = all;
	*ret_busy = false;
	for (size_t i = 0; i < n; i++) {
		const struct unit_rec *r = list[i].r;

		*ret_busy |= view_busy(r) && attach_counts(a, r->service);
		if (attach_shows(a, r->service) && follow_add(a->f, r, err) < 0)
			return -1;
	}
	return 0;
}

static void say_attaching(struct attach *a)
{
	size_t n;
	auto_free struct view *list = NULL;
	struct opt_args all = a->c->args;
	bool first = true;

	a->c->args = (struct opt_args){ 0 };
	list = view_list(a->c, &n);
	a->c->args = all;
	for (size_t i = 0; i < n; i++) {
		if (!attach_shows(a, list[i].r->service))
			continue;
		ui_print(&a->c->ui, "%s%s", first ? "Attaching to " : ", ", follow_label(a->c, list[i].r));
		first = false;
	}
	if (!first)
		ui_print(&a->c->ui, "\n");
}

/* Exits from before the logs were shown are told of behind what was logged until then. The block of `up`
 * stays where it is. */
static int begin(struct attach *a, bool *ret_busy, struct err *err)
{
	a->shown = true;
	progress_free(a->p);
	a->p = progress_new(&a->c->ui, "Running");
	if (a->o->menu || cli_env_true("COMPOSE_MENU"))
		a->menu = menu_new(&a->c->ui);
	if (look(a, ret_busy, err) < 0)
		return -1;
	say_attaching(a);
	if (follow_pump(a->f, false, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < a->exits.n; i++) {
		char *space = strchr(a->exits.v[i], ' ');

		*space = 0;
		if (attach_tell_end(a, a->exits.v[i], space + 1, err) < 0)
			return -1;
	}
	if (a->o->watch && !a->watcher && up_watch_start(a->c, &a->watcher, err) < 0)
		return -1;
	tell_watch(a);
	return a->abort_due ? attach_abort(a, err) : 0;
}

/* --- the loop --- */

static int set_up(struct attach *a, struct err *err)
{
	const struct follow_opts fo = {
		.timestamps = a->o->timestamps,
		.no_prefix = a->o->no_prefix,
		.no_colour = a->o->no_color,
		.apart = true,
		.live = true,
		.range = { .since_ns = follow_now(a->c), .since_steady = true, .tail = -1 },
		.before = hide,
		.arg = a,
	};
	json_t *sub = json_object();
	sigset_t mask;

	a->p = progress_new(&a->c->ui, "Running");
	a->f = follow_new(a->c, &fo);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &a->old_mask);
	a->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	jx_set_str(sub, "op", "subscribe");
	if (ask(a, sub, &a->sub, err) < 0 || ask_up(a, err) < 0)
		return -1;
	/* the directories may be there only now */
	pdirs_done(&a->c->pdirs);
	if (pdirs_open(&a->c->dirs, a->c->name, false, &a->c->pdirs, err) < 0)
		return -1;
	return watch_open(&a->c->pdirs, &a->watch_fd, err);
}

static void tear_down(struct attach *a)
{
	struct ctl *all[] = { a->up, a->stop, a->kill, a->sub };

	end_watcher(a);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i])
			ctl_close(all[i]);
	progress_free(a->p);
	follow_free(a->f);
	if (a->signal_fd >= 0)
		close(a->signal_fd);
	if (a->watch_fd >= 0)
		close(a->watch_fd);
	sigprocmask(SIG_SETMASK, &a->old_mask, NULL);
	strs_done(&a->exits);
	menu_free(a->menu);
}

static int wait_for_something(struct attach *a, struct err *err)
{
	struct ctl *const all[] = { a->up, a->stop, a->kill, a->sub };
	struct pollfd fds[ARRAY_LEN(all) + 5];
	bool waiting = a->up || a->stop || a->kill;
	int timeout_ms = !a->sub ? RESUBSCRIBE_MS : waiting ? progress_timeout_ms(a->p) : -1;
	size_t n = 0;

	fds[n++] = (struct pollfd){ .fd = a->signal_fd, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = a->watch_fd, .events = POLLIN };
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i])
			fds[n++] = (struct pollfd){ .fd = ctl_fd(all[i]), .events = POLLIN };
	if (a->shown)
		fds[n++] = (struct pollfd){ .fd = follow_fd(a->f), .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = menu_fd(a->menu), .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = up_watch_fd(a->watcher), .events = POLLIN };
	if (poll(fds, n, timeout_ms) < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for the containers");
	return 0;
}

/* Takes what came for one request and closes it at its end; a lost one is made again. ACT_DONE, ACT_MORE,
 * -1. */
static int take_request(struct attach *a, struct ctl **ctl, int (*again)(struct attach *, struct err *),
			struct err *err)
{
	int r = *ctl ? act_take(a->c, *ctl, a->p, 0, err) : ACT_MORE;

	if (r != ACT_MORE)
		ctl_close(take(*ctl));
	if (r == ACT_DONE)
		act_sync(a->c);
	if (r != ACT_LOST)
		return r;
	if (!act_again(&a->tries, clock_mono_ns()))
		return -1;
	err_done(err);
	return again(a, err) < 0 ? -1 : ACT_MORE;
}

/* With --watch nothing is over when all stand still: the next change of a file may start them again. */
static bool may_go_on(const struct attach *a)
{
	return a->watcher && !a->interrupts && !a->aborting;
}

/* 0: go on; 1: all is over; -1. */
static int turn(struct attach *a, bool *busy, struct err *err)
{
	auto_err struct err ignored = ERR_INIT;
	int r;

	if (wait_for_something(a, err) < 0)
		return -1;
	r = on_signal(a, err);
	if (r || on_key(a))
		return r ? r : 1;
	r = take_request(a, &a->up, ask_up, a->interrupts ? &ignored : err);
	if (r < 0 && !a->interrupts)
		return -1;
	if (r == ACT_DONE && begin(a, busy, err) < 0)
		return -1;
	if (attach_take_ends(a, err) < 0 || take_request(a, &a->kill, ask_kill, err) < 0)
		return -1;
	r = take_request(a, &a->stop, ask_stop, err);
	if (r)
		return r;
	if (watch_take(a->watch_fd) && a->shown && look(a, busy, err) < 0)
		return -1;
	if (a->shown && follow_pump(a->f, false, NULL, err) < 0)
		return -1;
	take_watcher(a);
	progress_draw(a->p);
	menu_show(a->menu);
	return a->shown && !*busy && !a->stop && !a->kill && !may_go_on(a);
}

int attach_run(struct cli *c, const struct up_opts *o, const bool *scope, json_t *req, struct err *err)
{
	struct attach a = { .c = c,
			    .o = o,
			    .scope = scope,
			    .req = req,
			    .signal_fd = -1,
			    .watch_fd = -1,
			    .status = -1 };
	bool busy = true;
	int r = set_up(&a, err);

	while (r == 0)
		r = turn(&a, &busy, err);
	if (r > 0 && a.shown && !a.detached && (attach_take_ends(&a, err) < 0 || follow_pump(a.f, true, NULL, err) < 0))
		r = -1;
	if (r > 0)
		r = a.interrupts ? EXIT_INTERRUPTED : attach_status(&a);
	tear_down(&a);
	json_decref(req);
	return r;
}
