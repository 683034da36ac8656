/* The keys that let go of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../../src/cli/joined_keys.h"

static void keys_are_read(void **state)
{
	static const char *const wrong[] = { "", "ctrl-", "ctrl-1", "ctrl-pp", "a,", "a,,b", "alt-p", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };
	struct keys k;

	assert_int_equal(keys_parse(NULL, &k, NULL), 0);
	assert_int_equal(k.n, 2);
	assert_memory_equal(k.seq, "\x10\x11", 2);
	assert_int_equal(keys_parse("a,ctrl-@,CTRL-Z,ctrl-_,ctrl-[", &k, NULL), 0);
	assert_int_equal(k.n, 5);
	assert_memory_equal(k.seq, "a\0\x1a\x1f\x1b", 5);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(keys_parse(wrong[i], &k, NULL), -1);
}

/* What goes on to the container when these pieces are typed, and whether they let go. */
static void typed(const char *keys, const char *const *pieces, const char *want, bool lets_go)
{
	char out[256], all[256] = "";
	bool pressed = false;
	struct keys k;
	size_t n, len = 0;

	assert_int_equal(keys_parse(keys, &k, NULL), 0);
	for (; *pieces && !pressed; pieces++) {
		pressed = keys_filter(&k, *pieces, strlen(*pieces), out, &n);
		memcpy(all + len, out, n);
		len += n;
	}
	assert_string_equal(all, want);
	assert_int_equal(pressed, lets_go);
}

static void what_is_none_of_them_goes_on(void **state)
{
	typed(NULL, (const char *const[]){ "abc", "\x10", "x", NULL }, "abc\x10x", false);
	typed(NULL, (const char *const[]){ "a\x10\x11z", "more", NULL }, "a", true);
	typed(NULL, (const char *const[]){ "\x10", "\x11", NULL }, "", true);
	typed(NULL, (const char *const[]){ "\x10\x10", "\x11", NULL }, "\x10", true);
	typed("a,b,c", (const char *const[]){ "ab", "abd", "abc!", NULL }, "ababd", true);
	typed("q", (const char *const[]){ "not that one: Q", "quit", NULL }, "not that one: Q", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(what_is_none_of_them_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
