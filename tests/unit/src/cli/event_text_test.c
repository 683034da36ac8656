#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../../../../src/cli/event_text.h"
#include "../../../../src/util/json.h"

static const char line[] = "{\"t\":1704110400123456789,\"type\":\"container\",\"action\":\"die\",\"service\":\"web\",\"slot\":\"web-1\","
			   "\"id\":\"abc\",\"run\":\"1:2\",\"attributes\":{\"name\":\"demo-web-1\",\"exitCode\":\"137\",\"image\":\"a\\\"b\"}}";

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static void check(const char *event, void (*print)(const json_t *, struct buf *), const char *want)
{
	auto_buf struct buf out = BUF_INIT;
	auto_json json_t *j = NULL;

	assert_int_equal(jx_parse(event, strlen(event), &j, NULL), 0);
	print(j, &out);
	assert_string_equal(out.p, want);
}

static void test_text(void **state)
{
	zone("UTC");
	check(line, event_text, "2024-01-01 12:00:00.123456 container die abc (exitCode=137, image=a\"b, name=demo-web-1)\n");
	zone("XYZ-5:30");
	check(line, event_text, "2024-01-01 17:30:00.123456 container die abc (exitCode=137, image=a\"b, name=demo-web-1)\n");
}

/* A process may be called anything; how it was called is told when it is killed for want of memory. */
static void test_foreign_words_do_not_steer_the_terminal(void **state)
{
	zone("UTC");
	check("{\"t\":0,\"type\":\"container\",\"action\":\"oom\",\"id\":\"abc\",\"attributes\":{\"process\":\"a\\u001b[2Jb\"}}", event_text,
	      "1970-01-01 00:00:00.000000 container oom abc (process=a\\x1b[2Jb)\n");
}

static void test_json(void **state)
{
	zone("UTC");
	check(line, event_json,
	      "{\"action\":\"die\",\"attributes\":{\"exitCode\":\"137\",\"image\":\"a\\\"b\",\"name\":\"demo-web-1\"},\"id\":\"abc\","
	      "\"service\":\"web\",\"time\":\"2024-01-01T12:00:00.123456789Z\",\"type\":\"container\"}\n");
}

/* Go leaves zeros at the end of the fraction out, and the point with them. */
static void test_times(void **state)
{
	static const struct {
		const char *tz, *t, *want;
	} rows[] = {
		{ "UTC", "1704110400000000000", "2024-01-01T12:00:00Z" },
		{ "UTC", "1704110400100000000", "2024-01-01T12:00:00.1Z" },
		{ "UTC", "1704110400000000120", "2024-01-01T12:00:00.00000012Z" },
		{ "ABC8", "1704110400500000000", "2024-01-01T04:00:00.5-08:00" },
		{ "ABC-5:45", "1704110400000000000", "2024-01-01T17:45:00+05:45" },
		{ "UTC", "-1000000000", "1969-12-31T23:59:59Z" },
		{ "UTC", "-1", "1969-12-31T23:59:59.999999999Z" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_buf struct buf event = BUF_INIT, want = BUF_INIT;

		buf_printf(&event, "{\"t\":%s}", rows[i].t);
		buf_printf(&want, "{\"action\":\"\",\"attributes\":{},\"id\":\"\",\"service\":\"\",\"time\":\"%s\",\"type\":\"\"}\n",
			   rows[i].want);
		zone(rows[i].tz);
		check(event.p, event_json, want.p);
	}
}

static void test_nothing_known(void **state)
{
	zone("UTC");
	check("{}", event_text, "1970-01-01 00:00:00.000000    ()\n");
	check("{\"t\":\"x\",\"attributes\":[1],\"id\":7}", event_text, "1970-01-01 00:00:00.000000    ()\n");
	check("{\"attributes\":{\"a\":1}}", event_text, "1970-01-01 00:00:00.000000    (a=)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_foreign_words_do_not_steer_the_terminal),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_nothing_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
