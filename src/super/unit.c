/* unit.c - the life of a container: one table, state × event → next state and action.
 *
 * In flight, a new wish (E_WANT) is only noted in u->want; the resting states act on it: their settling posts E_WANT again. So each
 * row tells what can happen there, and nothing else can. */
#include "hooks.h"

#include <assert.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

enum { OWED_MS = 1000 };

struct trans {
	enum ustate next;
	void (*act)(struct unit *u);
};

/* An absent cell: the event means nothing there. */
static const struct trans table[U_NSTATES][U_NEVENTS] = {
	[U_ABSENT]    = { [E_WANT]  = { U_ABSENT,    act_settle } },
	[U_PREPARING] = { [E_OK]    = { U_PREPARED,  act_prepared },
			  [E_FAIL]  = { U_EXITED,    act_after_exit } },
	[U_PREPARED]  = { [E_WANT]  = { U_PREPARED,  act_settle } },
	[U_CREATING]  = { [E_OK]    = { U_CREATED,   act_created },
			  [E_FAIL]  = { U_DELETING,  act_delete } },
	[U_CREATED]   = { [E_WANT]  = { U_CREATED,   act_settle },
			  [E_EXIT]  = { U_DELETING,  act_exited } },
	[U_STARTING]  = { [E_OK]    = { U_RUNNING,   act_running },
			  [E_FAIL]  = { U_DELETING,  act_delete },
			  [E_EXIT]  = { U_STARTING,  act_exit_early } },
	[U_RUNNING]   = { [E_WANT]  = { U_RUNNING,   act_settle },
			  [E_EXIT]  = { U_DELETING,  act_exited } },
	[U_STOPPING]  = { [E_TIMER] = { U_STOPPING,  act_kill },
			  [E_EXIT]  = { U_DELETING,  act_exited } },
	[U_DELETING]  = { [E_OK]    = { U_EXITED,    act_after_exit },
			  [E_FAIL]  = { U_EXITED,    act_after_exit } },
	[U_EXITED]    = { [E_WANT]  = { U_EXITED,    act_settle },
			  [E_FAIL]  = { U_FAILED,    act_failed } },
	[U_BACKOFF]   = { [E_TIMER] = { U_WAITING,   act_gate },
			  [E_WANT]  = { U_BACKOFF,   act_settle } },
	[U_WAITING]   = { [E_GO]    = { U_PREPARING, act_prepare },
			  [E_WANT]  = { U_WAITING,   act_settle } },
	[U_STOPPED]   = { [E_WANT]  = { U_STOPPED,   act_settle } },
	[U_FAILED]    = { [E_WANT]  = { U_FAILED,    act_settle } },
	[U_REMOVING]  = { [E_OK]    = { U_ABSENT,    act_forget },
			  [E_FAIL]  = { U_FAILED,    act_remove_failed } },
};

/* What a resting state does about a wish; an absent cell: it is fulfilled, or cannot be. */
enum { N_WANTS = W_ABSENT + 1 };
static const struct trans wishes[U_NSTATES][N_WANTS] = {
	[U_ABSENT]   = { [W_PREPARED] = { U_PREPARING, act_prepare }, [W_CREATED] = { U_PREPARING, act_prepare },
			 [W_RUNNING]  = { U_PREPARING, act_prepare } },
	[U_PREPARED] = { [W_CREATED]  = { U_CREATING,  act_create },  [W_RUNNING] = { U_CREATING,  act_create },
			 [W_STOPPED]  = { U_STOPPED,   act_none },    [W_ABSENT]  = { U_REMOVING,  act_remove } },
	[U_CREATED]  = { [W_RUNNING]  = { U_STARTING,  act_start },   [W_STOPPED] = { U_DELETING,  act_delete },
			 [W_ABSENT]   = { U_DELETING,  act_delete } },
	[U_RUNNING]  = { [W_AGAIN]    = { U_STOPPING,  act_term },
			 [W_STOPPED]  = { U_STOPPING,  act_term },    [W_ABSENT]  = { U_STOPPING,  act_term } },
	[U_EXITED]   = { [W_RUNNING]  = { U_BACKOFF,   act_backoff }, [W_AGAIN]   = { U_BACKOFF,   act_backoff },
			 [W_CREATED] = { U_STOPPED,   act_settle },
			 [W_NOTHING]  = { U_STOPPED,   act_none },    [W_PREPARED] = { U_STOPPED,  act_settle },
			 [W_STOPPED]  = { U_STOPPED,   act_none },    [W_ABSENT]  = { U_REMOVING,  act_remove } },
	[U_BACKOFF]  = { [W_PREPARED] = { U_STOPPED,   act_settle },  [W_CREATED] = { U_STOPPED,   act_settle },
			 [W_STOPPED]  = { U_STOPPED,   act_none },    [W_ABSENT]  = { U_REMOVING,  act_remove } },
	[U_WAITING]  = { [W_PREPARED] = { U_STOPPED,   act_settle },  [W_CREATED] = { U_STOPPED,   act_settle },
			 [W_STOPPED]  = { U_STOPPED,   act_none },    [W_ABSENT]  = { U_REMOVING,  act_remove } },
	[U_STOPPED]  = { [W_PREPARED] = { U_PREPARING, act_prepare }, [W_CREATED] = { U_PREPARING, act_prepare },
			 [W_RUNNING]  = { U_PREPARING, act_prepare }, [W_AGAIN]   = { U_WAITING,   act_gate },
			 [W_ABSENT]   = { U_REMOVING,  act_remove } },
	[U_FAILED]   = { [W_PREPARED] = { U_PREPARING, act_prepare }, [W_CREATED] = { U_PREPARING, act_prepare },
			 [W_RUNNING]  = { U_PREPARING, act_prepare }, [W_ABSENT]  = { U_REMOVING,  act_remove } },
};

static const char *const state_str[] = {
	[U_ABSENT] = "absent",	   [U_PREPARING] = "preparing", [U_PREPARED] = "prepared",
	[U_CREATING] = "creating", [U_CREATED] = "created",	[U_STARTING] = "starting",
	[U_RUNNING] = "running",   [U_STOPPING] = "stopping",	[U_DELETING] = "deleting",
	[U_EXITED] = "exited",	   [U_BACKOFF] = "backoff",	[U_WAITING] = "waiting",
	[U_STOPPED] = "stopped",
	[U_FAILED] = "failed",	   [U_REMOVING] = "removing",
};
static_assert(ARRAY_LEN(state_str) == U_NSTATES, "a name for every state");

const char *ustate_str(enum ustate st)
{
	return state_str[st];
}

int ustate_parse(const char *word)
{
	for (int i = 0; word && i < U_NSTATES; i++)
		if (STREQ(word, state_str[i]))
			return i;
	return -1;
}

bool unit_has_process(enum ustate st)
{
	return st == U_CREATED || st == U_STARTING || st == U_RUNNING || st == U_STOPPING;
}

bool unit_is_placed(const struct unit *u)
{
	return u->state != U_REMOVING && (u->state != U_ABSENT || u->planned);
}

static void enter(struct unit *u, enum ustate next, void (*act)(struct unit *))
{
	bool moved = u->state != next;

	log_debug("%s: %s -> %s", u->rec.slot, state_str[u->state], state_str[next]);
	u->state = next;
	if (moved) {
		unit_timer(u, -1);       /* of the state that it has left */
		u->rec.due_mono = 0;
		free(u->rec.waits);
		u->rec.waits = NULL;
		if (next == U_STOPPING)  /* on disk with the state: who comes next must know that it is to come back */
			u->rec.restarting = u->want == W_AGAIN;
		unit_save(u);
	}
	act(u);
	if (moved) {
		txn_on_unit(u->s, u);
		waiters_check(u->s);
	}
}

void unit_step(struct unit *u, enum uevent ev)
{
	const struct trans *t = &table[u->state][ev];

	if (!t->act) {
		log_debug("%s: event %d means nothing while %s", u->rec.slot, (int)ev, state_str[u->state]);
		return;
	}
	enter(u, t->next, t->act);
}

/* It stays as it is until somebody wants something else. */
void act_none(struct unit *u)
{
	if (!u->rec.restarting)
		return;
	u->rec.restarting = false;
	unit_save(u);
}

/* A resting state looks at what is wanted. */
void act_settle(struct unit *u)
{
	const struct trans *t = &wishes[u->state][u->want];

	if (t->act)
		enter(u, t->next, t->act);
}

void unit_want(struct unit *u, enum uwant want)
{
	u->want = want;
	super_post(u, E_WANT);
}

void unit_save(struct unit *u)
{
	auto_err struct err err = ERR_INIT;
	auto_json json_t *j = NULL;

	u->news = ++u->s->news;
	free(u->rec.state);
	u->rec.state = xstrdup(state_str[u->state]);
	j = unit_rec_to_json(&u->rec);
	u->unsaved = journal_append(u->s->journal, "unit", j, &err) < 0;
	if (u->unsaved && !u->s->owes_records)
		log_error("journal: %s; it is written later, until then only this process knows", err_msg(&err));
	u->s->owes_records |= u->unsaved;
}

void units_save_owed(struct super *s)
{
	if (!s->owes_records || clock_mono_ns() < s->pay_records_ns)
		return;
	s->owes_records = false;
	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (u->unsaved && !s->owes_records)
			unit_save(u);
		s->owes_records |= u->unsaved;
	}
	s->pay_records_ns = clock_mono_ns() + OWED_MS * MS_NS;
	if (!s->owes_records)
		log_info("journal: all that was owed is written");
}

struct unit *unit_get(struct super *s, const char *slot)
{
	return map_get(&s->units, slot);
}

char *slot_of(struct super *s, const char *service, unsigned index)
{
	auto_free char *first = xasprintf("%s-%u", service, index), *second = plan_other_side(first);
	const struct unit *a = unit_get(s, first), *b = unit_get(s, second);

	return plan_has_the_slot(a ? &a->rec : NULL, b ? &b->rec : NULL) ? take(first) : take(second);
}

struct unit *service_unit(struct super *s, const char *service, unsigned index)
{
	auto_free char *slot = slot_of(s, service, index);

	return unit_get(s, slot);
}

struct unit *unit_make(struct super *s, const char *slot, const char *service, unsigned index)
{
	struct unit *u = unit_get(s, slot);

	if (u)
		return u;
	u = xcalloc(1, sizeof *u);
	u->s = s;
	u->rec.slot = xstrdup(slot);
	u->rec.service = xstrdup(service);
	u->rec.index = index;
	u->rec.exit_code = -1;
	u->pidfd = u->out_fd = u->err_fd = u->tty_fd = u->console_fd = -1;
	u->call.pidfd = u->worker.fd = -1;
	u->grace_ms = -1;
	map_set(&s->units, slot, u);
	return u;
}

void unit_free(struct unit *u)
{
	struct event **evs[] = { &u->act_ev, &u->act_timer, &u->pid_ev, &u->timer, &u->exit_timer };

	health_stop(u);
	hooks_end(u);
	oom_unwatch(u);
	err_done(&u->hook_fail);
	streams_close(u);
	network_free_ports(u);
	for (size_t i = 0; i < ARRAY_LEN(evs); i++)
		if (*evs[i])
			event_free(*evs[i]);
	if (u->pidfd >= 0)
		close(u->pidfd);
	free(u->fail_attr);
	free(u->gate);
	oci_runtime_done(&u->own_runtime);
	err_done(&u->fail);
	launch_done(&u->launch);
	unit_rec_done(&u->rec);
	free(u);
}
