/* hooks.c - one hook after the other (hooks.h). */
#include "hooks.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "exec_in.h"

struct hooks {                           /* while hooks are executed */
	struct unit *u;
	enum hook_kind kind;
	struct child call;
	struct event *call_ev;           /* NULL: nothing is in flight */
	struct event *patience;          /* with the runtime that is to begin it */
	struct event *deadline;          /* pre_stop */
};

static const char *const kind_str[] = { [HOOK_POST_START] = "post_start", [HOOK_PRE_STOP] = "pre_stop" };

char *hook_attr(enum hook_kind kind, unsigned index)
{
	return xasprintf("%s[%u]", kind_str[kind], index);
}

char *hook_file(enum hook_kind kind, unsigned index)
{
	return xasprintf("%s-%u.json", kind_str[kind], index);
}

static unsigned *next_of(const struct hooks *h)
{
	return h->kind == HOOK_POST_START ? &h->u->rec.post_started : &h->u->rec.pre_stopped;
}

static unsigned count_of(const struct hooks *h)
{
	return h->kind == HOOK_POST_START ? h->u->launch.n_post_start : h->u->launch.n_pre_stop;
}

/* ------------------------------------------------------------------ the end of them */

static void let_go(struct hooks *h)
{
	if (!h->call_ev)
		return;
	event_free(take(h->call_ev));
	evtimer_del(h->patience);
	exec_in_abort(h->u, "hook", &h->call);
}

static void hooks_free(struct hooks *h)
{
	let_go(h);
	event_free(h->patience);
	if (h->deadline)
		event_free(h->deadline);
	h->u->hooks = NULL;
	free(h);
}

/* Whoever waits for its start hears of it; the container is left as it is. */
static void post_start_failed(struct unit *u, struct err *why)
{
	free(u->fail_attr);
	u->fail_attr = hook_attr(HOOK_POST_START, u->rec.post_started);
	err_done(&u->hook_fail);
	err_move(&u->hook_fail, why);
	u->rec.hooking = false;
}

static void over(struct hooks *h)
{
	struct unit *u = h->u;
	enum hook_kind kind = h->kind;

	hooks_free(h);
	if (kind == HOOK_PRE_STOP) {
		unit_send_stop(u);
		u->rec.pre_stopped = u->launch.n_pre_stop + 1;   /* the signal counts, too */
		unit_save(u);
		return;
	}
	u->rec.hooking = false;
	unit_save(u);
	txn_on_unit(u->s, u);
	waiters_check(u->s);
}

/* ------------------------------------------------------------------ one of them */

static void execute(struct hooks *h);

static void failed(struct hooks *h, struct err *why)
{
	struct unit *u = h->u;

	if (!why->hint)
		err_hint(why, "see 'davit logs %s'", u->rec.service);
	if (h->kind == HOOK_PRE_STOP || u->rec.restarts)         /* nobody waits for it */
		publish_warn(u->s, NULL, u->rec.service, err_msg(why));
	if (h->kind == HOOK_POST_START) {
		post_start_failed(u, why);
		over(h);
		return;
	}
	++*next_of(h);
	execute(h);
}

static void judge(struct hooks *h, int status)
{
	auto_free char *attr = hook_attr(h->kind, *next_of(h));
	auto_free char *file = hook_file(h->kind, *next_of(h));
	auto_err struct err why = ERR_INIT;

	if (status == 0) {
		++*next_of(h);
		unit_save(h->u);
		execute(h);
		return;
	}
	if (exec_in_complaint(h->u, "hook", file, status, &why) < 0)
		err_wrap(&why, "%s of container '%s'", attr, h->u->rec.name);
	else
		err_set(&why, ERR_FAIL, "%s of container '%s' exited with status %d", attr, h->u->rec.name, status);
	failed(h, &why);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *h = arg;
	int status, r = proc_reap(&h->call, &status);

	if (r == 0) {
		event_add(h->call_ev, NULL);
		return;
	}
	event_free(take(h->call_ev));
	evtimer_del(h->patience);
	close(take_fd(&h->call.pidfd));
	exec_in_forget(h->u, "hook");
	judge(h, r < 0 ? -1 : status);
}

/* A hook may take its time, but it has to begin. */
static void on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *h = arg;
	struct unit *u = h->u;
	auto_free char *attr = hook_attr(h->kind, *next_of(h));
	auto_err struct err why = ERR_INIT;

	if (exec_in_begun(u, "hook"))
		return;
	let_go(h);
	oci_overdue(unit_runtime(u), attr, u->rec.name, &why);
	failed(h, &why);
}

static void execute(struct hooks *h)
{
	struct unit *u = h->u;
	auto_free char *file = hook_file(h->kind, *next_of(h));
	auto_err struct err err = ERR_INIT;
	int stdio[3] = { -1, -1, -1 }, r;

	if (*next_of(h) >= count_of(h)) {
		over(h);
		return;
	}
	r = streams_writers(u, stdio, &err);
	if (r == 0)
		r = exec_in_start(u, "hook", file, stdio, &h->call, &err);
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
	if (r < 0) {
		failed(h, &err);
		return;
	}
	h->call_ev = event_new(u->s->base, h->call.pidfd, EV_READ, on_end, h);
	event_add(h->call_ev, NULL);
	timer_arm(h->patience, oci_patience_ms());
}

static struct hooks *begin(struct unit *u, enum hook_kind kind)
{
	struct hooks *h = xcalloc(1, sizeof *h);

	if (u->hooks)
		hooks_free(u->hooks);
	h->u = u;
	h->kind = kind;
	h->patience = evtimer_new(u->s->base, on_patience, h);
	u->hooks = h;
	exec_in_kill(u, "hook");         /* what a supervisor that died meanwhile has left */
	return h;
}

/* ------------------------------------------------------------------ when */

void hooks_reset(struct unit *u)
{
	err_done(&u->hook_fail);
	u->rec.hooking = u->launch.n_post_start > 0;
	u->rec.post_started = u->rec.pre_stopped = 0;
	if (u->launch.n_post_start || u->launch.n_pre_stop)
		unit_save(u);
}

void hooks_after_start(struct unit *u)
{
	if (u->rec.hooking)
		execute(begin(u, HOOK_POST_START));
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct hooks *h = arg;
	auto_free char *attr = hook_attr(h->kind, *next_of(h));
	auto_free char *msg = xasprintf("%s of container '%s' did not end within the stop's grace time", attr, h->u->rec.name);

	publish_warn(h->u->s, NULL, h->u->rec.service, msg);
	*next_of(h) = count_of(h);
	over(h);
}

/* The last tenth of the grace time is the process's, whatever the hooks do. */
static void begin_pre_stop(struct unit *u, int64_t grace_ms, int64_t left_ms)
{
	int64_t ms = left_ms > grace_ms / 10 ? left_ms - grace_ms / 10 : 0;
	struct hooks *h = begin(u, HOOK_PRE_STOP);

	unit_save(u);                    /* what the stop is for, and when its grace ends: the first hook may take long */
	h->deadline = evtimer_new(u->s->base, on_deadline, h);
	timer_arm(h->deadline, ms);
	execute(h);
}

bool hooks_before_stop(struct unit *u, int64_t grace_ms)
{
	hooks_end(u);
	if (!u->launch.n_pre_stop || u->rec.pre_stopped > u->launch.n_pre_stop)
		return false;
	begin_pre_stop(u, grace_ms, grace_ms);
	return true;
}

void hooks_resume_stop(struct unit *u)
{
	int64_t left_ms = (u->rec.due_mono - clock_mono_ns()) / MS_NS;      /* of a grace that the request may have made shorter */

	if (u->launch.n_pre_stop && u->rec.pre_stopped <= u->launch.n_pre_stop)
		begin_pre_stop(u, left_ms < u->launch.grace_ms ? left_ms : u->launch.grace_ms, left_ms);
}

void hooks_end(struct unit *u)
{
	auto_err struct err why = ERR_INIT;

	if (u->hooks)
		hooks_free(u->hooks);
	if (!u->rec.hooking || u->fail.kind)     /* over, or never begun: the start itself has failed */
		return;
	auto_free char *attr = hook_attr(HOOK_POST_START, u->rec.post_started);
	err_set(&why, ERR_FAIL, "container '%s' ended before its %s did", u->rec.name, attr);
	post_start_failed(u, &why);
}

void hooks_skip_stop(struct unit *u)
{
	hooks_end(u);
	u->rec.pre_stopped = u->launch.n_pre_stop ? u->launch.n_pre_stop + 1 : 0;
}

char *hooks_in_flight(const struct unit *u)
{
	return u->hooks && u->hooks->call_ev ? hook_attr(u->hooks->kind, *next_of(u->hooks)) : NULL;
}

int hooks_started(const struct unit *u, struct err *err)
{
	if (!u->hook_fail.kind)
		return u->rec.hooking;
	err_set(err, u->hook_fail.kind, "%s", err_msg(&u->hook_fail));
	if (u->hook_fail.hint)
		err_hint(err, "%s", u->hook_fail.hint);
	return -1;
}
