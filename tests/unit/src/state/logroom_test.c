/* A log on a file system of 1 MiB that fills up. Needs root, for the mount. */
#include "logplace.h"

#include <sched.h>
#include <sys/mount.h>

static struct place p;

static void mount_small(const char *options)
{
	assert_int_equal(mount("small", p.path, "tmpfs", 0, options), 0);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p.fd >= 0);
}

static int small_up(void **state)
{
	p = (struct place){0};
	snprintf(p.path, sizeof p.path, "/tmp/log-test-XXXXXX");
	if (!mkdtemp(p.path) || pipe2(p.out, O_CLOEXEC) < 0 || pipe2(p.err, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		fd_nonblock(p.out[i]);
		fd_nonblock(p.err[i]);
	}
	mount_small("size=1m,nr_inodes=100");
	*state = &p;
	return 0;
}

static int small_down(void **state)
{
	logw_close(p.w);
	close(p.fd);
	for (int i = 0; i < 2; i++) {
		close(p.out[i]);
		close(p.err[i]);
	}
	return umount2(p.path, MNT_DETACH) < 0 || rmdir(p.path) < 0 ? -1 : 0;
}

/* Leaves so many bytes of room. */
static void fill_disk(off_t room)
{
	auto_close int fd = openat(p.fd, "filler", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = "full";

	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - room), 0);
}

/* What streams.c does: moves until nothing waits or nothing helps. False: the disk is full, and there is room in the pipe. */
static bool pump(int fd, int stream)
{
	for (;;) {
		int rc = logw_move(p.w, fd, stream, NULL);

		if (rc == 0)
			return true;
		if (rc < 0 && !logw_make_room(p.w, fd, stream))
			return false;
	}
}

/* A container that never waits: 100-byte lines, the pipe is looked at after each few. Returns how many times it would have had to. */
static int write_lines(int first, int n)
{
	int waits = 0;

	for (int i = first; i < first + n; i++) {
		char text[101];

		snprintf(text, sizeof text, "%-99d\n", i);
		waits += write(p.out[1], text, 100) != 100;
		if (i % 20 == 0)
			pump(p.out[0], 1);
	}
	pump(p.out[0], 1);
	return waits;
}

static void test_bytes_wait_in_the_pipe_first(void **state)
{
	auto_free char *got = NULL;

	open_writer(&p, 0, 0);
	out(&p, 1, "first\n");
	fill_disk(0);
	for (int i = 0; i < 100; i++) { /* the page of the file takes the first ones */
		assert_int_equal(fd_write_all(p.out[1], "0123456789012345678901234567890123456789012345678\n", 50), 0);
		pump(p.out[0], 1);
	}
	assert_int_equal(unlinkat(p.fd, "filler", 0), 0);
	assert_true(pump(p.out[0], 1));
	got = whole_log(&p);
	assert_int_equal(strlen(got), strlen("1:first|") + 100 * 52);
	assert_null(strstr(got, "davit"));
}

/* The log itself fills the disk: it goes on for ever, and loses what is oldest. */
static void test_oldest_segments_go_first(void **state)
{
	auto_free char *got = NULL;

	open_writer(&p, 200000, 100);
	assert_int_equal(write_lines(0, 50000), 0);
	got = whole_log(&p);
	assert_null(strstr(got, "1:0 "));
	assert_non_null(strstr(got, "1:49999 "));
	assert_non_null(strstr(got, "2:davit: no room on the log's disk: "));
	assert_true(strlen(got) > 400000); /* and not more than it has to */
}

/* Without older segments the one that is written to gives way. */
static void test_the_only_segment_gives_way(void **state)
{
	auto_free char *got = NULL;

	open_writer(&p, 0, 1);
	assert_int_equal(write_lines(0, 30000), 0);
	got = whole_log(&p);
	assert_non_null(strstr(got, "1:29999 "));
	assert_non_null(strstr(got, "2:davit: no room on the log's disk: "));
}

/* Others have filled the disk: nothing of ours would make room. */
static void test_waiting_bytes_go_last(void **state)
{
	auto_free char *got = NULL;

	open_writer(&p, 0, 0);
	out(&p, 1, "first\n");
	fill_disk(0);
	assert_int_equal(write_lines(0, 20000), 0);
	assert_int_equal(unlinkat(p.fd, "filler", 0), 0);
	assert_int_equal(write_lines(20000, 1), 0);
	got = whole_log(&p);
	assert_memory_equal(got, "1:first|", 8);
	assert_non_null(strstr(got, "output dropped here|"));
	assert_non_null(strstr(got, "1:20000 "));
}

/* Pieces of little more than half a page fill a pipe that is half empty by the count of its bytes. */
static void test_large_pieces_do_not_wait_either(void **state)
{
	char piece[2100];

	memset(piece, 'x', sizeof piece);
	piece[sizeof piece - 1] = '\n';
	open_writer(&p, 0, 0);
	fill_disk(0);
	for (int i = 0; i < 3000; i++) {
		pump(p.out[0], 1);
		assert_int_equal(write(p.out[1], piece, sizeof piece), sizeof piece);
	}
}

/* No room at all from the very beginning: not for directories, not for the index. */
static void test_opens_on_a_full_disk(void **state)
{
	auto_free char *got = NULL;

	umount2(p.path, MNT_DETACH);
	close(p.fd);
	mount_small("size=1m,nr_inodes=2");
	fill_disk(0);
	open_writer(&p, 0, 0);
	assert_int_equal(write_lines(0, 5000), 0);
	assert_int_equal(unlinkat(p.fd, "filler", 0), 0);
	assert_int_equal(mount("small", p.path, "tmpfs", MS_REMOUNT, "size=1m,nr_inodes=100"), 0);
	assert_int_equal(write_lines(5000, 100), 0);
	got = whole_log(&p);
	assert_non_null(strstr(got, "output dropped here|"));
	assert_non_null(strstr(got, "1:5099 "));
}

/* No room for records of the index only: the next one speaks for them, too. */
static void test_index_without_room(void **state)
{
	auto_free char *got = NULL;

	open_writer(&p, 0, 0);
	fill_disk(8192); /* two pages for data, one of them is taken by the index */
	assert_int_equal(write_lines(0, 2000), 0);
	assert_int_equal(unlinkat(p.fd, "filler", 0), 0);
	assert_int_equal(write_lines(2000, 10), 0);
	got = whole_log(&p);
	assert_memory_equal(got, "1:0 ", 4);
	assert_non_null(strstr(got, "1:2009 "));
}

int main(void)
{
#define SMALL(t) cmocka_unit_test_setup_teardown(t, small_up, small_down)
	const struct CMUnitTest tests[] = {
		SMALL(test_bytes_wait_in_the_pipe_first),
		SMALL(test_oldest_segments_go_first),
		SMALL(test_the_only_segment_gives_way),
		SMALL(test_waiting_bytes_go_last),
		SMALL(test_large_pieces_do_not_wait_either),
		SMALL(test_opens_on_a_full_disk),
		SMALL(test_index_without_room),
	};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("a mount namespace");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
