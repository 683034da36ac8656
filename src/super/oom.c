/* oom.c - processes that the kernel kills for want of memory: each is an event, and a container whose init dies of it says so.
 *
 * What tells when to look at a container's counter is src/oci/oom.h's. After a look its watch is off for a moment, so that neither a
 * container at its limit nor one whose children are killed by the hundred keeps the supervisor busy; then comes one more look. Nothing is
 * looked at without a reason. At a container's end the counter is looked at in any case, before its cgroup is gone: so the end knows. How
 * many were told of is in the record: a successor tells of those that fell into the gap. */
#include "sup.h"

#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "../oci/oom.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"

enum { SOON_MS = 10, CALM_MS = 250, TRIES = 4, TOLD_MAX = 8, BY_IT_MS = 5000 };
#define PID_NS_FIRST 0xEFFFFFFCu         /* its inode number, include/linux/proc_ns.h */

struct oom {                             /* the supervisor's */
	struct oom_log log;
	int ino;                         /* v2: one for all containers, as users may have few of them; -1 */
	struct event *ino_ev;
};

struct oom_watch {                       /* a unit's */
	struct unit *u;
	int fd, wd;                      /* v1: an eventfd; v2: a watch; -1 */
	struct event *ev, *timer;
	unsigned tries;
	bool calm;                       /* the timer ends a pause, not a wait for the kernel */
	int64_t seen_mono;               /* when the last one was learned of; 0: none in this run */
	bool init;                       /* it was the container's init */
};

/* Pids of the kernel's log are ours only here. */
static bool in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == PID_NS_FIRST;
}

/* ------------------------------------------------------------------ telling */

static void set_number(json_t *o, const char *key, int64_t n)
{
	auto_free char *text = xasprintf("%lld", (long long)n);

	jx_set_str(o, key, text);
}

static void tell_one(struct unit *u, struct oom_victim *v, int64_t nth, int64_t at_ns)
{
	bool init = v && v->pid == u->rec.proc.pid && in_first_pid_namespace();
	auto_free char *count = xasprintf("%lld", (long long)nth);
	json_t *o = json_object();

	if (v) {
		v->told = true;
		set_number(o, "pid", v->pid);
		jx_set_str(o, "process", v->name);
	}
	if (v && v->figures) {
		set_number(o, "totalVmKiB", v->total_kb);
		set_number(o, "anonRssKiB", v->anon_kb);
		set_number(o, "fileRssKiB", v->file_kb);
		set_number(o, "shmemRssKiB", v->shmem_kb);
	}
	if (init)
		jx_set_str(o, "init", "true");
	u->oom->init |= init;
	unit_event(u, EV_OOM, at_ns, count, o);
}

/* Of many at once, the newest. */
static void tell(struct unit *u, int64_t count, int64_t at_ns)
{
	int64_t first = count - u->rec.ooms > TOLD_MAX ? count - TOLD_MAX : u->rec.ooms;

	for (int64_t nth = first + 1; nth <= count; nth++)
		tell_one(u, oom_log_find(&u->s->oom->log, u->launch.cgroup, (size_t)(count - nth)), nth, at_ns);
	u->rec.ooms = count;
	u->oom->seen_mono = clock_mono_ns();
	unit_save(u);
}

/* ------------------------------------------------------------------ looking */

/* Everything is known of the newest one, as far as the kernel's log may be read. */
static bool log_is_complete(const struct unit *u)
{
	const struct oom_victim *v = oom_log_find(&u->s->oom->log, u->launch.cgroup, 0);

	return u->s->oom->log.fd < 0 || (v && v->figures);
}

/* Whether there is nothing to wait for. last: whatever is missing is done without. at_ns: when it will have been. */
static bool look_now(struct oom_watch *w, bool last, int64_t at_ns)
{
	int64_t count = oom_count(w->u->launch.cgroup);

	if (count <= w->u->rec.ooms)
		return w->fd < 0;                /* v1: it was announced, and is about to happen */
	oom_log_read(&w->u->s->oom->log);
	if (!last && !log_is_complete(w->u))
		return false;
	tell(w->u, count, at_ns);
	return true;
}

static void look(struct oom_watch *w)
{
	w->calm = look_now(w, w->tries >= TRIES, clock_wall_ns()) || w->tries >= TRIES;
	timer_arm(w->timer, w->calm ? CALM_MS : SOON_MS << w->tries++);
}

static void arm(struct oom_watch *w)
{
	if (w->fd >= 0)
		event_add(w->ev, NULL);
	else if (w->wd < 0 && w->u->s->oom->ino >= 0)
		w->wd = oom_inotify(w->u->s->oom->ino, w->u->launch.cgroup);
}

static void disarm(struct oom_watch *w)
{
	if (w->ev)
		event_del(w->ev);
	if (w->wd >= 0)
		inotify_rm_watch(w->u->s->oom->ino, take_fd(&w->wd));
}

static void on_signal(struct oom_watch *w)
{
	disarm(w);
	w->tries = 0;
	look(w);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct oom_watch *w = arg;

	if (!w->calm) {
		look(w);
		return;
	}
	w->calm = false;
	arm(w);
	if (oom_count(w->u->launch.cgroup) > w->u->rec.ooms)     /* while nobody watched */
		on_signal(w);
}

static void on_eventfd(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	if (read(fd, &n, sizeof n) == sizeof n)
		on_signal(arg);
}

static void on_inotify(evutil_socket_t fd, short what, void *arg)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct super *s = arg;
	ssize_t n = read(fd, room, sizeof room);

	for (char *p = room; p < room + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) {
		const struct inotify_event *ev = (const struct inotify_event *)p;

		map_each(&s->units, it) {
			struct oom_watch *w = ((struct unit *)it->value)->oom;
			if (w && w->wd == ev->wd && ev->mask & IN_MODIFY)
				on_signal(w);
		}
	}
}

/* ------------------------------------------------------------------ beginning and end */

static void begin(struct super *s)
{
	struct oom *o = s->oom = xcalloc(1, sizeof *o);

	o->log.fd = o->ino = -1;
	oom_log_open(&o->log, false);
	if (oci_host()->mode == CGROUP_V2)
		o->ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (o->ino < 0)
		return;
	o->ino_ev = event_new(s->base, o->ino, EV_READ | EV_PERSIST, on_inotify, s);
	event_add(o->ino_ev, NULL);
}

static struct oom_watch *watch_new(struct unit *u)
{
	struct oom_watch *w = xcalloc(1, sizeof *w);

	w->u = u;
	w->wd = -1;
	w->timer = evtimer_new(u->s->base, on_timer, w);
	w->fd = oom_eventfd(u->launch.cgroup);
	if (w->fd >= 0)
		w->ev = event_new(u->s->base, w->fd, EV_READ, on_eventfd, w);
	return w;
}

void oom_watch(struct unit *u, bool adopted)
{
	int64_t count = u->launch.cgroup ? oom_count(u->launch.cgroup) : -1;

	if (u->oom)
		return;
	if (!adopted)
		u->rec.ooms = count < 0 ? 0 : count;
	if (count < 0)
		return;
	if (!u->s->oom)
		begin(u->s);
	u->oom = watch_new(u);
	arm(u->oom);
	if (count <= u->rec.ooms)
		return;
	oom_log_open(&u->s->oom->log, true);     /* somebody in the gap: the kernel may still know */
	look_now(u->oom, true, u->rec.finished_ns > u->rec.started_ns ? u->rec.finished_ns : clock_wall_ns());
}

void oom_unwatch(struct unit *u)
{
	struct oom_watch *w = u->oom;

	if (!w)
		return;
	disarm(w);
	if (w->ev)
		event_free(w->ev);
	if (w->fd >= 0)
		close(w->fd);
	event_free(w->timer);
	free(w);
	u->oom = NULL;
}

bool oom_ended(struct unit *u, int status)
{
	struct oom_watch *w;

	oom_watch(u, true);                      /* one that ended while nobody was there */
	w = u->oom;
	if (!w)
		return false;
	look_now(w, true, u->rec.finished_ns);
	if (status != 128 + SIGKILL || !w->seen_mono)
		return false;
	return w->init || (!u->stop_asked && clock_mono_ns() - w->seen_mono < BY_IT_MS * MS_NS);
}
