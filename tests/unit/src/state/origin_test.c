#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/state/origin.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/path.h"

static char place[64];

static int place_up(void **state)
{
	snprintf(place, sizeof place, "/tmp/origin-test-XXXXXX");
	if (!mkdtemp(place) || chdir(place) < 0)
		return -1;
	return mkdir("a", 0755) || mkdir("b", 0755) || symlink("a", "link");
}

static int place_down(void **state)
{
	return chdir("/") || path_remove_tree(AT_FDCWD, place, NULL);
}

/* As the supervisor journals it; with_inode: not by a davit of yesterday. */
static json_t *line_of(const char *dir, bool with_inode)
{
	auto_json json_t *origin = origin_of(dir, NULL);
	json_t *line = json_pack("{s:s, s:s}", "name", "x", "working_dir", dir);

	if (with_inode)
		origin_note(line, origin);
	return line;
}

static void test_paths_that_mean_one_directory(void **state)
{
	auto_json json_t *old = line_of("a", false), *line = line_of("a", true);

	assert_int_equal(origin_compare(NULL, "a"), ORIGIN_SAME);
	assert_int_equal(origin_compare(line, "a"), ORIGIN_SAME);
	assert_int_equal(origin_compare(line, "link"), ORIGIN_SAME);
	assert_int_equal(origin_compare(old, "link"), ORIGIN_SAME);
	assert_int_equal(origin_compare(old, "./b/../a"), ORIGIN_SAME);
	assert_int_equal(origin_compare(line, "b"), ORIGIN_OTHER);
	assert_int_equal(origin_compare(old, "b"), ORIGIN_OTHER);
}

static void test_a_directory_that_was_moved_is_known_by_its_inode(void **state)
{
	auto_json json_t *old = line_of("a", false), *line = line_of("a", true);

	assert_int_equal(rename("a", "moved"), 0);
	assert_int_equal(origin_compare(line, "moved"), ORIGIN_SAME);
	assert_int_equal(origin_compare(old, "moved"), ORIGIN_GONE);
	assert_int_equal(origin_compare(line, "b"), ORIGIN_GONE);
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(origin_compare(line, "moved"), ORIGIN_SAME);
	assert_int_equal(origin_compare(line, "a"), ORIGIN_SAME);       /* by its path */
	assert_int_equal(origin_compare(old, "moved"), ORIGIN_OTHER);
}

static void test_a_request_holds_for_the_line_that_was_judged(void **state)
{
	auto_json json_t *a = line_of("a", true), *b = line_of("b", true);
	auto_json json_t *fresh = origin_of("b", NULL), *judged = origin_of("b", a), *linked = origin_of("link", NULL);

	assert_true(origin_holds(NULL, fresh));
	assert_true(origin_holds(a, NULL));              /* by name, or from a davit of yesterday */
	assert_true(origin_holds(b, fresh));
	assert_false(origin_holds(a, fresh));            /* it came up between looking and asking */
	assert_true(origin_holds(a, judged));
	assert_true(origin_holds(a, linked));
	assert_false(origin_holds(b, linked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths_that_mean_one_directory, place_up, place_down),
		cmocka_unit_test_setup_teardown(test_a_directory_that_was_moved_is_known_by_its_inode, place_up, place_down),
		cmocka_unit_test_setup_teardown(test_a_request_holds_for_the_line_that_was_judged, place_up, place_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
