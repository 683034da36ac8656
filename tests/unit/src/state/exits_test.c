/* The file of exits from both ends: the keeper's writer and the reader, through full disks, torn lines, rotations that were cut short and
 * keepers that come anew: whatever happens, a reader that goes on from its offset gets each record once and in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "../../../../src/keeper/exits.c"
#include "../../../../src/state/journal.h"
#include "../../../../src/util/fd.h"
#include "../util/scratch.h"

enum { FIRST_PID = 1 << 23 }; /* above all that exist, so that none has a start time */

struct reader {
	off_t offset;
	int next; /* the record that has to come */
	int seen;
};

static int written;

static void on_record(const struct exit_rec *r, void *ctx)
{
	struct reader *rd = ctx;
	int n = r->proc.pid - FIRST_PID;

	if (!rd->seen)
		rd->next = n; /* what is older was dropped */
	assert_int_equal(n, rd->next);
	assert_int_equal(r->status, n % 256);
	rd->next++;
	rd->seen++;
}

static void read_on(struct reader *rd)
{
	off_t before = rd->offset;

	assert_int_equal(exits_read(scratch_fd, &rd->offset, on_record, rd, NULL), 0);
	assert_true(rd->offset >= before);
}

static bool record_one(void)
{
	siginfo_t si = {.si_code = CLD_EXITED};

	si.si_pid = FIRST_PID + written;
	si.si_status = written % 256;
	if (exits_record(&si) < 0)
		return false;
	written++;
	return true;
}

static void keeper_anew(void)
{
	if (x.fd >= 0)
		close(x.fd);
	memset(&x, 0, sizeof x);
	x.fd = -1;
	exits_open(scratch_fd);
}

static void limit_files(rlim_t limit)
{
	struct rlimit r = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* There is room for a few bytes, then for none; then there is again. */
static void full_disk(void)
{
	limit_files((rlim_t)(x.size + rand() % 60));
	for (int i = 0; i < 4; i++)
		record_one();
	limit_files(RLIM_INFINITY);
}

/* The keeper was killed, or the power went, inside a line. */
static void torn(void)
{
	char half[] = "8388999 0 1";
	int fd = openat(scratch_fd, "exits", O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0)
		fd_write_all(fd, half, 1 + (size_t)rand() % (sizeof half - 1));
	close(fd);
	keeper_anew();
}

/* Killed between the two renames of a rotation. */
static void half_rotation(void)
{
	renameat(scratch_fd, "exits", scratch_fd, "exits.old");
	keeper_anew();
}

static void test_each_record_once_whatever_happens(void **state)
{
	struct reader steady = {0}, lazy = {0};
	int rotations = 0;

	srand(11);
	written = 0;
	keeper_anew();
	for (int round = 0; round < 6000; round++) {
		int64_t base = x.base;
		int what = rand() % 100;

		for (int k = rand() % 30; k > 0; k--)
			record_one();
		if (what < 3)
			torn();
		else if (what < 6)
			full_disk();
		else if (what < 8)
			keeper_anew();
		else if (what < 9 && x.size > EXITS_MAX / 2) {
			read_on(&lazy); /* more than one file behind is lost by intent */
			half_rotation();
		}
		if (what % 3 == 0)
			read_on(&steady);
		if (x.base != base) {
			rotations++;
			read_on(&lazy);
		}
	}
	read_on(&steady);
	read_on(&lazy);
	assert_true(rotations > 2);
	assert_int_equal(steady.next, written);
	assert_int_equal(steady.seen, written);
	assert_int_equal(lazy.seen, written);

	struct reader late = {0};
	read_on(&late);
	assert_int_equal(late.next, written);
	assert_true(late.seen > 10000);
}

static void on_any(const struct exit_rec *r, void *ctx)
{
	assert_true(r->proc.pid >= 0);
	assert_in_range(r->status, 0, 255 + 128);
	++*(int *)ctx;
}

/* Whatever stands in the files. */
static void test_nonsense(void **state)
{
	static const char *const seeds[] = {"= 0\n10 1 0 5\n11 1 137 6\n", "= 18446744073709551615\n1 1 1 1\n", "= 99999999999\n", "\n\n\n",
		"= -1\n5 5 5\n5 5 5 5 5\n", "4294967296 1 1 1\n1 1 384 1\n1 1 383 1\n"};

	srand(12);
	for (int round = 0; round < 3000; round++) {
		char text[256];
		off_t offset = rand() % 3 ? 0 : rand() % 100;
		int n = 0;

		for (int f = 0; f < 2; f++) {
			size_t len;

			snprintf(text, sizeof text, "%s", seeds[rand() % 6]);
			len = strlen(text);
			for (int k = rand() % 5; k > 0; k--)
				text[(size_t)rand() % len] = (char)(1 + rand() % 255);
			scratch_file(f ? "exits" : "exits.old", text);
		}
		(void)exits_read(scratch_fd, &offset, on_any, &n, NULL);
		(void)exits_read(scratch_fd, &offset, on_any, &n, NULL);
	}
}

/* A pid that is used again has another start time: two records, told apart. */
static void on_pid(const struct exit_rec *r, void *ctx)
{
	if (r->proc.pid == 10 && r->proc.start == 200)
		*(int *)ctx = r->status;
}

static void test_a_pid_used_again(void **state)
{
	off_t offset = 0;
	int status = -1;

	scratch_file("exits", "= 0\n10 100 1 5\n10 200 2 6\n10 300 3 7\n");
	assert_int_equal(exits_read(scratch_fd, &offset, on_pid, &status, NULL), 0);
	assert_int_equal(status, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_each_record_once_whatever_happens),
		scratch_test(test_nonsense),
		scratch_test(test_a_pid_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
