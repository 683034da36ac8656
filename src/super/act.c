/* act.c - what the table of unit.c names: starting activities and noting their results. An action starts things and may post events;
 * it never steps a unit. */
#include "activity.h"
#include "exec_in.h"
#include "hooks.h"
#include "park.h"
#include "pause.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/signame.h"

enum { KILL_MS = 10000, KILLS_MAX = 3 };

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	super_post(arg, E_TIMER);
}

void unit_timer(struct unit *u, int64_t ms)
{
	if (ms < 0) {
		if (u->timer)
			evtimer_del(u->timer);
		return;
	}
	if (!u->timer)
		u->timer = evtimer_new(u->s->base, on_timer, u);
	timer_arm(u->timer, ms);
}

void unit_due(struct unit *u, int64_t ms)
{
	u->rec.due_mono = clock_mono_in(ms);
	free(u->rec.boot);
	u->rec.boot = xstrdup(proc_boot_id());
	unit_timer(u, ms);
}

/* ------------------------------------------------------------------ prepare, remove */

void act_note_prepared(struct unit *u, const json_t *j)
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
	u->rec.pinned = jx_bool(j, "pinned", false);
	free(u->rec.command);
	u->rec.command = xstrdup(jx_str(j, "command"));
	free(u->rec.mounts);
	u->rec.mounts = xstrdup(jx_str(j, "mounts"));
	free(u->rec.exposed);
	u->rec.exposed = xstrdup(jx_str(j, "exposed"));
	free(u->rec.runtime);
	u->rec.runtime = xstrdup(u->launch.runtime ? u->launch.runtime : oci_runtime_word(&u->s->runtime));
	oci_runtime_done(&u->own_runtime);
	json_array_foreach(jx_arr(j, "warnings"), i, item)
		publish_warn(u->s, NULL, u->rec.service, json_string_value(item));
}

/* "TARGET=NAME" */
static void event_anonymous(struct unit *u, enum event_kind k, const char *volume)
{
	const char *name = strrchr(volume, '=');

	if (name)
		super_event(u->s, k, name + 1, NULL);
}

/* Also a preparation that failed may have made some. */
void act_note_anonymous(struct unit *u, const json_t *j)
{
	auto_strs struct strs had = u->rec.anon_volumes;
	const json_t *item;
	size_t i;

	u->rec.anon_volumes = STRS_INIT;
	json_array_foreach(jx_arr(j, "anon"), i, item) {
		strs_add(&u->rec.anon_volumes, json_string_value(item));
		if (!strs_has(&had, json_string_value(item)))
			event_anonymous(u, EV_VOLUME_CREATE, json_string_value(item));
	}
}

void act_prepare(struct unit *u)
{
	struct launch_job job = { .s = u->s, .u = u };

	job.svc = u->s->model ? project_service(u->s->model, u->rec.service) : NULL;
	free(u->rec.error);
	u->rec.error = NULL;
	err_done(&u->fail);
	activity_worker(u, ACT_PREPARE, launch_work, &job);
}

void act_prepared(struct unit *u)
{
	unit_save(u);
	if (u->create_due)
		unit_event(u, EV_CREATE, u->rec.created_ns, NULL, NULL);
	u->create_due = false;
	act_settle(u);
}

int act_drop_pins(struct super *s, const char *kind, const char *name, struct err *err)
{
	auto_free char *dir = super_run_path(s, kind, name);
	auto_free char *rel = xasprintf("%s/%s", kind, name);
	auto_closedir DIR *d = opendir(dir);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		auto_free char *point = xasprintf("%s/%s", dir, e->d_name);
		if (*e->d_name != '.')
			umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	return path_remove_tree(s->p.run_fd, rel, err);
}

/* Its pipes, and what runtimes were told to write for it. */
static void drop_files(const struct unit *u)
{
	static const char *const names[] = { "fifo/%.out", "fifo/%.err", "fifo/%.in", "tmp/%.log", "tmp/%.pid", "tmp/%.tty", "tmp/%.probe",
					     "tmp/%.probe.log" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *slot = strchr(names[i], '%');
		auto_free char *name = xasprintf("%.*s%s%s", (int)(slot - names[i]), names[i], u->rec.slot, slot + 1);
		unlinkat(u->s->p.run_fd, name, 0);
	}
}

/* A slot's two sides have one history, which goes with the last of them. */
static int remove_log(const struct unit *u, struct err *err)
{
	auto_free char *side = plan_other_side(u->rec.slot);
	const struct unit *other = unit_get(u->s, side);

	if (other && other->rec.id)
		return 0;
	if (log_remove(u->s->logs_fd, side, err) < 0)
		return -1;
	return log_remove(u->s->logs_fd, u->rec.slot, err);
}

int act_leave_root(struct unit *u, struct err *err)
{
	auto_free char *mountpoint = super_run_path(u->s, "rootfs", u->rec.slot);
	auto_free char *known = xasprintf("oci/%s", u->rec.id ? u->rec.id : "none");
	auto_err struct err why = ERR_INIT;

	/* an exec or a probe that was just on its way in belongs to no container's namespace and ends with none */
	if (u->launch.cgroup && cgroup_kill(u->launch.cgroup, &why) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&why));
	if (u->launch.cgroup)            /* gone already, unless the runtime could not delete it */
		cgroup_remove_one(u->launch.cgroup);
	if (rootfs_unmount(mountpoint, err) < 0)
		return err_wrap(err, "unmount the root of '%s'", u->rec.name);
	rmdir(mountpoint);
	drop_files(u);
	return path_remove_tree(u->s->p.run_fd, known, err);
}

/* With the container; not what it has from one that is set aside and stays. */
static bool goes_along(const struct unit *u, const char *volume)
{
	return u->drop_volumes && !(u->recreate && u->rec.parked && strs_has(&u->rec.parked->anon_volumes, volume));
}

static int remove_anonymous(struct unit *u, struct err *err)
{
	for (size_t i = 0; i < u->rec.anon_volumes.n; i++) {
		const char *name = strrchr(u->rec.anon_volumes.v[i], '=');
		if (name && goes_along(u, u->rec.anon_volumes.v[i]) && vol_remove(u->s->volumes, name + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int remove_work(void *arg, json_t **ret, struct err *err)
{
	struct unit *u = arg;
	struct super *s = u->s;
	auto_free char *rel = xasprintf("containers/%s", u->rec.id ? u->rec.id : "none");
	auto_free char *bundle = xasprintf("bundle/%s", u->rec.id ? u->rec.id : "none");

	if (act_leave_root(u, err) < 0)
		return -1;
	if (u->rec.id && (path_remove_tree(s->p.state_fd, rel, err) < 0 || path_remove_tree(s->p.run_fd, bundle, err) < 0))
		return err_wrap(err, "remove container '%s'", u->rec.name);
	if (park_drop_pins(s, u->rec.slot, err) < 0 || (u->rec.id && park_drop_pins(s, u->rec.id, err) < 0) || remove_anonymous(u, err) < 0)
		return -1;
	if (u->recreate)
		return 0;
	if (u->rec.parked && park_drop(s, u, u->drop_volumes, err) < 0)
		return -1;
	network_release(s, u);
	auto_free char *pin = super_run_path(s, "netns", u->rec.slot);
	if (net_slot_down(pin, err) < 0)
		return -1;
	return remove_log(u, err);
}

void act_remove(struct unit *u)
{
	u->rec.restarting = false;
	health_stop(u);
	exec_in_remove(u);
	streams_close(u);
	if (u->rec.run && u->rec.n_ports)        /* nobody asks for the rules to be made anew when it leaves by itself */
		network_setup(u->s, NULL, NULL);
	if (!u->recreate) {
		network_dns_off(u);
		network_drop_ports(u);
	}
	activity_worker(u, ACT_REMOVE, u->park ? park_work : remove_work, u);
}

void act_forget(struct unit *u)
{
	u->want = W_NOTHING;             /* whoever wants another one makes it */
	if (!u->recreate)
		u->planned = false;
	if (u->park) {                   /* its record was emptied by park_note() */
		u->park = false;
		return;
	}
	unit_event(u, EV_DESTROY, clock_wall_ns(), NULL, NULL);
	for (size_t i = 0; i < u->rec.anon_volumes.n; i++)
		if (goes_along(u, u->rec.anon_volumes.v[i]))
			event_anonymous(u, EV_VOLUME_DESTROY, u->rec.anon_volumes.v[i]);
	act_empty_record(u);
	if (u->rec.parked && !u->recreate) {
		unit_rec_done(u->rec.parked);
		free(take(u->rec.parked));
	}
	if (u->rec.parked)
		unit_save(u);            /* that the other one has gone */
}

void act_empty_record(struct unit *u)
{
	u->run = (struct proc_id){ 0 };
	free(u->rec.id);
	u->rec.id = NULL;
	free(u->rec.image_id);
	u->rec.image_id = NULL;
	free(u->rec.error);
	u->rec.error = NULL;
	u->rec.pre_started = 0;
	u->rec.generation = 0;
	u->rec.started_ns = u->rec.finished_ns = u->rec.created_ns = 0;
	u->rec.exit_code = -1;
	u->rec.restarts = u->rec.attempts = 0;
	u->rec.backoff_ms = u->rec.started_mono = 0;
	json_decref(take(u->rec.more));
}

/* ------------------------------------------------------------------ create, start, stop, delete */

void act_create(struct unit *u)
{
	int stdio[3] = { -1, -1, -1 };
	size_t port;

	err_done(&u->fail);
	if (streams_open(u, stdio, &u->fail) < 0 || network_take_ports(u, &port, &u->fail) < 0) {
		activity_fail(u, "ports");
	} else {
		network_dns_on(u);
		if (activity_call(u, ACT_CREATE, stdio) == 0)
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
	oom_watch(u, false);
	streams_console(u);
	unit_save(u);
	act_settle(u);
}

void act_start(struct unit *u)
{
	u->exit_pending = false;
	u->stop_asked = false;
	health_reset(u);
	err_done(&u->fail);
	hooks_reset(u);
	activity_call(u, ACT_START, NULL);
}

/* `true` has ended before `start` has: its exit counts once start has said that it began. */
void act_exit_early(struct unit *u)
{
	u->exit_pending = true;
}

void act_running(struct unit *u)
{
	u->rec.started_ns = clock_wall_ns();
	if (u->exit_pending && u->rec.finished_ns > 0 && u->rec.finished_ns < u->rec.started_ns)
		u->rec.started_ns = u->rec.finished_ns;
	u->rec.started_mono = clock_mono_ns();
	u->rec.oom = u->rec.paused = u->rec.restarting = u->rec.resume = u->rec.back = false;
	free(u->rec.error);
	u->rec.error = NULL;
	u->exit_source = NULL;
	unit_event_started(u);
	unit_cause(u, NULL);
	if (u->exit_pending) {
		unit_ended(u, u->rec.exit_code, u->rec.finished_ns);
		unit_save(u);
		return;
	}
	health_start(u);
	unit_save(u);
	hooks_after_start(u);
	super_post(u, E_WANT);           /* the wish may have changed meanwhile */
}

int unit_signal(struct unit *u, int sig, struct err *err)
{
	int64_t now = clock_wall_ns();

	if (u->pidfd < 0)
		return err_set(err, ERR_NOT_FOUND, "container '%s' is not running", u->rec.name);
	if (proc_pidfd_signal(u->pidfd, sig) == 0)
		unit_event_signal(u, sig, now);
	else if (errno != ESRCH)
		return err_sys(err, errno, "signal container '%s'", u->rec.name);
	unit_thaw(u);
	return 0;
}

void unit_send_stop(struct unit *u)
{
	auto_err struct err err = ERR_INIT;
	int sig = signal_number(u->launch.stop_signal ? u->launch.stop_signal : "SIGTERM");

	if (unit_signal(u, sig < 0 ? SIGKILL : sig, &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
}

void act_term(struct unit *u)
{
	auto_err struct err err = ERR_INIT;
	int64_t grace = u->grace_ms >= 0 ? u->grace_ms : u->have_launch ? u->launch.grace_ms : 10000;

	u->stop_asked = u->want != W_AGAIN;
	u->kills = 0;
	unit_thaw(u);                    /* hooks could not run in it */
	health_stop(u);
	unit_due(u, grace == 0 ? KILL_MS : grace);
	if (grace == 0) {
		hooks_skip_stop(u);
		if (unit_signal(u, SIGKILL, &err) < 0)
			log_warn("%s: %s", u->rec.slot, err_msg(&err));
	} else if (!hooks_before_stop(u, grace)) {
		unit_send_stop(u);
	}
	unit_save(u);                    /* whoever comes next neither signals again nor starts the grace over */
}

/* Who has ended at last, though nobody has told of it yet, is not: how it ended will be known in a moment (inits.c). */
bool unit_is_undying(const struct unit *u)
{
	struct pollfd end = { .fd = u->pidfd, .events = POLLIN };

	return u->stuck && u->state == U_STOPPING && poll(&end, 1, 0) == 0;
}

int unit_undying(const struct unit *u, struct err *err)
{
	err_set(err, ERR_TIMEOUT, "process %d of container '%s' does not end, not even by SIGKILL", (int)u->rec.proc.pid, u->rec.name);
	return err_hint(err, "it hangs in the kernel, often on a disk or a network file system: /proc/%d/stack says where", (int)u->rec.proc.pid);
}

void act_kill(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	hooks_skip_stop(u);
	if (unit_signal(u, SIGKILL, &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
	if (++u->kills == KILLS_MAX) {
		u->stuck = true;
		log_error("%s: process %d does not end, not even by SIGKILL", u->rec.slot, (int)u->rec.proc.pid);
		txn_on_unit(u->s, u);
	}
	unit_due(u, KILL_MS);
	unit_save(u);
}

void act_exited(struct unit *u)
{
	unit_event_die(u);
	act_delete(u);
}

void act_delete(struct unit *u)
{
	health_stop(u);
	hooks_end(u);
	unwatch_init(u);
	oom_unwatch(u);
	streams_drain(u);
	if (u->rec.init_of)              /* the log is its container's next */
		streams_close(u);
	u->rec.proc = (struct proc_id){ 0 };
	u->rec.paused = false;
	u->stuck = false;
	u->cleaned = false;
	activity_call(u, ACT_DELETE, NULL);
}

/* For a container whose creation was interrupted: the runtime may not know it, though a part of it exists. */
void act_delete_half(struct unit *u)
{
	health_stop(u);
	hooks_end(u);
	u->rec.proc = (struct proc_id){ 0 };
	activity_clean(u);
}

/* crun's start takes the fifo away that the init waits at, a moment before the init becomes the program. (runc's init is seen by its name.) */
static bool was_let_go(const struct unit *u)
{
	auto_free char *status = xasprintf("%s/oci/%s/status", u->s->p.run, u->rec.id);
	auto_free char *fifo = xasprintf("%s/oci/%s/exec.fifo", u->s->p.run, u->rec.id);

	return access(status, F_OK) == 0 && access(fifo, F_OK) < 0 && errno == ENOENT;
}

bool unit_waits_for_start(const struct unit *u)
{
	auto_free char *path = xasprintf("/proc/%d/cmdline", (int)u->rec.proc.pid);
	auto_buf struct buf b = BUF_INIT;

	if (was_let_go(u))
		return false;
	if (path_read(AT_FDCWD, path, 1 << 20, &b, NULL) < 0 || !b.p)
		return false;
	for (size_t i = 0; i < b.len; i++)
		if (!b.p[i])
			b.p[i] = ' ';
	return strstr(b.p, u->rec.id) || str_starts(b.p, "runc init");
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
