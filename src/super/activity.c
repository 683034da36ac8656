/* activity.c - what a unit has in flight: one worker or one process of the runtime, each with a deadline. Its end becomes an event. */
#include "activity.h"
#include "park.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

/* Every wait has an end and a culprit. Generous: it is for what hangs, not for what is slow. */
enum { WORKER_MS = 600000 };

static const char *const verb_str[] = {
	[ACT_NONE] = "nothing", [ACT_PREPARE] = "prepare", [ACT_CREATE] = "create",
	[ACT_START] = "start",	[ACT_CLEAN] = "clean up",  [ACT_DELETE] = "delete",
	[ACT_REMOVE] = "remove",
};

static void act_over(struct unit *u)
{
	if (u->act_ev)
		event_free(take(u->act_ev));
	if (u->act_timer)
		event_free(take(u->act_timer));
	u->act = ACT_NONE;
}

void activity_fail(struct unit *u, const char *attr)
{
	free(u->fail_attr);
	u->fail_attr = xstrdup(attr);
	super_post(u, E_FAIL);
}

static bool is_worker(enum activity act)
{
	return act == ACT_PREPARE || act == ACT_REMOVE || act == ACT_CLEAN;
}

/* Ends what is in flight, and says what took too long. */
static void cut_off(struct unit *u, struct err *err)
{
	if (is_worker(u->act)) {
		worker_abort(&u->worker);
		err_set(err, ERR_TIMEOUT, "to %s container '%s' took more than %d s", verb_str[u->act], u->rec.name, WORKER_MS / 1000);
		return;
	}
	super_let_go(u->s, &u->call);
	oci_overdue(unit_runtime(u), verb_str[u->act], u->rec.name, err);
}

/* A start goes on: what came of it can be told afterwards. */
void activity_cut_short(struct unit *u)
{
	if (is_worker(u->act))
		worker_abort(&u->worker);
	else if (u->act == ACT_CREATE || u->act == ACT_DELETE)
		proc_pidfd_signal(u->call.pidfd, SIGKILL);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	enum activity act = u->act;
	auto_err struct err err = ERR_INIT;

	cut_off(u, &err);
	act_over(u);
	log_error("%s", err_msg(&err));
	if (act == ACT_DELETE && !u->cleaned) {
		activity_clean(u);
		return;
	}
	if (act != ACT_DELETE && act != ACT_CLEAN) {
		err_done(&u->fail);
		err_move(&u->fail, &err);
	}
	activity_fail(u, NULL);
}

static void act_begin(struct unit *u, enum activity act, int fd, short persist, event_callback_fn cb, int64_t ms)
{
	u->act = act;
	u->act_ev = event_new(u->s->base, fd, EV_READ | persist, cb, u);
	event_add(u->act_ev, NULL);
	u->act_timer = evtimer_new(u->s->base, on_overdue, u);
	timer_arm(u->act_timer, ms);
}

/* ------------------------------------------------------------------ workers */

static void cleaned(struct unit *u);

static void on_worker(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	enum activity act = u->act;
	auto_json json_t *j = NULL;

	if (worker_read(&u->worker) == 0)
		return;
	act_over(u);
	if (act == ACT_CLEAN) {
		cleaned(u);
		return;
	}
	err_done(&u->fail);
	if (worker_finish(&u->worker, &j, &u->fail) < 0) {
		activity_fail(u, NULL);
		return;
	}
	if (act == ACT_PREPARE)
		act_note_anonymous(u, j);
	if (act == ACT_PREPARE && jx_str(j, "failed")) {
		err_set(&u->fail, err_kind_parse(jx_str(j, "kind")), "%s", jx_str(j, "failed"));
		if (jx_str(j, "hint"))
			err_hint(&u->fail, "%s", jx_str(j, "hint"));
		activity_fail(u, jx_str(j, "attr"));
		return;
	}
	if (act == ACT_PREPARE)
		act_note_prepared(u, j);
	if (act == ACT_REMOVE && u->park)
		park_note(u);
	super_post(u, E_OK);
}

void activity_worker(struct unit *u, enum activity act, worker_fn *fn, void *job)
{
	struct err err = ERR_INIT;

	if (worker_start(fn, job, &u->worker, &err) < 0) {
		err_done(&u->fail);
		err_move(&u->fail, &err);
		activity_fail(u, NULL);
		return;
	}
	act_begin(u, act, u->worker.fd, EV_PERSIST, on_worker, WORKER_MS);
}

/* ------------------------------------------------------------------ the runtime */

struct call_paths {
	char *root, *bundle, *pid, *log, *console;
};

static void call_paths_done(struct call_paths *p)
{
	free(p->root);
	free(p->bundle);
	free(p->pid);
	free(p->log);
	free(p->console);
}

static struct oci_call call_make(struct unit *u, enum oci_verb verb, struct call_paths *p)
{
	*p = (struct call_paths){
		.root = xasprintf("%s/oci", u->s->p.run),
		.bundle = super_run_path(u->s, "bundle", u->rec.id),
		.pid = xasprintf("%s/tmp/%s.pid", u->s->p.run, u->rec.slot),
		.log = xasprintf("%s/tmp/%s.log", u->s->p.run, u->rec.slot),
		.console = u->launch.tty ? xasprintf("%s/tmp/%s.tty", u->s->p.run, u->rec.slot) : NULL,
	};
	return (struct oci_call){
		.runtime = unit_runtime(u), .root = p->root, .id = u->rec.id, .verb = verb,
		.bundle = p->bundle, .pid_file = p->pid, .log_file = p->log,
		.console_socket = verb == OCI_CREATE ? p->console : NULL,
		.force = true, .stdio = { -1, -1, -1 },
	};
}

static int read_pid(struct unit *u, struct err *err)
{
	auto_free char *name = xasprintf("tmp/%s.pid", u->rec.slot);
	auto_buf struct buf b = BUF_INIT;
	uint64_t pid;

	if (path_read(u->s->p.run_fd, name, 32, &b, err) < 0)
		return -1;
	while (b.len && (b.p[b.len - 1] == '\n' || b.p[b.len - 1] == ' '))
		b.p[--b.len] = 0;
	if (!b.len || str_u64(b.p, &pid) < 0 || pid > INT32_MAX)
		return err_set(err, ERR_FAIL, "%s left no process id", u->s->runtime.name);
	if (proc_identify((pid_t)pid, &u->rec.proc) < 0)
		return err_set(err, ERR_FAIL, "container '%s' ended while it was made", u->rec.name);
	free(u->rec.boot);
	u->rec.boot = xstrdup(proc_boot_id());
	unlinkat(u->s->p.run_fd, name, 0);
	return 0;
}

/* The one that made it: whatever the supervisor's is by now. */
const struct oci_runtime *unit_runtime(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (!u->rec.runtime || str_eq(u->rec.runtime, u->s->runtime.name) || str_eq(u->rec.runtime, u->s->runtime.path))
		return &u->s->runtime;
	if (!u->own_runtime.name && oci_runtime_find(u->rec.runtime, &u->own_runtime, &err) < 0) {
		log_error("%s: %s", u->rec.slot, err_msg(&err));
		return &u->s->runtime;
	}
	return &u->own_runtime;
}

static enum oci_verb act_verb(enum activity act)
{
	return act == ACT_CREATE ? OCI_CREATE : act == ACT_START ? OCI_START : OCI_DELETE;
}

static const char *attr_of_failure(const struct unit *u)
{
	return u->fail.kind == ERR_CMD_NOT_FOUND || u->fail.kind == ERR_CMD_NOT_EXEC ? "command" : NULL;
}

/* Why the runtime failed. What `delete` says goes to the diary only: u->fail still tells why there is something to delete. */
static void note_call_failure(struct unit *u, enum activity act, int status)
{
	struct call_paths p;
	struct oci_call c = call_make(u, act_verb(act), &p);
	auto_err struct err err = ERR_INIT;

	oci_failure(&c, status, &err);
	call_paths_done(&p);
	if (act == ACT_DELETE)
		log_warn("%s: delete: %s", u->rec.slot, err_msg(&err));
	else
		err_move(&u->fail, &err);
}

static void on_call(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	enum activity act = u->act;
	int status, r = proc_reap(&u->call, &status);

	if (r == 0) {                    /* spurious: look again */
		event_add(u->act_ev, NULL);
		return;
	}
	act_over(u);
	close(take_fd(&u->call.pidfd));
	if (act != ACT_DELETE)
		err_done(&u->fail);
	if (r < 0 || status) {
		if (act == ACT_START && u->pidfd >= 0 && proc_alive(&u->rec.proc) && !unit_waits_for_start(u)) {
			unit_nudge(u);
			super_post(u, E_OK);     /* somebody else's start was first */
			return;
		}
		note_call_failure(u, act, r < 0 ? -1 : status);
		if (act == ACT_START && u->fail.kind == ERR_NOT_FOUND && !proc_alive(&u->rec.proc)) {
			err_done(&u->fail);      /* the same, and it has ended already: its exit says how */
			super_post(u, E_OK);
			return;
		}
		if (act == ACT_DELETE && !u->cleaned)
			activity_clean(u);
		else
			activity_fail(u, attr_of_failure(u));
		return;
	}
	if (act == ACT_CREATE && read_pid(u, &u->fail) < 0) {
		activity_fail(u, NULL);
		return;
	}
	super_post(u, E_OK);
}

int activity_call(struct unit *u, enum activity act, const int stdio[3])
{
	struct call_paths p;
	struct oci_call c = call_make(u, act_verb(act), &p);
	auto_err struct err err = ERR_INIT;
	int r;

	if (stdio)
		memcpy(c.stdio, stdio, sizeof c.stdio);
	r = oci_start(&c, &u->call, &err);
	call_paths_done(&p);
	if (r < 0) {
		if (act == ACT_DELETE)
			log_error("%s: %s", u->rec.slot, err_msg(&err));
		else
			err_done(&u->fail), err_move(&u->fail, &err);
		activity_fail(u, NULL);
		return -1;
	}
	act_begin(u, act, u->call.pidfd, 0, on_call, oci_patience_ms());
	return 0;
}

/* ------------------------------------------------------------------ cleaning up */

static int clean_work(void *arg, json_t **ret, struct err *err)
{
	struct unit *u = arg;

	return u->launch.cgroup ? cgroup_kill(u->launch.cgroup, err) : 0;
}

/* What the runtime does not know of any more, or cannot delete: everything in its cgroup goes, then `delete` is asked once more. */
void activity_clean(struct unit *u)
{
	u->cleaned = true;
	activity_worker(u, ACT_CLEAN, clean_work, u);
}

static void cleaned(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (worker_finish(&u->worker, NULL, &err) < 0)
		log_warn("%s: clean up: %s", u->rec.slot, err_msg(&err));
	activity_call(u, ACT_DELETE, NULL);
}
