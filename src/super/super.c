/* super.c - the supervisor's beginning, loop and end. */
#include "super.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "../keeper/keeper.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "sup.h"
#include "txn.h"

enum { STEPS_PER_TURN = 100000, IDLE_MS = 5000, LOG_MAX = 1 << 20, FLUSH_MS = 2000 };

char *super_container_dir(const struct super *s, const char *id)
{
	return xasprintf("%s/containers/%s", s->p.state, id);
}

char *super_run_path(const struct super *s, const char *kind, const char *slot)
{
	return xasprintf("%s/%s/%s", s->p.run, kind, slot);
}

/* ------------------------------------------------------------------ the queue */

void super_post(struct unit *u, enum uevent ev)
{
	struct super *s = u->s;
	struct queue_item *q;

	if (u->queued & (1u << ev))
		return;
	q = XGROW(s->queue, s->n_queue, s->cap_queue);
	*q = (struct queue_item){ u, ev };
	u->queued |= 1u << ev;
	event_base_loopbreak(s->base);
}

/* Removal unlinks at once and frees here, at the end of a turn, when nobody can hold a pointer any more. */
static void bury(struct super *s)
{
	for (size_t i = 0; !s->txn && i < s->units.n; i++) {
		struct unit *u = s->units.items[i].value;
		if (u->state != U_ABSENT || u->rec.id || u->rec.parked || u->queued || u->act != ACT_NONE || u->unsaved)
			continue;
		map_remove(&s->units, u->rec.slot);
		s->strays_due |= u->planned;     /* it was to be made, and is not; without an address it has a namespace, too */
		network_drop_ports(u);
		network_dns_off(u);
		unit_free(u);
		i--;
	}
	if (s->strays_due && !s->txn && !s->adopting && !s->finished) {
		s->strays_due = false;
		network_strays(s);
	}
}

static void run_queue(struct super *s)
{
	int steps = 0;

	do {
		while (s->queue_head < s->n_queue && steps++ < STEPS_PER_TURN) {
			struct queue_item q = s->queue[s->queue_head++];
			q.u->queued &= ~(1u << q.ev);
			unit_step(q.u, q.ev);
		}
		gate_look(s);
	} while (s->queue_head < s->n_queue && steps < STEPS_PER_TURN);
	if (s->queue_head == s->n_queue) {
		s->queue_head = s->n_queue = 0;
		rotation_look(s);
		bury(s);
		txn_next(s);             /* it may have waited for a removal */
	}
}

static void drain(struct super *s)
{
	run_queue(s);
	if (!s->resume_due)
		return;
	s->resume_due = s->adopting = false;
	s->strays_due = s->took_over;
	keeper_well(s);
	events_adopted(s);
	txn_resume(s);
	waiters_check(s);                /* who asked to be attached meanwhile */
	run_queue(s);
}

/* ------------------------------------------------------------------ children nobody waits for any more */

struct leaving {
	struct child c;
	struct event *ev;
};

static void on_left(evutil_socket_t fd, short what, void *arg)
{
	struct leaving *l = arg;
	int status;

	if (proc_reap(&l->c, &status) == 0) {
		event_add(l->ev, NULL);
		return;
	}
	event_free(l->ev);
	close(l->c.pidfd);
	free(l);
}

void super_let_go(struct super *s, struct child *c)
{
	struct leaving *l = xcalloc(1, sizeof *l);

	proc_pidfd_signal(c->pidfd, SIGKILL);
	l->c = *c;
	*c = (struct child){ .pidfd = -1 };
	l->ev = event_new(s->base, l->c.pidfd, EV_READ, on_left, l);
	event_add(l->ev, NULL);
}

/* ------------------------------------------------------------------ the end */

struct farewell {                        /* a project's directory on its way out */
	int fd;                          /* of …/projects, -1: nothing to do */
	char name[32];
};

static struct farewell rename_away(const char *root, const char *name)
{
	auto_free char *projects = xasprintf("%s/projects", root);
	struct farewell f = { .fd = open(projects, O_DIRECTORY | O_RDONLY | O_CLOEXEC), .name = ".gone-" };

	hash_random_hex(8, f.name + strlen(f.name));
	if (f.fd >= 0 && renameat(f.fd, name, f.fd, f.name) < 0) {
		close(f.fd);
		f.fd = -1;
	}
	return f;
}

static void remove_away(struct farewell *f)
{
	auto_err struct err err = ERR_INIT;

	if (f->fd < 0)
		return;
	if (path_remove_tree(f->fd, f->name, &err) < 0)
		log_error("cleaning up: %s", err_msg(&err));
	close(f->fd);
}

static void sweep_gone(const char *root)
{
	auto_free char *projects = xasprintf("%s/projects", root);
	auto_closedir DIR *d = opendir(projects);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (str_starts(e->d_name, ".gone-"))
			path_remove_tree(dirfd(d), e->d_name, NULL);
}

/* What a supervisor that was killed in the middle of something has left. */
static void sweep_halves(struct super *s)
{
	path_sweep(s->p.state_fd);
	path_sweep(s->p.run_fd);
	ipam_sweep(s->ipam);
	sweep_gone(s->dirs.run);
	sweep_gone(s->dirs.state);
}

void super_finish(struct super *s)
{
	s->finished = true;
	s->flush_until = clock_mono_ns() + FLUSH_MS * MS_NS;
}

void project_forget(struct super *s)
{
	auto_json json_t *nets = ipam_list(s->ipam, s->p.name);
	struct farewell state = { .fd = -1 }, run;

	ctl_server_deaf(s);
	/* The state first: who finds no run directory, and is free to make the project anew, finds no old state either. */
	if (json_array_size(nets))           /* others are on a network of ours: the next `down` has to find us */
		unlinkat(s->p.state_fd, "txn.json", 0);
	else
		state = rename_away(s->dirs.state, s->p.name);
	run = rename_away(s->dirs.run, s->p.name);
	remove_away(&state);
	remove_away(&run);
	super_finish(s);
}

/* What a request needed, for its file and its plan, goes back to the kernel. */
static void give_back(struct super *s)
{
	if (!s->trim_due || s->txn)
		return;
	s->trim_due = false;
	malloc_trim(0);
}

/* A supervisor without containers, requests and clients has nothing to do; a project that was never brought up leaves no trace. */
static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;
	auto_json json_t *nets = NULL;

	give_back(s);
	if (s->units.n || s->txn || s->waiting || s->clients || s->netjobs || s->adopting || s->finished)
		return;
	log_info("nothing to supervise");
	nets = ipam_list(s->ipam, s->p.name);
	if (json_array_size(nets))           /* all containers were removed one by one: the rest goes, too */
		txn_submit(s, NULL, json_pack("{s:s}", "op", "down"));
	else
		project_forget(s);
}

/* ------------------------------------------------------------------ the beginning */

static int make_dirs(struct super *s, struct err *err)
{
	static const char *const run[] = { "netns", "rootfs", "oci", "tmp", "secrets", "bundle" };
	auto_free char *log = xasprintf("%s/supervisor.log", s->p.state);

	for (size_t i = 0; i < ARRAY_LEN(run); i++)
		if (path_mkdirs(s->p.run_fd, run[i], 0711, err) < 0)
			return -1;
	if (path_open_dir(s->p.run_fd, "fifo", 0700, &s->fifo_fd, err) < 0 ||
	    path_open_dir(s->p.state_fd, "logs", 0700, &s->logs_fd, err) < 0 ||
	    path_mkdirs(s->p.state_fd, "containers", 0700, err) < 0)
		return -1;
	log_to(open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), getenv("DAVIT_DEBUG") ? LOG_DEBUG : LOG_INFO,
	       LOG_MAX);
	return 0;
}

static int open_stores(struct super *s, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	if (oci_runtime_find(NULL, &s->runtime, &why) < 0)
		log_error("%s", err_msg(&why));
	else
		oci_runtime_seal(&s->runtime);
	if (image_store_open(s->dirs.state, &s->images, err) < 0 || vol_open(s->dirs.state, &s->volumes, err) < 0 ||
	    ipam_open(s->dirs.state, &s->ipam, err) < 0)
		return -1;
	return journal_open(s->p.state_fd, &s->journal, err);
}

/* Timers go by the exact clock. The coarse one, libevent's usual, is up to 4 ms behind: a loop that goes by it wakes early, and again. */
static struct event_base *new_loop(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return base;
}

/* The keeper holds the pipe of what was taken; a new one only after the last supervisor's doubts are settled. */
static void share_floods(struct super *s)
{
	static const char kept[] = "log-taken";
	auto_err struct err err = ERR_INIT;
	int taken = keeper_take_fd(s, kept);

	if (logtee_recover(s->fifo_fd, s->logs_fd, taken, &err) < 0)
		log_error("logs: %s", err_msg(&err));
	if (taken < 0) {
		taken = logtee_taken_pipe();
		if (taken >= 0)
			keeper_store_fd(s, kept, taken);
	}
	s->logtee = logtee_new(s->fifo_fd, taken);
}

static int begin(struct super *s, const struct dirs *d, const char *project, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	s->dirs = *d;
	s->keeper_fd = s->listen_fd = s->logs_fd = s->fifo_fd = -1;
	keeper_link_lock(s);
	s->base = new_loop();
	if (!s->base)
		return err_set(err, ERR_FAIL, "no event loop");
	if (pdirs_open(d, project, true, &s->p, err) < 0 || make_dirs(s, err) < 0 || open_stores(s, err) < 0)
		return -1;
	sweep_halves(s);
	keeper_link_start(s);
	share_floods(s);
	if (txn_load_model(s, &why) < 0)         /* `down` does without one, and `up` brings a new one */
		log_error("stored model: %s", err_msg(&why));
	txn_read_unfinished(s);
	boot_read_mark(s);
	if (boot_watch(s, err) < 0)
		return -1;
	if (dns_new(s->base, &names_ops, s, &s->dns, err) < 0 || adopt_world(s, err) < 0)
		return -1;
	drain(s);
	return ctl_server_start(s, err);
}

/* Only when the journal says so: not knowing is no reason to leave containers alone. */
static bool nothing_runs(struct super *s)
{
	struct world w;
	bool none = true;

	if (s->p.state_fd < 0 || world_load(s->p.state_fd, &w, NULL) < 0)
		return false;
	map_each(&w.units, it)
		none &= !unit_rec_alive(it->value);
	world_done(&w);
	return none;
}

static void loop(struct super *s)
{
	struct event *idle = event_new(s->base, -1, EV_PERSIST, on_idle, s);
	struct timeval tv = { .tv_sec = IDLE_MS / 1000 };
	struct timeval flush = { .tv_sec = FLUSH_MS / 1000 };

	event_add(idle, &tv);
	while (!s->finished || (clients_have_output(s) && clock_mono_ns() < s->flush_until)) {
		event_base_loop(s->base, EVLOOP_ONCE);
		drain(s);
		compact_if_due(s);
		units_save_owed(s);
		if (s->finished)
			event_base_loopexit(s->base, &flush);
	}
	event_free(idle);
}

/* Where the keeper was put (spawn.c), and what follows from it. */
static void settle_in_unit(const char *project)
{
	auto_err struct err err = ERR_INIT;

	if (cgroup_settle(project, &err) < 0)
		log_error("%s", err_msg(&err));
	else if (oci_host()->mode == CGROUP_V2 && !cgroup_in_unit(project) && access("/run/systemd/system", F_OK) == 0)
		log_warn("in no unit of its own: when what started it is stopped, systemd may stop it, too");
}

/* What a service manager said to whoever started this project is not meant for its containers: with NOTIFY_SOCKET in its environment
 * `crun start` waits for the container to say that it is ready. */
static void forget_caller(void)
{
	static const char *const said[] = { "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC" };

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		unsetenv(said[i]);
}

/* The last supervisor was killed between the project's end and its own: our keeper's lock is that of a directory which is gone, and
 * nothing is on record, or another keeper is there already. Nothing is made anew for that; what was being removed goes. */
static bool is_over(const struct dirs *d, const char *project)
{
	struct pdirs p;
	bool over;

	if (fcntl(KEEPER_LOCK_FD, F_GETFD) < 0 || pdirs_open(d, project, false, &p, NULL) < 0)
		return false;
	over = !lock_is(&p, KEEPER_LOCK_FD) && (p.state_fd < 0 || lock_held(&p));
	pdirs_done(&p);
	if (over) {
		sweep_gone(d->run);
		sweep_gone(d->state);
	}
	return over;
}

/* The process ends; memory and descriptors go with it. What matters is the order of the keeper's end and the last client's (see
 * client_outlives_keeper). */
int super_main(const struct dirs *d, const char *project)
{
	struct super *s = xcalloc(1, sizeof *s);
	auto_err struct err err = ERR_INIT;

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	fd_raise_limit();               /* a container costs about ten; what the runtime starts gets its limits from the bundle */
	forget_caller();
	if (is_over(d, project))
		return 0;
	if (chdir("/") < 0 || begin(s, d, project, &err) < 0) {
		log_error("cannot start: %s", err_msg(&err));
		super_say_why_not(&s->p, &err);
		return nothing_runs(s) ? 0 : 1;  /* 1: the keeper tries again */
	}
	settle_in_unit(project);
	log_info("supervisor %d of project '%s'", (int)getpid(), project);
	loop(s);
	log_info("done");
	return 0;
}
