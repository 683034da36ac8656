/* act.c - what the table of unit.c names: starting activities and noting their results. An action starts things and may post events;
 * it never steps a unit. */
#include "sup.h"

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

/* Every wait has an end and a culprit. Generous: they are for what hangs, not for what is slow. */
enum { RUNTIME_MS = 60000, WORKER_MS = 600000, KILL_MS = 10000, KILLS_MAX = 3 };

static const char *const verb_str[] = {
	[ACT_NONE] = "nothing", [ACT_PREPARE] = "prepare", [ACT_CREATE] = "create",
	[ACT_START] = "start",	[ACT_CLEAN] = "clean up",  [ACT_DELETE] = "delete",
	[ACT_REMOVE] = "remove",
};

static void set_timer(struct event *ev, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(ev, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	super_post(arg, E_TIMER);
}

void unit_timer(struct unit *u, int64_t ms)
{
	if (!u->timer)
		u->timer = evtimer_new(u->s->base, on_timer, u);
	if (ms < 0)
		evtimer_del(u->timer);
	else
		set_timer(u->timer, ms);
}

/* ------------------------------------------------------------------ activities */

static void act_over(struct unit *u)
{
	if (u->act_ev)
		event_free(take(u->act_ev));
	if (u->act_timer)
		event_free(take(u->act_timer));
	u->act = ACT_NONE;
}

static void fail(struct unit *u, const char *attr)
{
	free(u->fail_attr);
	u->fail_attr = xstrdup(attr);
	super_post(u, E_FAIL);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;
	enum activity act = u->act;
	struct err err = ERR_INIT;

	if (act == ACT_PREPARE || act == ACT_REMOVE || act == ACT_CLEAN) {
		worker_abort(&u->worker);
		err_set(&err, ERR_TIMEOUT, "to %s container '%s' took more than %d s", verb_str[act], u->rec.name,
			WORKER_MS / 1000);
	} else {
		super_let_go(u->s, &u->call);
		err_set(&err, ERR_TIMEOUT, "%s %s of container '%s' gave no answer within %d s",
			unit_runtime(u)->name, verb_str[act], u->rec.name, RUNTIME_MS / 1000);
	}
	act_over(u);
	if (act == ACT_DELETE || act == ACT_CLEAN) {
		log_error("%s", err_msg(&err));
	} else {
		err_done(&u->fail);
		err_move(&u->fail, &err);
	}
	err_done(&err);
	fail(u, NULL);
}

static void act_begin(struct unit *u, enum activity act, int fd, short persist, event_callback_fn cb, int64_t ms)
{
	u->act = act;
	u->act_ev = event_new(u->s->base, fd, EV_READ | persist, cb, u);
	event_add(u->act_ev, NULL);
	u->act_timer = evtimer_new(u->s->base, on_overdue, u);
	set_timer(u->act_timer, ms);
}

/* ------------------------------------------------------------------ workers: prepare, remove */

static void note_prepared(struct unit *u, const json_t *j)
{
	auto_err struct err err = ERR_INIT;
	const json_t *item;
	size_t i;

	launch_done(&u->launch);
	u->have_launch = launch_from_json(json_object_get(j, "launch"), &u->launch, &err) == 0;
	if (!u->have_launch)
		log_error("%s: launch record: %s", u->rec.slot, err_msg(&err));
	free(u->rec.image_id);
	u->rec.image_id = xstrdup(jx_str(j, "image_id"));
	free(u->rec.command);
	u->rec.command = xstrdup(jx_str(j, "command"));
	free(u->rec.runtime);
	u->rec.runtime = xstrdup(u->launch.runtime ? u->launch.runtime : u->s->runtime.name);
	oci_runtime_done(&u->own_runtime);
	json_array_foreach(jx_arr(j, "warnings"), i, item)
		publish_warn(u->s, NULL, u->rec.service, json_string_value(item));
}

/* Also a preparation that failed may have made some. */
static void note_anonymous(struct unit *u, const json_t *j)
{
	const json_t *item;
	size_t i;

	strs_done(&u->rec.anon_volumes);
	json_array_foreach(jx_arr(j, "anon"), i, item)
		strs_add(&u->rec.anon_volumes, json_string_value(item));
}

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
		fail(u, NULL);
		return;
	}
	if (act == ACT_PREPARE)
		note_anonymous(u, j);
	if (act == ACT_PREPARE && jx_str(j, "failed")) {
		err_set(&u->fail, err_kind_parse(jx_str(j, "kind")), "%s", jx_str(j, "failed"));
		if (jx_str(j, "hint"))
			err_hint(&u->fail, "%s", jx_str(j, "hint"));
		fail(u, jx_str(j, "attr"));
		return;
	}
	if (act == ACT_PREPARE)
		note_prepared(u, j);
	super_post(u, E_OK);
}

static void start_worker(struct unit *u, enum activity act, worker_fn *fn, void *job)
{
	struct err err = ERR_INIT;

	if (worker_start(fn, job, &u->worker, &err) < 0) {
		err_done(&u->fail);
		err_move(&u->fail, &err);
		fail(u, NULL);
		return;
	}
	act_begin(u, act, u->worker.fd, EV_PERSIST, on_worker, WORKER_MS);
}

void act_prepare(struct unit *u)
{
	struct launch_job job = { .s = u->s, .u = u };

	job.svc = u->s->model ? project_service(u->s->model, u->rec.service) : NULL;
	free(u->rec.error);
	u->rec.error = NULL;
	err_done(&u->fail);
	if (!job.svc) {
		err_set(&u->fail, ERR_NOT_FOUND, "service '%s' is not in the project any more", u->rec.service);
		fail(u, NULL);
		return;
	}
	start_worker(u, ACT_PREPARE, launch_work, &job);
}

void act_prepared(struct unit *u)
{
	unit_save(u);
	act_settle(u);
}

static int remove_work(void *arg, json_t **ret, struct err *err)
{
	struct unit *u = arg;
	struct super *s = u->s;
	auto_free char *mountpoint = super_run_path(s, "rootfs", u->rec.slot);
	auto_free char *rel = xasprintf("containers/%s", u->rec.id ? u->rec.id : "none");
	auto_free char *bundle = xasprintf("bundle/%s", u->rec.id ? u->rec.id : "none");
	static const char *const suffix[] = { "out", "err", "in" };

	if (rootfs_unmount(mountpoint, err) < 0)
		return err_wrap(err, "unmount the root of '%s'", u->rec.name);
	rmdir(mountpoint);
	if (u->rec.id && (path_remove_tree(s->p.state_fd, rel, err) < 0 ||
			  path_remove_tree(s->p.run_fd, bundle, err) < 0))
		return err_wrap(err, "remove container '%s'", u->rec.name);
	for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
		auto_free char *fifo = xasprintf("%s.%s", u->rec.slot, suffix[i]);
		unlinkat(s->fifo_fd, fifo, 0);
	}
	auto_free char *secrets = xasprintf("secrets/%s", u->rec.slot);
	if (path_remove_tree(s->p.run_fd, secrets, err) < 0)
		return -1;
	if (u->recreate)
		return 0;
	network_release(s, u);
	for (size_t i = 0; u->drop_volumes && i < u->rec.anon_volumes.n; i++) {
		const char *name = strrchr(u->rec.anon_volumes.v[i], '=');
		if (name && vol_remove(s->volumes, name + 1, err) < 0)
			return -1;
	}
	auto_free char *pin = super_run_path(s, "netns", u->rec.slot);
	if (net_slot_down(pin, err) < 0)
		return -1;
	return log_remove(s->logs_fd, u->rec.slot, err);
}

void act_remove(struct unit *u)
{
	health_stop(u);
	streams_close(u);
	if (!u->recreate) {
		dns_remove_slot(u->s->dns, u->rec.slot);
		u->dns_on = false;
		network_drop_ports(u);
	}
	start_worker(u, ACT_REMOVE, remove_work, u);
}

void act_forget(struct unit *u)
{
	publish_unit(u, "destroy");
	free(u->rec.id);
	u->rec.id = NULL;
	free(u->rec.image_id);
	u->rec.image_id = NULL;
	free(u->rec.error);
	u->rec.error = NULL;
	u->rec.started_ns = u->rec.finished_ns = u->rec.created_ns = 0;
	u->rec.exit_code = -1;
	u->rec.restarts = 0;
}

/* ------------------------------------------------------------------ the runtime: create, start, delete */

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

	if (!u->rec.runtime || str_eq(u->rec.runtime, u->s->runtime.name))
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

static void clean(struct unit *u);

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
			super_post(u, E_OK);     /* somebody else's start was first */
			return;
		}
		note_call_failure(u, act, r < 0 ? -1 : status);
		if (act == ACT_DELETE && !u->cleaned)
			clean(u);
		else
			fail(u, attr_of_failure(u));
		return;
	}
	if (act == ACT_CREATE && read_pid(u, &u->fail) < 0) {
		fail(u, NULL);
		return;
	}
	super_post(u, E_OK);
}

static int call_runtime(struct unit *u, enum activity act, const int stdio[3])
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
		fail(u, NULL);
		return -1;
	}
	act_begin(u, act, u->call.pidfd, 0, on_call, RUNTIME_MS);
	return 0;
}

void act_create(struct unit *u)
{
	int stdio[3] = { -1, -1, -1 };
	size_t port;

	err_done(&u->fail);
	if (streams_open(u, stdio, &u->fail) < 0 || network_take_ports(u, &port, &u->fail) < 0) {
		fail(u, "ports");
	} else {
		network_dns_on(u);
		if (call_runtime(u, ACT_CREATE, stdio) == 0)
			streams_watch(u);
	}
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
}

void act_created(struct unit *u)
{
	if (watch_init(u) < 0)
		unit_ended(u, -1, clock_wall_ns());
	streams_console(u);
	unit_save(u);
	act_settle(u);
}

void act_start(struct unit *u)
{
	u->exit_pending = false;
	u->stop_asked = false;
	free(u->rec.health);
	u->rec.health = u->launch.health ? xstrdup("starting") : NULL;
	err_done(&u->fail);
	call_runtime(u, ACT_START, NULL);
}

/* `true` has ended before `start` has: its exit counts once start has said that it began. */
void act_exit_early(struct unit *u)
{
	u->exit_pending = true;
}

void act_running(struct unit *u)
{
	u->rec.started_ns = clock_wall_ns();
	u->started_mono = clock_mono_ns();
	u->rec.oom = u->rec.restarting = false;
	free(u->rec.error);
	u->rec.error = NULL;
	if (u->exit_pending) {
		unit_ended(u, u->rec.exit_code, u->rec.finished_ns);
		unit_save(u);
		return;
	}
	health_start(u);
	unit_save(u);
	publish_unit(u, "start");
	super_post(u, E_WANT);           /* the wish may have changed meanwhile */
}

int unit_signal(struct unit *u, int sig, struct err *err)
{
	if (u->pidfd < 0)
		return err_set(err, ERR_NOT_FOUND, "container '%s' is not running", u->rec.name);
	if (proc_pidfd_signal(u->pidfd, sig) < 0 && errno != ESRCH)
		return err_sys(err, errno, "signal container '%s'", u->rec.name);
	return 0;
}

void act_term(struct unit *u)
{
	auto_err struct err err = ERR_INIT;
	int sig = signal_number(u->launch.stop_signal ? u->launch.stop_signal : "SIGTERM");
	int64_t grace = u->grace_ms >= 0 ? u->grace_ms : u->have_launch ? u->launch.grace_ms : 10000;

	u->stop_asked = true;
	u->rec.restarting = false;
	u->kills = 0;
	health_stop(u);
	if (unit_signal(u, grace == 0 || sig < 0 ? SIGKILL : sig, &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
	unit_timer(u, grace == 0 ? KILL_MS : grace);
}

void act_kill(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (unit_signal(u, SIGKILL, &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
	if (++u->kills == KILLS_MAX) {
		u->stuck = true;
		log_error("%s: process %d does not end, not even by SIGKILL", u->rec.slot, (int)u->rec.proc.pid);
		txn_on_unit(u->s, u);
	}
	unit_timer(u, KILL_MS);
}

static void unwatch_init(struct unit *u)
{
	if (u->pid_ev)
		event_free(take(u->pid_ev));
	if (u->exit_timer)
		event_free(take(u->exit_timer));
	if (u->pidfd >= 0)
		close(take_fd(&u->pidfd));
}

void act_exited(struct unit *u)
{
	act_delete(u);
	publish_unit(u, "die");
}

void act_delete(struct unit *u)
{
	health_stop(u);
	unit_timer(u, -1);
	unwatch_init(u);
	streams_drain(u);
	u->rec.proc = (struct proc_id){ 0 };
	u->stuck = false;
	u->cleaned = false;
	call_runtime(u, ACT_DELETE, NULL);
}

static int clean_work(void *arg, json_t **ret, struct err *err)
{
	struct unit *u = arg;

	return u->launch.cgroup ? cgroup_kill(u->launch.cgroup, err) : 0;
}

/* What the runtime does not know of any more, or cannot delete: everything in its cgroup goes, then `delete` is asked once more. */
static void clean(struct unit *u)
{
	u->cleaned = true;
	start_worker(u, ACT_CLEAN, clean_work, u);
}

static void cleaned(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (worker_finish(&u->worker, NULL, &err) < 0)
		log_warn("%s: clean up: %s", u->rec.slot, err_msg(&err));
	call_runtime(u, ACT_DELETE, NULL);
}

/* For a container whose creation was interrupted: the runtime may not know it, though a part of it exists. */
void act_delete_half(struct unit *u)
{
	health_stop(u);
	unit_timer(u, -1);
	u->rec.proc = (struct proc_id){ 0 };
	clean(u);
}

bool unit_waits_for_start(const struct unit *u)
{
	auto_free char *path = xasprintf("/proc/%d/cmdline", (int)u->rec.proc.pid);
	auto_buf struct buf b = BUF_INIT;

	if (path_read(AT_FDCWD, path, 1 << 20, &b, NULL) < 0 || !b.p)
		return false;
	for (size_t i = 0; i < b.len; i++)
		if (!b.p[i])
			b.p[i] = ' ';
	return strstr(b.p, u->rec.id) || str_starts(b.p, "runc init");
}

static bool restarts_by_policy(struct unit *u)
{
	int64_t ran_ms = u->started_mono ? (clock_mono_ns() - u->started_mono) / MS_NS : 0;

	if (u->want != W_RUNNING || !u->have_launch)
		return false;
	return restart_decide(&u->launch, &u->rec, ran_ms, u->stop_asked, &u->backoff_ms) == RESTART_AFTER;
}

/* Known from the moment of its end on, so that nobody sees a container as ended for good that is about to come back. */
void unit_ended(struct unit *u, int status, int64_t at_ns)
{
	u->rec.exit_code = status;
	u->rec.finished_ns = at_ns;
	u->rec.restarting = (u->state == U_RUNNING || u->state == U_STARTING) && restarts_by_policy(u);
	super_post(u, E_EXIT);
}

/* The one place that decides what follows an exit. */
void act_after_exit(struct unit *u)
{
	if (u->fail.kind && u->rec.restarts == 0) {
		super_post(u, E_FAIL);
		return;
	}
	if (u->fail.kind) {              /* the policy's attempt to start it again failed: that counts as an end, too */
		free(u->rec.error);
		u->rec.error = xstrdup(err_msg(&u->fail));
		u->rec.exit_code = err_exit_status(&u->fail);
		err_done(&u->fail);
		u->started_mono = 0;
		u->rec.restarting = restarts_by_policy(u);
	}
	if (u->want == W_RUNNING && !u->rec.restarting)
		u->want = W_NOTHING;
	super_post(u, E_WANT);
}

void act_backoff(struct unit *u)
{
	u->rec.restarts++;
	unit_timer(u, u->backoff_ms);
	unit_save(u);
}

static void note_why(struct unit *u)
{
	free(u->rec.error);
	u->rec.error = xstrdup(err_msg(&u->fail));
	u->rec.restarting = false;
	unit_save(u);
	log_error("%s: %s", u->rec.slot, u->rec.error);
}

void act_failed(struct unit *u)
{
	note_why(u);
	if (u->want == W_ABSENT)
		super_post(u, E_WANT);
	else
		u->want = W_NOTHING;
}

/* Not again by itself: whoever wanted it gone is told why it is not. */
void act_remove_failed(struct unit *u)
{
	note_why(u);
	u->want = W_NOTHING;
}

