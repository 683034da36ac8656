/* What pulls leave: kept when a staging directory goes, taken once, dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../../../src/pack/partial.h"
#include "../../../../src/pack/stage.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/path.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char top[64];

static int set_up(void **state)
{
	snprintf(top, sizeof top, "/tmp/partial-test-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static void put(int dir_fd, const char *name, size_t n)
{
	static const char zeros[4096];

	assert_int_equal(path_write(dir_fd, name, zeros, n, 0644, 0, NULL), 0);
}

static void staged(const char *hex, size_t n)
{
	auto_free char *file = partial_file(hex);
	struct stage s;

	assert_int_equal(stage_open(top, &s, NULL), 0);
	put(s.fd, file, n);
	put(s.fd, "blob-7", 5);
	put(s.fd, "config-1", 5);
	stage_close(&s);
}

static uint64_t take_it(const char *hex, uint64_t max)
{
	struct stage s;
	uint64_t n;

	assert_int_equal(stage_open(top, &s, NULL), 0);
	n = partial_take(s.images_fd, s.fd, hex, max);
	if (n)
		assert_int_equal(partial_take(s.images_fd, s.fd, hex, max), 0);
	close(s.fd); /* as a dead one's: nobody removes it yet */
	s.fd = -1;
	stage_close(&s);
	return n;
}

static uint64_t bytes(bool drop)
{
	struct stage s;
	uint64_t n;

	assert_int_equal(stage_store(top, &s, NULL), 0);
	n = drop ? partial_drop(s.images_fd) : partial_bytes(s.images_fd);
	stage_close(&s);
	return n;
}

static void what_is_left_is_kept_and_taken(void **state)
{
	staged(HEX_A, 100);
	assert_int_equal(bytes(false), 100);
	assert_int_equal(take_it(HEX_B, 1000), 0);
	assert_int_equal(take_it(HEX_A, 1000), 100);
	assert_int_equal(bytes(false), 100); /* whoever comes next finds that one dead */
}

static void the_larger_stays(void **state)
{
	staged(HEX_A, 100);
	staged(HEX_A, 50);
	assert_int_equal(bytes(false), 100);
	staged(HEX_A, 200);
	assert_int_equal(bytes(false), 200);
	staged(HEX_B, 0);
	assert_int_equal(take_it(HEX_B, 1000), 0);
	assert_int_equal(bytes(true), 200);
	assert_int_equal(bytes(false), 0);
}

static void too_much_is_none(void **state)
{
	staged(HEX_A, 100);
	assert_int_equal(take_it(HEX_A, 99), 0);
	assert_int_equal(bytes(false), 0);
}

static void what_the_store_has_is_not_kept(void **state)
{
	struct stage s;

	staged(HEX_A, 100);
	staged(HEX_B, 100);
	assert_int_equal(stage_store(top, &s, NULL), 0);
	put(s.images_fd, "blobs/sha256/" HEX_A, 200);
	stage_close(&s);
	assert_int_equal(bytes(false), 100);
	staged(HEX_A, 150);
	assert_int_equal(bytes(false), 100);
}

static void it_has_its_time(void **state)
{
	static const struct {
		int64_t age_s;
		bool stays;
	} cases[] = { { 0, true }, { 6 * 86400, true }, { 8 * 86400, false }, { -3600, true }, { -2 * 86400, false } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct timespec when[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = time(NULL) - cases[i].age_s } };
		auto_free char *name = path_join(top, "images/partial/" HEX_A);

		staged(HEX_A, 100);
		assert_int_equal(utimensat(AT_FDCWD, name, when, 0), 0);
		assert_int_equal(bytes(false), cases[i].stays ? 100 : 0);
		bytes(true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_left_is_kept_and_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_larger_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_much_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_store_has_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_has_its_time, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
