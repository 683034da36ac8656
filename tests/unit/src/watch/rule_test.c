/* Rules of develop.watch, and when a burst is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/watch/debounce.h"
#include "../../../../src/watch/rule.h"

static void test_relative(void **state)
{
	assert_string_equal(rule_relative("/a", "/a/b/c"), "b/c");
	assert_string_equal(rule_relative("/a", "/a"), ".");
	assert_string_equal(rule_relative("/", "/a"), "a");
	assert_null(rule_relative("/a", "/ab"));
	assert_null(rule_relative("/a/b", "/a"));
}

static void test_matches(void **state)
{
	struct rule r = { .path = (char[]){ "/p/src" }, .target = (char[]){ "/app/" }, .context = (char[]){ "/p" } };
	static const char *const no[] = { "/p/other", "/p/srcs/x", "/p/src/x.log", "/p/src/sub/.main.c.swp", "/p/src/4913", "/p/src/x~", "/p/src/.git/HEAD",
					  "/p/src/.idea/x", "/p/src/built/x", "/p/src/vendor/x.c", "/p/src/.#main.c" };
	static const char *const yes[] = { "/p/src", "/p/src/main.c", "/p/src/sub/x.c", "/p/src/sub/x.log", "/p/src/.gitignore", "/p/src/vendor/keep/x.c" };

	patterns_add(&r.ignore, "*.log");
	patterns_add(&r.ignore, "vendor");
	patterns_add(&r.ignore, "!vendor/keep");
	patterns_add(&r.context_ignore, "src/built");
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (rule_matches(&r, no[i]))
			fail_msg("%s should not match", no[i]);
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!rule_matches(&r, yes[i]))
			fail_msg("%s should match", yes[i]);
	patterns_add(&r.include, "*.c");
	assert_true(rule_matches(&r, "/p/src/main.c"));
	assert_false(rule_matches(&r, "/p/src/main.h"));
	patterns_done(&r.include);
	patterns_done(&r.ignore);
	patterns_done(&r.context_ignore);
}

static void test_never(void **state)
{
	struct rule r = { .path = (char[]){ "/p/src" }, .context = (char[]){ "/p" } };

	patterns_add(&r.ignore, "node_modules");
	assert_true(rule_never_below(&r, "/p/src/node_modules"));
	assert_true(rule_never_below(&r, "/p/src/node_modules/a"));
	assert_true(rule_never_below(&r, "/p/src/.git"));
	assert_true(rule_never_below(&r, "/q"));
	assert_false(rule_never_below(&r, "/p"));
	assert_false(rule_never_below(&r, "/"));
	assert_false(rule_never_below(&r, "/p/src/a"));
	patterns_add(&r.ignore, "!node_modules/mine");
	assert_false(rule_never_below(&r, "/p/src/node_modules"));
	patterns_done(&r.ignore);
}

static void target_is(const struct rule *r, const char *path, const char *target)
{
	auto_free char *t = rule_target(r, path);

	assert_string_equal(t, target);
}

static void test_target(void **state)
{
	struct rule dir = { .path = (char[]){ "/p/src" }, .target = (char[]){ "/app/" } };
	struct rule file = { .path = (char[]){ "/p/go.mod" }, .is_file = true, .target = (char[]){ "/app/" } };
	struct rule renamed = { .path = (char[]){ "/p/go.mod" }, .is_file = true, .target = (char[]){ "app/other.mod" } };

	target_is(&dir, "/p/src", "/app");
	target_is(&dir, "/p/src/a/b", "/app/a/b");
	target_is(&file, "/p/go.mod", "/app/go.mod");
	target_is(&renamed, "/p/go.mod", "/app/other.mod");
}

static void test_debounce(void **state)
{
	const int64_t ms = 1000000;
	struct debounce d = { 0 };

	assert_int_equal(debounce_wait_ms(&d, 5 * ms), -1);
	debounce_event(&d, 1000 * ms);
	assert_int_equal(debounce_wait_ms(&d, 1000 * ms), QUIET_MS);
	debounce_event(&d, 1100 * ms);
	assert_int_equal(debounce_wait_ms(&d, 1200 * ms), QUIET_MS - 100);
	assert_int_equal(debounce_wait_ms(&d, 1300 * ms), 0);
	for (int64_t t = 1100; t < 12000; t += 100)
		debounce_event(&d, t * ms);
	assert_int_equal(debounce_wait_ms(&d, 11000 * ms), 0);    /* it never was quiet */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_debounce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
