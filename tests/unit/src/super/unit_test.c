/* The life of a container: every state × event × wish, and random lives that must neither break a rule nor get stuck. */
#include "fakes.h"

#define A U_ABSENT
#define PG U_PREPARING
#define PD U_PREPARED
#define CG U_CREATING
#define CD U_CREATED
#define SG U_STARTING
#define RU U_RUNNING
#define ST U_STOPPING
#define DE U_DELETING
#define EX U_EXITED
#define BO U_BACKOFF
#define WA U_WAITING
#define SD U_STOPPED
#define FA U_FAILED
#define RE U_REMOVING

#define N_WANTS (W_ABSENT + 1u)

/* Where an event leads, by what is wanted: nothing, prepared, created, running, again, stopped, absent. What is not here changes nothing. */
static const struct row {
	enum ustate from;
	enum uevent ev;
	enum ustate to[N_WANTS];
} rows[] = {
	{ A,  E_WANT,  { A,  PG, PG, PG, A,  A,  A } },
	{ PG, E_OK,    { PD, PD, CG, CG, PD, SD, RE } },
	{ PG, E_FAIL,  { EX, EX, EX, EX, EX, EX, EX } },
	{ PD, E_WANT,  { PD, PD, CG, CG, PD, SD, RE } },
	{ CG, E_OK,    { CD, CD, CD, SG, CD, DE, DE } },
	{ CG, E_FAIL,  { DE, DE, DE, DE, DE, DE, DE } },
	{ CD, E_WANT,  { CD, CD, CD, SG, CD, DE, DE } },
	{ CD, E_EXIT,  { DE, DE, DE, DE, DE, DE, DE } },
	{ SG, E_OK,    { RU, RU, RU, RU, RU, RU, RU } },
	{ SG, E_FAIL,  { DE, DE, DE, DE, DE, DE, DE } },
	{ RU, E_WANT,  { RU, RU, RU, RU, ST, ST, ST } },
	{ RU, E_EXIT,  { DE, DE, DE, DE, DE, DE, DE } },
	{ ST, E_EXIT,  { DE, DE, DE, DE, DE, DE, DE } },
	{ DE, E_OK,    { EX, EX, EX, EX, EX, EX, EX } },
	{ DE, E_FAIL,  { EX, EX, EX, EX, EX, EX, EX } },
	{ EX, E_WANT,  { SD, PG, PG, BO, BO, SD, RE } },
	{ EX, E_FAIL,  { FA, FA, FA, FA, FA, FA, FA } },
	{ BO, E_WANT,  { BO, PG, PG, BO, BO, SD, RE } },
	{ BO, E_TIMER, { WA, WA, WA, WA, WA, WA, WA } },
	{ WA, E_WANT,  { WA, PG, PG, WA, WA, SD, RE } },
	{ WA, E_GO,    { PG, PG, PG, PG, PG, PG, PG } },
	{ SD, E_WANT,  { SD, PG, PG, PG, WA, SD, RE } },
	{ FA, E_WANT,  { FA, PG, PG, PG, FA, FA, RE } },
	{ RE, E_OK,    { A,  A,  A,  A,  A,  A,  A } },
	{ RE, E_FAIL,  { FA, FA, FA, FA, FA, FA, FA } },
};

static enum ustate expected(enum ustate from, enum uevent ev, enum uwant want)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].from == from && rows[i].ev == ev)
			return rows[i].to[want];
	return from;
}

static void one_step(enum ustate from, enum uevent ev, enum uwant want)
{
	struct unit *u = new_unit("web", from);
	enum ustate to = expected(from, ev, want);
	unsigned before = lines_written;

	u->want = want;
	unit_step(u, ev);
	if (u->state != to)
		fail_msg("%s, event %d, wish %d: %s, not %s", ustate_str(from), ev, want, ustate_str(u->state), ustate_str(to));
	if (to != from)
		assert_true(lines_written > before);     /* before anybody hears of it */
	map_remove(&super.units, "web-1");
	unit_free(u);
	super.n_queue = 0;
}

static void every_state_and_event(void **state)
{
	for (enum ustate from = 0; from < U_NSTATES; from++)
		for (enum uevent ev = 0; ev < U_NEVENTS; ev++)
			for (enum uwant want = 0; want <= W_ABSENT; want++)
				one_step(from, ev, want);
}

/* Each line might be the last that a supervisor writes. */
static void a_stop_says_at_once_what_follows(void **state)
{
	stops_to_return = stops_to_rest = 0;
	one_step(U_RUNNING, E_WANT, W_AGAIN);
	assert_true(stops_to_return && !stops_to_rest);
	stops_to_return = 0;
	one_step(U_RUNNING, E_WANT, W_STOPPED);
	assert_true(!stops_to_return && stops_to_rest);
}

static void states_have_names(void **state)
{
	for (enum ustate st = 0; st < U_NSTATES; st++)
		assert_int_equal(ustate_parse(ustate_str(st)), st);
	assert_int_equal(ustate_parse("nonsense"), -1);
	assert_int_equal(ustate_parse(NULL), -1);
}

/* ------------------------------------------------------------------ random lives */

static uint32_t seed;

static unsigned chance(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

/* What is in flight comes to its end. */
static void finish(struct unit *u, bool ok)
{
	enum activity act = u->act;

	if (act == ACT_NONE)
		return;
	u->act = ACT_NONE;
	if (act == ACT_CLEAN || (act == ACT_DELETE && !ok && !u->cleaned)) {
		u->cleaned = true;
		activity_call(u, ACT_DELETE, NULL);
		return;
	}
	if (act != ACT_DELETE)
		err_done(&u->fail);
	if (!ok && act != ACT_DELETE)
		err_set(&u->fail, ERR_FAIL, "it went wrong");
	if (ok && act == ACT_CREATE)
		u->rec.proc = (struct proc_id){ 77, 1 };
	super_post(u, ok ? E_OK : E_FAIL);
}

static bool has_timer(const struct unit *u)
{
	return u->timer && evtimer_pending(u->timer, NULL);
}

static void let_exit(struct unit *u, int status)
{
	if (unit_has_process(u->state) && u->rec.proc.pid) {
		u->rec.proc.pid = 0;     /* once is enough */
		unit_ended(u, status, 1);
	}
}

static void let_time_pass(struct unit *u)
{
	if (!has_timer(u))
		return;
	evtimer_del(u->timer);
	super_post(u, E_TIMER);
}

/* As the operations of a plan wish. */
static void wish(struct unit *u, enum uwant want)
{
	if (want == W_PREPARED) {
		u->rec.restarting = false;
		if (!u->rec.id)
			u->rec.id = xstrdup("1234");
	}
	u->rec.manual_stop = want == W_STOPPED && chance(2);
	unit_want(u, want);
}

static bool in_flight(enum ustate st)
{
	return st == PG || st == CG || st == SG || st == DE || st == RE;
}

static void rules_hold(const struct unit *u)
{
	assert_int_equal(u->queued, 0);
	assert_int_equal(u->act != ACT_NONE, in_flight(u->state));
	assert_int_equal(has_timer(u), u->state == ST || u->state == BO);
	if ((u->rec.due_mono != 0) != has_timer(u))
		fail_msg("seed %u: %s due %ld want %d", seed, ustate_str(u->state), (long)u->rec.due_mono, u->want);
	assert_string_equal(u->rec.state, ustate_str(u->state));
	assert_int_not_equal(u->state, EX);
	assert_int_equal(u->rec.waits != NULL, u->state == WA);
	if (u->state == BO || u->state == WA)
		assert_true(u->rec.restarting && u->want == W_RUNNING);
	if (u->state == RU || u->state == SD || u->state == FA || u->state == A)
		if (u->rec.restarting)
			fail_msg("seed %u: %s, and comes back", seed, ustate_str(u->state));
	if (!in_flight(u->state) && u->state != ST && expected(u->state, E_WANT, u->want) != u->state)
		fail_msg("seed %u: rests in %s, though %d is wanted", seed, ustate_str(u->state), u->want);
}

static void live_one_step(struct unit *u)
{
	static const enum uwant wants[] = { W_PREPARED, W_CREATED, W_RUNNING, W_STOPPED, W_ABSENT };

	switch (chance(8)) {
	case 0:
		if (u->act == ACT_NONE && chance(3) == 0)
			wish(u, wants[chance(ARRAY_LEN(wants))]);
		break;
	case 1:
		let_exit(u, (int)chance(3) - 1);
		break;
	case 2:
		let_time_pass(u);
		break;
	case 3:
		unit_restart_now(u, "it is tested");
		break;
	case 4:
		wish(u, chance(2) ? W_RUNNING : W_STOPPED);
		break;
	default:
		finish(u, chance(4) > 0);
	}
	if (u->state == RU && u->rec.proc.pid == 0)      /* it ended when its start was in flight */
		let_exit(u, 0);
}

static bool has_ended(enum ustate st)
{
	return st == A || st == SD || st == FA;
}

/* From wherever it is, all that is asked for can be had when nothing goes wrong any more. */
static void gets_to(struct unit *u, enum uwant want, enum ustate state)
{
	unit_want(u, want);
	drain();
	for (int i = 0; i < 50 && u->state != state && !(want == W_STOPPED && has_ended(u->state)); i++) {
		finish(u, true);
		if (u->state == ST)
			let_exit(u, 0);
		let_time_pass(u);
		drain();
	}
	if (u->state != state && !(want == W_STOPPED && has_ended(u->state)))
		fail_msg("seed %u: stuck in %s, not %s", seed, ustate_str(u->state), ustate_str(state));
}

static void one_life(unsigned steps)
{
	struct unit *u = new_unit("web", U_ABSENT);

	u->launch.restart.kind = (enum restart_kind)chance(4);
	u->launch.restart.max_attempts = chance(4);
	u->rec.state = xstrdup("absent");
	u->rec.restarting = false;
	for (unsigned i = 0; i < steps; i++) {
		live_one_step(u);
		drain();
		rules_hold(u);
	}
	u->launch.restart.kind = RESTART_NO;
	gets_to(u, W_STOPPED, SD);
	wish(u, W_PREPARED);
	gets_to(u, W_PREPARED, PD);
	gets_to(u, W_CREATED, CD);
	gets_to(u, W_RUNNING, RU);
	rules_hold(u);
	gets_to(u, W_ABSENT, A);
	rules_hold(u);
	map_remove(&super.units, "web-1");
	unit_free(u);
}

static void random_lives(void **state)
{
	for (unsigned life = 0; life < 3000; life++) {
		seed = life;
		one_life(10 + life % 200);
	}
}

/* ------------------------------------------------------------------ what actions promise */

static struct unit *running(void)
{
	struct unit *u = new_unit("web", RU);

	u->want = W_RUNNING;
	u->rec.proc = (struct proc_id){ 77, 1 };
	return u;
}

static void an_end_is_counted_once(void **state)
{
	struct unit *u = running();

	unit_ended(u, 1, 1);
	unit_ended(u, -1, 2);
	assert_int_equal(u->rec.attempts, 1);
	assert_int_equal(u->rec.backoff_ms, 100);
	assert_int_equal(u->rec.exit_code, 1);
	drain();
	assert_int_equal(u->state, DE);
	finish(u, true);
	drain();
	assert_int_equal(u->state, BO);
	assert_int_equal(u->rec.restarts, 1);
}

/* `true` is over before `start` is. */
static void an_end_during_the_start_is_counted_once(void **state)
{
	struct unit *u = new_unit("web", SG);

	u->want = W_RUNNING;
	u->act = ACT_START;
	unit_ended(u, 1, 1);
	drain();
	assert_int_equal(u->state, SG);
	assert_int_equal(u->rec.attempts, 0);
	finish(u, true);
	drain();
	assert_int_equal(u->state, DE);
	assert_int_equal(u->rec.attempts, 1);
	assert_int_equal(u->rec.backoff_ms, 100);
}

static void to_the_pause(struct unit *u)
{
	drain();
	assert_int_equal(u->state, ST);
	assert_true(u->rec.restarting);
	let_exit(u, 0);
	drain();
	finish(u, true);
	drain();
}

static void restart_now_needs_no_policy(void **state)
{
	struct unit *u = running();

	u->launch.restart.kind = RESTART_NO;
	unit_restart_now(u, "unhealthy");
	to_the_pause(u);
	assert_int_equal(u->state, BO);
	assert_int_equal(u->rec.backoff_ms, 100);
	assert_int_equal(u->rec.attempts, 0);
	let_time_pass(u);
	drain();
	assert_int_equal(u->state, PG);
}

static void a_stop_during_restart_now_wins(void **state)
{
	struct unit *u = running();

	unit_restart_now(u, "unhealthy");
	drain();
	assert_int_equal(u->state, ST);
	wish(u, W_STOPPED);
	drain();
	let_exit(u, 0);
	drain();
	finish(u, true);
	drain();
	assert_int_equal(u->state, SD);
	unit_restart_now(u, "nothing runs");
	drain();
	assert_int_equal(u->state, SD);
}

/* What the policy tries and does not get done is an end, and tried again; what somebody asked for has failed. */
static void who_asked_decides_what_a_failure_is(void **state)
{
	struct unit *u = running();

	unit_ended(u, 1, 1);
	drain();
	finish(u, true);
	let_time_pass(u);
	drain();
	let_time_pass(u);
	drain();
	assert_int_equal(u->state, PG);
	finish(u, false);
	drain();
	assert_int_equal(u->state, BO);
	assert_int_equal(u->rec.backoff_ms, 200);
	wish(u, W_PREPARED);
	drain();
	finish(u, false);
	drain();
	assert_int_equal(u->state, FA);
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(every_state_and_event), test(a_stop_says_at_once_what_follows), test(states_have_names), test(random_lives),
		test(an_end_is_counted_once), test(an_end_during_the_start_is_counted_once),
		test(restart_now_needs_no_policy), test(a_stop_during_restart_now_wins),
		test(who_asked_decides_what_a_failure_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
