#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/visible.h"

static void shows(const char *text, size_t n, const char *want, size_t columns)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(visible(&b, text, n), columns);
	assert_string_equal(b.p, want);
	assert_int_equal(visible(NULL, text, n), columns);
}

#define SHOWS(text, want, columns) shows(text, sizeof(text) - 1, want, columns)

static void plain_text_stays(void **state)
{
	SHOWS("a b\tc", "a b\tc", 5);
	SHOWS("é ü", "é ü", 3);
	SHOWS("日本", "日本", 4);
	SHOWS("e\xcc\x81", "e\xcc\x81", 1);
	SHOWS("👍", "👍", 2);
}

static void what_steers_a_terminal_is_written_out(void **state)
{
	SHOWS("\x1b[31m", "\\x1b[31m", 8);
	SHOWS("a\nb\rc", "a\\nb\\rc", 7);
	SHOWS("a\0b", "a\\x00b", 6);
	SHOWS("\x7f", "\\x7f", 4);
	SHOWS("\xc2\x9b", "\\u009b", 6);
	SHOWS("\xe2\x80\xae", "\\u202e", 6);
	SHOWS("\xe2\x80\x8b", "\\u200b", 6);
}

static void what_is_no_text_is_written_out(void **state)
{
	SHOWS("a\xff\xfe", "a\\xff\\xfe", 9);
	SHOWS("\xe6\x97", "\\xe6\\x97", 8);
	SHOWS("\xc0\x80", "\\xc0\\x80", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(what_steers_a_terminal_is_written_out),
		cmocka_unit_test(what_is_no_text_is_written_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
