#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../../src/cli/rate.h"
#include "../../../../src/util/clock.h"

enum { BEGIN_S = 1000 };

/* `per_s` bytes a second from from_s to to_s, told ten times a second. */
static void flow(struct rate *r, double from_s, double to_s, uint64_t from_bytes, uint64_t per_s)
{
	for (double s = from_s; s <= to_s + 0.001; s += 0.1)
		rate_add(r, (int64_t)((BEGIN_S + s) * SEC_NS), from_bytes + (uint64_t)((s - from_s) * (double)per_s));
}

static int64_t at(double s)
{
	return (int64_t)((BEGIN_S + s) * SEC_NS);
}

static void is_not_known_at_once(void **state)
{
	struct rate r = { 0 };

	assert_true(rate_per_s(&r, at(0)) == 0);
	flow(&r, 0, 0.3, 0, 1000000);
	assert_true(rate_per_s(&r, at(0.3)) == 0);
	flow(&r, 0.4, 1, 400000, 1000000);
	assert_in_range((uint64_t)rate_per_s(&r, at(1)), 950000, 1050000);
	assert_int_equal(rate_left_s(&r, at(1), 5000000), -1);
	flow(&r, 1.1, 2, 1100000, 1000000);
	assert_in_range(rate_left_s(&r, at(2), 5000000), 5, 6);
}

static void follows_the_last_seconds(void **state)
{
	struct rate r = { 0 };

	flow(&r, 0, 10, 0, 1000000);
	flow(&r, 10.1, 16, 10000000, 100000);
	assert_in_range((uint64_t)rate_per_s(&r, at(16)), 90000, 110000);
	assert_in_range((uint64_t)rate_per_s(&r, at(20)), 20000, 60000);    /* nothing more came */
	assert_true(rate_per_s(&r, at(60)) < 100000 / 10);
}

static void begins_anew_with_what_does(void **state)
{
	struct rate r = { 0 };

	flow(&r, 0, 3, 0, 1000000);
	flow(&r, 3.1, 3.2, 0, 1000000);
	assert_true(rate_per_s(&r, at(3.2)) == 0);
	flow(&r, 3.3, 5, 200000, 2000000);
	assert_in_range((uint64_t)rate_per_s(&r, at(5)), 1700000, 2050000);
}

static void says_what_is_known(void **state)
{
	static const struct { uint64_t bytes, size; const char *text; } rows[] = {
		{ 4000000, 14000000, "4MB/14MB  1MB/s  10s left" },
		{ 4000000, 4000000, "4MB/4MB" },
		{ 4000000, 94000000, "4MB/94MB  1MB/s  1m30s left" },
		{ 4000000, 7504000000, "4MB/7.504GB  1MB/s  2h05m left" },
		{ 4000000, 400000000000, "4MB/400GB  1MB/s" },
	};
	struct rate r = { 0 };

	flow(&r, 0, 4, 0, 1000000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT;

		r.at[r.n - 1].bytes = 4000000;
		r.at[r.n - 1].ns = at(4);
		rate_format(&r, at(4), rows[i].bytes, rows[i].size, &b);
		assert_string_equal(b.p, rows[i].text);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_not_known_at_once), cmocka_unit_test(follows_the_last_seconds),
		cmocka_unit_test(begins_anew_with_what_does), cmocka_unit_test(says_what_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
