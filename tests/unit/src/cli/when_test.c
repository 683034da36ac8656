#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "../../../../src/cli/when.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/str.h"

static const int64_t now = 1700000000 * SEC_NS;

static void reads_points_in_time(void **state)
{
	static const struct { const char *text; int64_t ns; } rows[] = {
		{ "2013-01-02T13:23:37Z", 1357133017 * SEC_NS },
		{ "2013-01-02T13:23:37.25Z", 1357133017 * SEC_NS + 250 * MS_NS },
		{ "2013-01-02T13:23:37+02:00", 1357125817 * SEC_NS },
		{ "2013-01-02T13:23:37-00:30", 1357134817 * SEC_NS },
		{ "2013-01-02T13:23:37", 1357133017 * SEC_NS },
		{ "2013-01-02T13:23", 1357132980 * SEC_NS },
		{ "2013-01-02", 1357084800 * SEC_NS },
		{ "1357133017", 1357133017 * SEC_NS },
		{ "1357133017.000000005", 1357133017 * SEC_NS + 5 },
		{ "42m", 1700000000 * SEC_NS - 42 * 60 * SEC_NS },
		{ "1h30m", 1700000000 * SEC_NS - 5400 * SEC_NS },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t ns = 0;

		assert_int_equal(when_parse("--since", rows[i].text, now, &ns, NULL), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void refuses_the_rest(void **state)
{
	static const char *const rows[] = {
		"", "yesterday", "2013-13-40", "-5m", "12x", "2013-01-02T13:23:37 Z", "99999999999999999999"
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_err struct err err = ERR_INIT;
		int64_t ns;

		assert_int_equal(when_parse("--since", rows[i], now, &ns, &err), -1);
		assert_true(str_starts(err_msg(&err), "flag '--since': '"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_points_in_time),
					    cmocka_unit_test(refuses_the_rest) };

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
