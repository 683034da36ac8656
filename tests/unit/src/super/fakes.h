/* fakes.h - for tests of the state machine: unit.c, act.c, ending.c, gate.c and restart.c are the real ones; what would touch the world is
 * here and does nothing, but for noting that it was begun. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../../src/super/activity.h"
#include "../../../../src/super/hooks.h"
#include "../../../../src/super/park.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/log.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/str.h"

static struct super super;
static unsigned lines_written;           /* to the journal */
static unsigned stops_to_return, stops_to_rest;    /* of them: it is stopped, and comes back; it is stopped */
static bool init_is_gone;                /* what watch_init() finds */

/* ------------------------------------------------------------------ super.c */

void super_post(struct unit *u, enum uevent ev)
{
	struct queue_item *q;

	if (u->queued & (1u << ev))
		return;
	q = XGROW(super.queue, super.n_queue, super.cap_queue);
	*q = (struct queue_item){ u, ev };
	u->queued |= 1u << ev;
}

/* As super.c does at the end of each turn. */
static void drain(void)
{
	int steps = 0;

	do {
		while (super.queue_head < super.n_queue) {
			struct queue_item q = super.queue[super.queue_head++];
			q.u->queued &= ~(1u << q.ev);
			unit_step(q.u, q.ev);
			assert_true(++steps < 1000);
		}
		gate_look(&super);
	} while (super.queue_head < super.n_queue);
	super.queue_head = super.n_queue = 0;
}

void super_let_go(struct super *s, struct child *c) { }
char *super_container_dir(const struct super *s, const char *id) { return xstrdup("/nowhere"); }
char *super_run_path(const struct super *s, const char *kind, const char *slot) { return xstrdup("/nowhere"); }

int journal_append(struct journal *j, const char *key, const json_t *value, struct err *err)
{
	const char *state = jx_str(value, "state");

	lines_written++;
	if (str_eq(state, "stopping"))
		*(jx_bool(value, "restarting", false) ? &stops_to_return : &stops_to_rest) += 1;
	return 0;
}

/* ------------------------------------------------------------------ activity.c */

void timer_arm(struct event *ev, int64_t ms)
{
	struct timeval later = { .tv_sec = 1 << 20 };

	assert_true(ms >= 0);
	evtimer_add(ev, &later);
}

static void begin(struct unit *u, enum activity act)
{
	assert_int_equal(u->act, ACT_NONE);      /* one at a time */
	u->act = act;
}

void activity_worker(struct unit *u, enum activity act, worker_fn *fn, void *job) { begin(u, act); }
int activity_call(struct unit *u, enum activity act, const int stdio[3]) { begin(u, act); return 0; }
void activity_clean(struct unit *u) { begin(u, ACT_CLEAN); }
void activity_fail(struct unit *u, const char *attr) { super_post(u, E_FAIL); }
const struct oci_runtime *unit_runtime(struct unit *u) { return &super.runtime; }

/* ------------------------------------------------------------------ the others */

int watch_init(struct unit *u) { return init_is_gone ? -1 : 0; }
void unwatch_init(struct unit *u) { }
void exits_collect(struct super *s) { }
int streams_open(struct unit *u, int stdio[3], struct err *err) { return 0; }
void streams_watch(struct unit *u) { }
void streams_console(struct unit *u) { }
void streams_drain(struct unit *u) { }
void streams_close(struct unit *u) { }
void health_start(struct unit *u) { }
void health_reset(struct unit *u) { }
void health_stop(struct unit *u) { }
void hooks_reset(struct unit *u) { }
void hooks_after_start(struct unit *u) { }
bool hooks_before_stop(struct unit *u, int64_t grace_ms) { return false; }
void hooks_skip_stop(struct unit *u) { }
void hooks_end(struct unit *u) { }
int network_take_ports(struct unit *u, size_t *ret_index, struct err *err) { return 0; }
void network_drop_ports(struct unit *u) { }
void network_free_ports(struct unit *u) { }
void network_release(struct super *s, struct unit *u) { }
void network_dns_on(struct unit *u) { }
void network_dns_off(struct unit *u) { }
void txn_on_unit(struct super *s, struct unit *u) { }
bool txn_will_start(const struct super *s, const struct unit *u) { return false; }
static bool attended;                    /* whether a client is attached to any container */
bool client_attends(const struct unit *u) { return attended; }
void streams_go_on(struct unit *u) { }
void network_setup(struct super *s, network_done_fn *done, void *arg) { }
void waiters_check(struct super *s) { }
void publish_warn(struct super *s, struct client *c, const char *service, const char *msg) { }
int launch_work(void *job, json_t **ret, struct err *err) { return 0; }
void super_event(struct super *s, enum event_kind k, const char *name, json_t *more) { json_decref(more); }
void unit_event(struct unit *u, enum event_kind k, int64_t at_ns, const char *detail, json_t *more) { json_decref(more); }
void unit_event_signal(struct unit *u, int sig, int64_t at_ns) { }
void unit_event_backoff(struct unit *u) { }
void unit_event_started(struct unit *u) { }
void unit_event_die(struct unit *u) { }
void unit_event_rests(struct unit *u) { }
int park_work(void *unit, json_t **ret, struct err *err) { return 0; }
int park_drop_pins(struct super *s, const char *name, struct err *err) { return 0; }
int park_drop(struct super *s, const struct unit *u, bool volumes, struct err *err) { return 0; }
void unit_cause(struct unit *u, const char *cause) { }

/* ------------------------------------------------------------------ a world */

static struct unit *new_unit(const char *service, enum ustate state)
{
	char *slot = xasprintf("%s-1", service);
	struct unit *u = unit_make(&super, slot, service, 1);

	u->state = state;
	u->rec.id = xstrdup("1234");
	u->rec.name = xstrdup(slot);
	u->have_launch = true;
	u->launch.grace_ms = 1000;
	u->launch.restart = (struct restart_policy){ .kind = RESTART_ALWAYS, .delay_ns = -1, .window_ns = -1 };
	free(slot);
	return u;
}

static int begin_world(void **state)
{
	memset(&super, 0, sizeof super);
	super.base = event_base_new();
	log_to(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR, 0);
	init_is_gone = false;
	return 0;
}

static int end_world(void **state)
{
	for (size_t i = 0; i < super.units.n; i++)
		unit_free(super.units.items[i].value);
	map_done(&super.units, NULL);
	free(super.queue);
	event_base_free(super.base);
	return 0;
}
