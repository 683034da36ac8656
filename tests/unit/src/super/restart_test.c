/* Restart policies: who comes back, and after which pause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../../src/super/sup.h"

enum { WELL_MS = 10000, BADLY_MS = 50 };

static struct launch launch(enum restart_kind kind, int64_t max, int64_t delay_ns)
{
	return (struct launch){ .restart = { .kind = kind, .max_attempts = max, .delay_ns = delay_ns } };
}

static enum restart_verdict after_exit(enum restart_kind kind, int code, bool manual, bool asked)
{
	struct launch l = launch(kind, 0, -1);
	struct unit_rec r = { .exit_code = code, .manual_stop = manual };
	int64_t pause = 0;

	return restart_decide(&l, &r, BADLY_MS, asked, &pause);
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

static void on_failure_gives_up(void **state)
{
	struct launch l = launch(RESTART_ON_FAILURE, 2, -1);
	struct unit_rec r = { .exit_code = 1 };
	int64_t pause = 0;

	for (r.restarts = 0; r.restarts < 2; r.restarts++)
		assert_int_equal(restart_decide(&l, &r, BADLY_MS, false, &pause), RESTART_AFTER);
	assert_int_equal(restart_decide(&l, &r, BADLY_MS, false, &pause), RESTART_STAY);
}

static void pause_doubles_and_starts_over(void **state)
{
	struct launch l = launch(RESTART_ALWAYS, 0, -1);
	struct unit_rec r = { .exit_code = 1 };
	int64_t pause = 0, want = 100;

	for (int i = 0; i < 14; i++) {
		assert_int_equal(restart_decide(&l, &r, BADLY_MS, false, &pause), RESTART_AFTER);
		assert_int_equal(pause, want);
		want = want * 2 > 60000 ? 60000 : want * 2;
	}
	restart_decide(&l, &r, WELL_MS, false, &pause);
	assert_int_equal(pause, 100);
}

static void deploy_sets_the_pause(void **state)
{
	struct launch l = launch(RESTART_ALWAYS, 0, 5 * 1000000000LL);
	struct unit_rec r = { .exit_code = 1 };
	int64_t pause = 0;

	restart_decide(&l, &r, BADLY_MS, false, &pause);
	assert_int_equal(pause, 5000);
	restart_decide(&l, &r, BADLY_MS, false, &pause);
	assert_int_equal(pause, 5000);
}

static void signals_have_numbers(void **state)
{
	assert_int_equal(signal_number("SIGTERM"), 15);
	assert_int_equal(signal_number("quit"), 3);
	assert_int_equal(signal_number("9"), 9);
	assert_int_equal(signal_number("SIGRTMIN+3"), 37);
	assert_int_equal(signal_number("RTMAX"), 64);
	assert_int_equal(signal_number("SIGNOPE"), -1);
	assert_int_equal(signal_number(""), -1);
	assert_int_equal(signal_number("0"), -1);
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
		cmocka_unit_test(on_failure_gives_up), cmocka_unit_test(pause_doubles_and_starts_over),
		cmocka_unit_test(deploy_sets_the_pause), cmocka_unit_test(signals_have_numbers),
		cmocka_unit_test(launch_survives_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
