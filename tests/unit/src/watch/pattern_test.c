/* Patterns of .dockerignore. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/watch/pattern.h"

static void test_one(void **state)
{
	static const struct { const char *pattern, *path; bool match; } cases[] = {
		{ "a", "a", true }, { "a", "b", false }, { "a", "a/b", false }, { "*", "abc", true }, { "*", "a/b", false },
		{ "*.go", "x.go", true }, { "*.go", "x.gox", false }, { "*.go", "d/x.go", false }, { "a*c", "abbc", true },
		{ "a*b*c", "axxbyyc", true }, { "a*b*c", "axxbyy", false }, { "?", "a", true }, { "?", "/", false }, { "a?c", "a/c", false },
		{ "**", "a/b/c", true }, { "**", "", true }, { "**/x", "x", true }, { "**/x", "a/b/x", true }, { "**/x", "ax", false },
		{ "**/x", "a/xx", false }, { "a/**", "a/b/c", true }, { "a/**", "a", false }, { "a/**/b", "a/b", true }, { "a/**/b", "a/x/y/b", true },
		{ "a/**/b", "ab", false }, { "**/*.tmp", "a/b/c.tmp", true }, { "**/.*.swp", "d/.x.swp", true }, { "**/.*.swp", "d/x.swp", false },
		{ "**/a/**/b", "x/a/y/a/z/b", true }, { "**/a*/b", "aa/x/ab/b", true }, { "[a-c]x", "bx", true }, { "[a-c]x", "dx", false },
		{ "[^a-c]x", "dx", true }, { "[^a-c]x", "/x", false }, { "[]]x", "]x", true }, { "[a", "[a", true }, { "\\*", "*", true },
		{ "\\*", "a", false }, { "a\\", "a\\", true }, { "**.log", "a/b.log", true }, { "dir/*", "dir/a", true }, { "dir/*", "dir/a/b", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (pattern_match(cases[i].pattern, cases[i].path) != cases[i].match)
			fail_msg("'%s' and '%s' should %smatch", cases[i].pattern, cases[i].path, cases[i].match ? "" : "not ");
}

/* What takes time when each star tries everything. */
static void test_stars_are_cheap(void **state)
{
	char path[4001];

	memset(path, 'a', sizeof path);
	path[4000] = '\0';
	assert_false(pattern_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
	assert_false(pattern_match("**a**a**a**a**a**a**a**a**a**b", path));
	for (size_t i = 1; i < 4000; i += 2)
		path[i] = '/';
	assert_false(pattern_match("**/a/**/a/**/a/**/a/**/a/*/b", path));
}

static void test_lists(void **state)
{
	struct patterns l = { 0 };

	patterns_add_file(&l, "\xef\xbb\xbf# a comment\nnode_modules\n\n  /build/  \r\n*.log\n!keep.log\n!\n**/cache/\nsrc/*\n!src/main\n ./sub//x/ ");
	assert_int_equal(l.n, 8);
	assert_true(patterns_match(&l, "node_modules"));
	assert_true(patterns_match(&l, "node_modules/a/b"));
	assert_false(patterns_match(&l, "sub/node_modules"));    /* without a slash: at the top only */
	assert_true(patterns_match(&l, "build/x"));
	assert_true(patterns_match(&l, "x.log"));
	assert_false(patterns_match(&l, "keep.log"));
	assert_true(patterns_match(&l, "a/b/cache/x"));
	assert_true(patterns_match(&l, "src/other/x"));
	assert_false(patterns_match(&l, "src/main/x"));
	assert_true(patterns_match(&l, "sub/x/y"));
	assert_false(patterns_match(&l, "# a comment"));
	assert_false(patterns_match(&l, "."));
	assert_false(patterns_match_below(&l, "node_modules"));  /* something in it may be taken back */
	patterns_done(&l);
	patterns_add(&l, "*");
	assert_true(patterns_match(&l, "a/b"));
	assert_true(patterns_match_below(&l, "a"));
	patterns_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_stars_are_cheap),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
