/* Restart policies: who comes back, and after which pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../../src/super/sup.h"

enum { WELL_MS = 10000, BADLY_MS = 50 };

static struct restart_policy policy(enum restart_kind kind, int64_t max)
{
	return (struct restart_policy){ .kind = kind, .max_attempts = max, .delay_ns = -1, .window_ns = -1 };
}

static enum restart_verdict after_exit(enum restart_kind kind, int code, bool manual, bool asked)
{
	struct restart_policy p = policy(kind, 0);
	struct unit_rec r = { .exit_code = code, .manual_stop = manual };

	return restart_decide(&p, &r, BADLY_MS, asked);
}

static void policies(void **state)
{
	assert_int_equal(after_exit(RESTART_NO, 1, false, false), RESTART_STAY);
	assert_int_equal(after_exit(RESTART_ALWAYS, 0, false, false), RESTART_AFTER);
	assert_int_equal(after_exit(RESTART_UNLESS_STOPPED, 0, false, false), RESTART_AFTER);
	assert_int_equal(after_exit(RESTART_ON_FAILURE, 0, false, false), RESTART_STAY);
	assert_int_equal(after_exit(RESTART_ON_FAILURE, 3, false, false), RESTART_AFTER);
	assert_int_equal(after_exit(RESTART_ON_FAILURE, -1, false, false), RESTART_AFTER);
}

static void what_was_stopped_stays_stopped(void **state)
{
	assert_int_equal(after_exit(RESTART_ALWAYS, 137, true, false), RESTART_STAY);
	assert_int_equal(after_exit(RESTART_ALWAYS, 137, false, true), RESTART_STAY);
	assert_int_equal(after_exit(RESTART_UNLESS_STOPPED, 0, true, false), RESTART_STAY);
}

/* N restarts, however long it ran in between. */
static void on_failure_gives_up(void **state)
{
	struct restart_policy p = policy(RESTART_ON_FAILURE, 2);
	struct unit_rec r = { .exit_code = 1 };

	assert_int_equal(restart_decide(&p, &r, BADLY_MS, false), RESTART_AFTER);
	assert_int_equal(restart_decide(&p, &r, WELL_MS, false), RESTART_AFTER);
	assert_int_equal(restart_decide(&p, &r, WELL_MS, false), RESTART_STAY);
	assert_int_equal(restart_decide(&p, &r, BADLY_MS, false), RESTART_STAY);
}

static void deploy_counts_every_condition(void **state)
{
	struct restart_policy p = policy(RESTART_ALWAYS, 1);
	struct unit_rec r = { .exit_code = 0 };

	assert_int_equal(restart_decide(&p, &r, BADLY_MS, false), RESTART_AFTER);
	assert_int_equal(restart_decide(&p, &r, BADLY_MS, false), RESTART_STAY);
}

static void a_run_longer_than_the_window_starts_the_count_over(void **state)
{
	struct restart_policy p = policy(RESTART_ON_FAILURE, 1);
	struct unit_rec r = { .exit_code = 1 };

	p.window_ns = 2 * 1000000000LL;
	assert_int_equal(restart_decide(&p, &r, BADLY_MS, false), RESTART_AFTER);
	assert_int_equal(restart_decide(&p, &r, 2000, false), RESTART_AFTER);
	assert_int_equal(r.attempts, 1);
	assert_int_equal(restart_decide(&p, &r, 1999, false), RESTART_STAY);
}

static void pause_doubles_and_starts_over(void **state)
{
	struct restart_policy p = policy(RESTART_ALWAYS, 0);
	struct unit_rec r = { .exit_code = 1 };
	int64_t want = 100;

	for (int i = 0; i < 14; i++) {
		assert_int_equal(restart_decide(&p, &r, i % 2 ? WELL_MS - 1 : 0, false), RESTART_AFTER);
		assert_int_equal(r.backoff_ms, want);
		want = want * 2 > 60000 ? 60000 : want * 2;
	}
	restart_decide(&p, &r, WELL_MS, false);
	assert_int_equal(r.backoff_ms, 100);
	r.backoff_ms = INT64_MAX;        /* whatever a record says */
	restart_decide(&p, &r, 0, false);
	assert_int_equal(r.backoff_ms, 60000);
}

static void deploy_sets_the_pause(void **state)
{
	struct restart_policy p = policy(RESTART_ALWAYS, 0);
	struct unit_rec r = { .exit_code = 1 };

	for (int64_t s = 0; s < 10; s += 5) {
		p.delay_ns = s * 1000000000LL;
		restart_decide(&p, &r, BADLY_MS, false);
		assert_int_equal(r.backoff_ms, s * 1000);
		restart_decide(&p, &r, BADLY_MS, false);
		assert_int_equal(r.backoff_ms, s * 1000);
	}
}

/* The clock jumped: a run of less than no time is a short one. */
static void times_that_cannot_be(void **state)
{
	struct restart_policy p = policy(RESTART_ON_FAILURE, 1);
	struct unit_rec r = { .exit_code = 1, .backoff_ms = 400 };

	p.window_ns = 1;
	assert_int_equal(restart_decide(&p, &r, -315360000000LL, false), RESTART_AFTER);
	assert_int_equal(r.backoff_ms, 800);
	assert_int_equal(restart_decide(&p, &r, -1, false), RESTART_STAY);
}

static bool at_boot(enum restart_kind kind, bool ran, bool manual)
{
	struct restart_policy p = policy(kind, 0);
	struct unit_rec r = { .exit_code = ran ? -1 : 0, .started_ns = 1, .manual_stop = manual };

	return restart_at_boot(&p, &r, ran);
}

static void what_a_boot_brings_back(void **state)
{
	struct restart_policy p = policy(RESTART_UNLESS_STOPPED, 0);
	struct unit_rec never = { .exit_code = -1 };

	assert_false(at_boot(RESTART_NO, true, false));
	assert_true(at_boot(RESTART_ALWAYS, true, false));
	assert_true(at_boot(RESTART_ALWAYS, false, true));
	assert_true(at_boot(RESTART_UNLESS_STOPPED, true, false));
	assert_true(at_boot(RESTART_UNLESS_STOPPED, false, false));
	assert_false(at_boot(RESTART_UNLESS_STOPPED, false, true));
	assert_true(at_boot(RESTART_ON_FAILURE, true, false));
	assert_false(at_boot(RESTART_ON_FAILURE, false, false));
	assert_false(at_boot(RESTART_ON_FAILURE, true, true));
	assert_false(restart_at_boot(&p, &never, false));
}

/* What is remembered of a container is what was known at its birth. */
static void launch_survives_the_disk(void **state)
{
	struct launch l = {
		.stop_signal = (char *)"SIGQUIT", .grace_ms = 1500, .tty = true, .log_max_bytes = 4096,
		.log_max_files = 2, .health = true, .health_interval_ms = 1, .health_timeout_ms = 2,
		.health_start_period_ms = 3, .health_start_interval_ms = 4, .health_retries = 5,
		.restart = { RESTART_ON_FAILURE, 7, 8, 9 },
	};
	struct launch back = { 0 };
	struct launch_net *n = l.nets = calloc(1, sizeof *n);
	json_t *j;

	l.n_nets = 1;
	n->network = (char *)"p_default";
	strs_add(&n->names, "web");
	strs_add(&l.links, "db=postgres");
	j = launch_to_json(&l);
	assert_int_equal(launch_from_json(j, &back, NULL), 0);
	assert_string_equal(back.stop_signal, "SIGQUIT");
	assert_int_equal(back.grace_ms, 1500);
	assert_true(back.tty && back.health && !back.stdin_open);
	assert_int_equal(back.log_max_bytes, 4096);
	assert_int_equal(back.health_retries, 5);
	assert_int_equal(back.restart.kind, RESTART_ON_FAILURE);
	assert_int_equal(back.restart.max_attempts, 7);
	assert_int_equal(back.restart.window_ns, 9);
	assert_string_equal(back.nets[0].names.v[0], "web");
	assert_string_equal(back.links.v[0], "db=postgres");
	launch_done(&back);
	json_decref(j);
	j = json_string("nonsense");
	assert_int_equal(launch_from_json(j, &back, NULL), -1);
	json_decref(j);
	strs_done(&n->names);
	strs_done(&l.links);
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies), cmocka_unit_test(what_was_stopped_stays_stopped),
		cmocka_unit_test(on_failure_gives_up), cmocka_unit_test(deploy_counts_every_condition),
		cmocka_unit_test(a_run_longer_than_the_window_starts_the_count_over),
		cmocka_unit_test(pause_doubles_and_starts_over), cmocka_unit_test(deploy_sets_the_pause),
		cmocka_unit_test(times_that_cannot_be), cmocka_unit_test(what_a_boot_brings_back),
		cmocka_unit_test(launch_survives_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
