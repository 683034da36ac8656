/* adopt.c - start-up is recovery: what the journal remembers is compared with what the kernel has, and each unit gets the state
 * from which its table goes on. Nothing that runs is touched.
 *
 * A process is the one remembered when pid, start time and boot agree. How a process ended that is gone by now stands in the exits file. */
#include "pause.h"
#include "exec_in.h"
#include "hooks.h"
#include "run.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

void unit_load_launch(struct unit *u)
{
	auto_free char *dir = super_container_dir(u->s, u->rec.id);
	auto_free char *path = xasprintf("%s/launch.json", dir);
	auto_err struct err err = ERR_INIT;
	auto_json json_t *j = NULL;
	bool read = jx_load(AT_FDCWD, path, 1 << 20, &j, &err) == 0;

	launch_done(&u->launch);
	u->have_launch = false;
	if (!read || launch_from_json(j, &u->launch, &err) < 0) {
		log_info("%s: no launch record: %s", u->rec.slot, err_msg(&err));
		/* torn by a power cut: the next start writes it anew */
		if (!read && err.kind == ERR_INPUT && !unit_rec_alive(&u->rec))
			unlink(path);
		return;
	}
	u->have_launch = true;
}

/* Monotonic times of another boot mean nothing here. A record that has none is a running container's as an older davit wrote it:
 * its time counts from now. */
static void judge_times(struct unit *u)
{
	if (!str_eq(u->rec.boot, proc_boot_id()))
		u->rec.started_mono = u->rec.due_mono = 0;
	else if (u->state == U_RUNNING && !u->rec.started_mono)
		u->rec.started_mono = clock_mono_ns();
}

static struct unit *unit_of(struct super *s, struct unit_rec *r)
{
	struct unit *u = unit_make(s, r->slot, r->service, r->index);
	int state = ustate_parse(r->state);

	unit_rec_done(&u->rec);
	u->rec = *r;
	memset(r, 0, sizeof *r);
	/* a newer davit may know states that we do not: what lives runs */
	u->state = state >= 0 ? (enum ustate)state : unit_rec_alive(&u->rec) ? U_RUNNING : U_STOPPED;
	judge_times(u);
	if (u->rec.id)
		unit_load_launch(u);
	return u;
}

/* The timer of the state goes on where it was; at most `limit_ms`, whatever the record says. False: the record does not know it. */
static bool resume_timer(struct unit *u, int64_t limit_ms)
{
	int64_t left_ms = (u->rec.due_mono - clock_mono_ns()) / MS_NS;

	if (!u->rec.due_mono)
		return false;
	unit_timer(u, left_ms < 0 ? 0 : left_ms > limit_ms ? limit_ms : left_ms);
	return true;
}

/* It was asked to end: by somebody, or to be started again. It is not asked a second time. */
static void adopt_stopping(struct unit *u)
{
	u->want = u->rec.restarting && !u->rec.manual_stop ? W_AGAIN : W_STOPPED;
	u->stop_asked = u->want == W_STOPPED;
	if (!resume_timer(u, INT64_MAX))
		act_term(u);
	else
		hooks_resume_stop(u);
}

static void adopt_living(struct unit *u)
{
	oom_watch(u, true);
	streams_adopt(u);
	network_dns_on(u);
	if (u->state == U_STARTING && !unit_waits_for_start(u)) {
		u->state = U_RUNNING;
		unit_nudge(u);
	}
	switch (u->state) {
	case U_STARTING:
		u->want = W_RUNNING;
		unit_steady(u);
		act_start(u);
		break;
	case U_RUNNING:
		u->want = W_RUNNING;
		if (!u->rec.started_ns)
			u->rec.started_ns = clock_wall_ns();
		events_adopt_start(u);
		unit_refreeze(u);
		if (!u->rec.paused)
			health_start(u);
		hooks_after_start(u);
		unit_save(u);
		break;
	case U_STOPPING:
		adopt_stopping(u);
		break;
	default:                         /* created: whoever wanted it started says so again, but for its policy */
		unit_want(u, u->rec.restarting && !u->rec.manual_stop ? W_RUNNING : W_CREATED);
		break;
	}
}

/* Its process is gone. The exits file is read by exits_collect() later; what stands there wins over "unknown". */
static void adopt_dead(struct unit *u)
{
	bool again = u->state == U_STOPPING && u->rec.restarting && !u->rec.manual_stop;
	bool stopping = (u->state == U_STOPPING && !again) || u->rec.manual_stop;

	u->want = stopping ? W_STOPPED : again ? W_AGAIN : u->state == U_CREATED && !u->rec.restarting ? W_NOTHING : W_RUNNING;
	u->stop_asked = stopping;
	if (u->state == U_STARTING)      /* nobody's start is in flight any more: it ran, if for a moment */
		u->state = U_RUNNING;
	if (u->state != U_CREATED)
		events_adopt_start(u);
	streams_adopt(u);
}

/* The host was started anew: neither process, mount nor namespace of its last run exists. What its policy brings back is started
 * again, with the first pause when it ends again. */
static void adopt_after_boot(struct unit *u)
{
	bool ran = u->state == U_RUNNING || u->state == U_STARTING || (u->state == U_STOPPING && u->rec.restarting);

	if (u->state == U_ABSENT)
		return;
	if (unit_has_process(u->state)) {
		u->rec.exit_code = -1;
		u->rec.finished_ns = clock_wall_ns();
		u->exit_source = "reboot";
	}
	u->rec.restarting = restart_at_boot(unit_policy(u), &u->rec, ran || u->rec.resume);
	if (unit_has_process(u->state))
		unit_event_die(u);
	if (u->rec.restarting)
		u->rec.manual_stop = false;
	else if (u->state == U_FAILED)
		return;
	boot_note(u, ran || u->rec.restarting);
	if (u->s->booting)               /* the request that is on its way knows the order */
		u->rec.restarting = false;
	u->rec.backoff_ms = u->rec.started_mono = u->rec.due_mono = 0;
	u->rec.proc = (struct proc_id){ 0 };
	u->state = U_STOPPED;
	unit_save(u);
}

/* Nothing of it runs and nothing is known to be in flight. Requests that were interrupted say again what they want. */
static void adopt_resting(struct unit *u)
{
	bool again = u->rec.restarting && !u->rec.manual_stop;

	if (u->rec.manual_stop && (u->state == U_BACKOFF || u->state == U_WAITING)) {
		unit_want(u, W_STOPPED);
		return;
	}
	switch (u->state) {
	case U_BACKOFF:
		u->want = W_RUNNING;
		if (!resume_timer(u, u->rec.backoff_ms))
			unit_due(u, u->rec.backoff_ms);
		return;
	case U_WAITING:
		act_gate(u);
		return;
	case U_CREATING:
		u->want = again ? W_RUNNING : W_NOTHING;
		u->counted = again;
		u->state = U_DELETING;
		act_delete_half(u);
		return;
	case U_DELETING:
	case U_EXITED:
		u->want = again ? W_RUNNING : W_NOTHING;
		u->state = U_DELETING;
		streams_adopt(u);       /* what it said last may not have been read */
		act_delete(u);
		return;
	case U_FAILED:
		run_settle_later(u);
		return;
	default:
		u->state = u->rec.id ? U_STOPPED : U_ABSENT;
		if (again)
			unit_want(u, W_AGAIN);
		run_settle_later(u);
	}
}

/* A mount of this boot's is the surest sign that the last run was in this boot, too. */
static bool has_root(const struct unit *u)
{
	auto_free char *path = super_run_path(u->s, "rootfs", u->rec.slot);
	struct statx stx;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx) == 0 &&
	       stx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

static bool has_process_now(const struct unit *u)
{
	return unit_has_process(u->state) && unit_rec_alive(&u->rec);
}

/* When the networks are right again: what died is dealt with, what rests may go on. */
static void on_networks(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	if (err)
		log_error("networks: %s", err_msg(err));
	exits_collect(s);
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (unit_has_process(u->state) && u->pidfd < 0 && !(u->queued & (1u << E_EXIT)))
			unit_ended(u, -1, clock_wall_ns());
		else if (!unit_has_process(u->state) && u->act == ACT_NONE)
			adopt_resting(u);
	}
	keeper_drop_unclaimed(s);
	run_sweep(s);
	s->resume_due = true;            /* once all of this has been dealt with: a plan needs to see what is true now */
}

static void adopt_units(struct super *s, struct world *w)
{
	map_each(&w->units, it) {
		struct unit *u = unit_of(s, it->value);
		network_adopt_ports(u);
	}
	s->took_over = s->units.n > 0;
	exec_in_sweep(s);
	events_begin(s);
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (!has_root(u) && !has_process_now(u))
			adopt_after_boot(u);
		else if (unit_has_process(u->state) && watch_init(u) == 0 && has_process_now(u))
			adopt_living(u);
		else if (unit_has_process(u->state))
			adopt_dead(u);   /* watched, when the keeper has a pidfd that remembers how it ended */
	}
}

/* Without the books it is not known which networks there are, and what the kernel has serves those that run. */
static void on_books(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	auto_err struct err why = ERR_INIT;
	bool known = !err && network_apply_books(s, result, NULL, &why) == 0;

	if (!known)
		log_error("books: %s; networks stay as they are", err ? err_msg(err) : err_msg(&why));
	if (known && s->units.n)
		network_setup(s, on_networks, NULL);
	else
		on_networks(s, NULL, NULL, NULL);
}

int adopt_world(struct super *s, struct err *err)
{
	struct world w;

	if (world_load(s->p.state_fd, &w, err) < 0)
		return -1;
	s->project_line = json_incref(w.project);
	s->adopting = true;
	adopt_units(s, &w);
	world_done(&w);
	if (s->model)
		network_books(s, NULL, on_books, NULL);
	else
		on_networks(s, NULL, NULL, NULL);
	return 0;
}
