/* When pieces of a stream are made to gather, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../../src/super/pace.h"

enum { US = 1000, MANY = 20 };

/* The pause after `n` pieces of `bytes`, each `gap` after the one before. */
static int64_t after(struct pace *p, int n, size_t bytes, int64_t gap)
{
	static int64_t now = 1000000000;
	int64_t pause = 0;

	while (n-- > 0)
		pause = pace_pause(p, bytes, now += gap);
	return pause;
}

static void who_writes_now_and_then_is_read_at_once(void **state)
{
	struct pace p = { 0 };

	assert_int_equal(after(&p, 1, 100, 10 * US), 0);
	assert_int_equal(after(&p, 100, 100, 10000 * US), 0);
	assert_int_equal(after(&p, 100, 100 << 10, 10 * US), 0);      /* much at a time */
}

static void little_and_often_gathers_for_a_millisecond(void **state)
{
	struct pace p = { 0 };

	assert_int_equal(after(&p, 10, 100, 10 * US), 0);
	assert_int_equal(after(&p, MANY, 100, 10 * US), PACE_MOST_NS);
	assert_int_equal(after(&p, 100, 1000, 1100 * US), PACE_MOST_NS);
	assert_int_equal(after(&p, 1, 100, 10000 * US), 0);           /* no longer */
	assert_int_equal(after(&p, 10, 100, 10 * US), 0);
}

static void a_flood_gathers_for_as_long_as_a_quarter_of_the_pipe_takes(void **state)
{
	struct pace p = { 0 };

	assert_int_equal(after(&p, MANY, 4096, 4 * US), 256 * US);    /* 1 GiB/s */
	assert_in_range(after(&p, 1, 256 << 10, 200 * US), 199 * US, 201 * US);
	assert_int_equal(after(&p, 1, 256 << 10, 10 * US), PACE_LEAST_NS);
	assert_int_equal(after(&p, 1, 1 << 20, 200 * US), 0);         /* the pipe was full */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_writes_now_and_then_is_read_at_once),
		cmocka_unit_test(little_and_often_gathers_for_a_millisecond),
		cmocka_unit_test(a_flood_gathers_for_as_long_as_a_quarter_of_the_pipe_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
