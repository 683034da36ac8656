/* inits.c - the end of a container's init: that it ended, and how.
 *
 * The pidfd says at once that it is gone. How it ended, its parent knows: that is the keeper, which writes it to the exits file before
 * it reaps. The children of a keeper that was killed were given to the host's init, which tells nobody; there the kernel is asked, which
 * remembers it for as long as somebody has a pidfd from before (PIDFD_GET_INFO, Linux 6.15). So the new keeper keeps those pidfds, and
 * they outlive a supervisor, too. What nobody has reaped yet can be seen in /proc. Where nobody knows within EXIT_WORD_MS, the status
 * stays unknown. */
#include "sup.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

enum { EXIT_WORD_MS = 2000, KEEPER_WORD_MS = 200, ASK_AGAIN_MS = 10 };

static void on_exit_rec(const struct exit_rec *r, void *ctx)
{
	struct super *s = ctx;

	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (u->rec.proc.pid != r->proc.pid || u->rec.proc.start != r->proc.start ||
		    !unit_has_process(u->state))
			continue;
		unit_ended(u, r->status, r->at_ns);
		return;
	}
}

void exits_collect(struct super *s)
{
	auto_err struct err err = ERR_INIT;

	if (exits_read(s->p.run_fd, &s->exits_offset, on_exit_rec, s, &err) < 0)
		log_error("exits: %s", err_msg(&err));
}

/* It is its parent's to say first; but a keeper may be stopped, or have no room to write, and a stranger says nothing. */
static bool may_look(const struct unit *u)
{
	return u->init_kept || clock_mono_ns() > u->gone_mono + KEEPER_WORD_MS * MS_NS;
}

/* Where the status is known from (see events), NULL: nowhere yet. */
static const char *ask_kernel(const struct unit *u, int *ret_status)
{
	if (proc_pidfd_ended(u->pidfd, ret_status) == 1)
		return "pidfd";
	return may_look(u) && proc_zombie_ended(&u->rec.proc, ret_status) ? "proc" : NULL;
}

/* Looks for its status, and again in a moment when it is not known yet. */
static void look(struct unit *u)
{
	const char *source;
	int status;

	exits_collect(u->s);
	if (u->queued & (1u << E_EXIT))
		return;
	source = ask_kernel(u, &status);
	if (source) {
		u->exit_source = source;
		unit_ended(u, status, clock_wall_ns());
	} else if (clock_mono_ns() > u->gone_mono + EXIT_WORD_MS * MS_NS) {
		log_warn("%s: nobody knows how process %d ended", u->rec.slot, (int)u->rec.proc.pid);
		unit_ended(u, -1, clock_wall_ns());
	} else {
		timer_arm(u->exit_timer, ASK_AGAIN_MS);
	}
}

static void on_exit_overdue(evutil_socket_t fd, short what, void *arg)
{
	look(arg);
}

static void on_init_gone(evutil_socket_t fd, short what, void *arg)
{
	struct unit *u = arg;

	u->gone_mono = clock_mono_ns();
	if (!u->exit_timer)
		u->exit_timer = evtimer_new(u->s->base, on_exit_overdue, u);
	look(u);
}

char *init_name(const struct unit *u)
{
	return xasprintf("init:%s:%d:%llu", u->rec.slot, (int)u->rec.proc.pid, (unsigned long long)u->rec.proc.start);
}

int watch_init(struct unit *u)
{
	auto_free char *name = init_name(u);

	if (u->pidfd >= 0)
		return 0;
	u->pidfd = keeper_take_fd(u->s, name);
	u->init_kept = u->pidfd >= 0;
	if (u->pidfd < 0 && str_eq(u->rec.boot, proc_boot_id()))
		u->pidfd = proc_pidfd(&u->rec.proc);
	if (u->pidfd < 0)
		return -1;
	if (!u->init_kept && proc_parent(u->rec.proc.pid) != getppid()) {
		keeper_store_fd(u->s, name, u->pidfd);
		u->init_kept = true;
	}
	u->pid_ev = event_new(u->s->base, u->pidfd, EV_READ, on_init_gone, u);
	event_add(u->pid_ev, NULL);
	return 0;
}

void unwatch_init(struct unit *u)
{
	auto_free char *name = init_name(u);

	if (u->pid_ev)
		event_free(take(u->pid_ev));
	if (u->exit_timer)
		event_free(take(u->exit_timer));
	if (u->pidfd >= 0)
		close(take_fd(&u->pidfd));
	if (u->init_kept)
		keeper_drop_fd(u->s, name);
	u->init_kept = false;
}
