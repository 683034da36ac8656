#include "logplace.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../../../../src/state/logtee.h"

enum { PIPE = 1 << 20, FLOOD = 300000, WIDTH = 12 };
enum { MUCH = 2 * FLOOD /* what was taken may still seem to be there */, SMALL_PIECE = 1 << 16, LARGE_PIECE = 1 << 18 };

/* A log, and a directory with the FIFO of its container. */
struct flood {
	struct place *p;
	int dir, container, fifo; /* container: both ends, as it has them */
	struct logtee *tee;
	int taken;                /* what a keeper would keep; -1: nothing */
	int64_t lines;            /* written into the FIFO so far */
};

static int flood_up(void **state)
{
	static struct flood f;

	if (place_up(state) < 0)
		return -1;
	f = (struct flood){ .p = *state };
	mkdirat(f.p->fd, "fifo", 0700);
	f.dir = openat(f.p->fd, "fifo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkfifoat(f.dir, "web-1.out", 0600);
	f.container = openat(f.dir, "web-1.out", O_RDWR | O_CLOEXEC);
	f.fifo = openat(f.dir, "web-1.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	f.taken = -1;
	f.tee = logtee_new(f.dir, -1);
	logw_share(f.p->w, f.tee);
	*state = &f;
	return f.fifo < 0 || fcntl(f.fifo, F_SETPIPE_SZ, PIPE) < 0 ? -1 : 0;
}

static int flood_down(void **state)
{
	struct flood *f = *state;
	void *place = f->p;

	logtee_free(f->tee);
	close(f->fifo);
	close(f->container);
	close(f->dir);
	return place_down(&place);
}

/* Numbered lines of WIDTH bytes each. */
static void write_lines(struct flood *f, size_t bytes)
{
	size_t n = bytes / WIDTH;
	auto_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%0*lld\n", WIDTH - 1, (long long)f->lines++);
	assert_int_equal(fd_write_all(f->container, b.p, b.len), 0);
}

static int move_all(struct flood *f)
{
	int rc;

	while ((rc = logw_move(f->p->w, f->fifo, 1, NULL)) == 1)
		;
	return rc;
}

/* As a supervisor that starts. */
static void succeed(struct flood *f, int64_t max_bytes)
{
	logtee_free(f->tee);
	assert_int_equal(logtee_recover(f->dir, f->p->fd, f->taken, NULL), 0);
	open_writer(f->p, max_bytes, 1000);
	f->tee = logtee_new(f->dir, f->taken < 0 ? -1 : fcntl(f->taken, F_DUPFD_CLOEXEC, 3));
	logw_share(f->p->w, f->tee);
}

/* Every line is there, once, in order. */
static void expect_lines(struct flood *f)
{
	struct logr *r = reader(f->p, 0, 0, -1);
	struct log_line l;
	int64_t n = 0;

	for (; logr_next(r, true, &l, NULL) == 1; n++) {
		char want[32];

		snprintf(want, sizeof want, "%0*lld", WIDTH - 1, (long long)n);
		assert_int_equal(l.len, WIDTH - 1);
		assert_memory_equal(l.text, want, WIDTH - 1);
	}
	logr_close(r);
	assert_int_equal(n, f->lines);
}

static int64_t logged_bytes(struct flood *f)
{
	auto_free uint32_t *list = NULL;
	auto_close int dir = slot_dir(f->p);
	size_t n;
	int64_t sum = 0;

	assert_int_equal(seg_list(dir, &list, &n), 0);
	for (size_t i = 0; i < n; i++) {
		auto_close int fd = seg_open(dir, list[i], 0, O_RDONLY);
		sum += lseek(fd, 0, SEEK_END);
	}
	return sum;
}

/* ------------------------------------------------------------------ */

static void test_a_flood_comes_whole_and_leaves_nothing_on_record(void **state)
{
	struct flood *f = *state;
	struct stat st;

	write_lines(f, 60000);
	assert_int_equal(move_all(f), 0);
	assert_int_equal(fstatat(f->dir, LOG_TEE_FILE, &st, 0), -1); /* that was none */
	for (int i = 0; i < 5; i++) {
		write_lines(f, FLOOD);
		assert_int_equal(move_all(f), 0);
	}
	assert_int_equal(fstatat(f->dir, LOG_TEE_FILE, &st, 0), 0);
	expect_lines(f);
	succeed(f, 0);
	write_lines(f, 1000);
	assert_int_equal(move_all(f), 0);
	expect_lines(f);
}

/* Small segments: pieces are small, too, and no flood. Larger ones are cut within a flood. */
static void test_rotation(void **state)
{
	struct flood *f = *state;

	for (int64_t max = 50000; max < 4000000; max *= 3) {
		succeed(f, max);
		for (int i = 0; i < 4; i++) {
			write_lines(f, FLOOD);
			assert_int_equal(move_all(f), 0);
		}
	}
	expect_lines(f);
}

static void test_a_full_disk(void **state)
{
	struct flood *f = *state;
	struct rlimit old, small;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	for (int i = 0; i < 8; i++) {
		write_lines(f, FLOOD);
		small = (struct rlimit){ (rlim_t)(logged_bytes(f) + i * 40000), old.rlim_max }; /* nothing, a part, all of it */
		setrlimit(RLIMIT_FSIZE, &small);
		assert_int_equal(move_all(f), (i * 40000) < FLOOD ? -1 : 0);
		if (i & 1)
			succeed(f, 0);
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(move_all(f), 0);
	}
	expect_lines(f);
}

/* There is no room for the record, say. */
static void test_without_a_record_it_is_spliced(void **state)
{
	struct flood *f = *state;

	assert_int_equal(mkdirat(f->dir, LOG_TEE_FILE, 0700), 0);
	write_lines(f, FLOOD);
	assert_int_equal(move_all(f), 0);
	expect_lines(f);
}

/* What a record says is compared with what is there. */
static void test_a_record_that_is_not_true(void **state)
{
	struct flood *f = *state;
	char rubbish[1000];

	memset(rubbish, 'x', sizeof rubbish);
	write_lines(f, FLOOD);
	for (size_t n = 0; n < sizeof rubbish; n += 100) {
		assert_int_equal(path_write(f->dir, LOG_TEE_FILE, rubbish, n, 0600, 0, NULL), 0);
		succeed(f, 0);
	}
	assert_int_equal(move_all(f), 0);
	expect_lines(f);
}

/* ------------------------------------------------------------------ killed */

static void be_a_supervisor(struct flood *f)
{
	raise(SIGSTOP);
	succeed(f, 1 << 20);
	move_all(f);
	_exit(0);
}

/* A successor that dies at its N-th stop: before a system call is carried out, or after it. False: it lived. */
static bool dies_at(struct flood *f, int at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		be_a_supervisor(f);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; WIFSTOPPED(status) && i < at; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	if (!WIFSTOPPED(status)) {
		assert_int_equal(status, 0);
		return false;
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

/* At every instruction that counts, and its successor at one of its own. */
static void test_killed_at_every_call_nothing_is_lost_or_twice(void **state)
{
	struct flood *f = *state;
	bool died = true;
	int at = 0;

	while (died) {
		write_lines(f, FLOOD);
		died = dies_at(f, ++at);
		if (at % 3)
			dies_at(f, at * 7 % 150);
		succeed(f, 1 << 20);
		assert_int_equal(move_all(f), 0);
		assert_int_equal(logged_bytes(f), f->lines * WIDTH);
	}
	assert_true(at > 100);
	expect_lines(f);
}

/* Keeps the log short, so that who starts has as much to do as the last one: else there is always one call more than the last time. */
static void drop_old_segments(struct flood *f)
{
	auto_free uint32_t *list = NULL;
	auto_close int dir = slot_dir(f->p);
	size_t n;

	assert_int_equal(seg_list(dir, &list, &n), 0);
	for (size_t i = 0; i + 2 < n; i++)
		seg_remove(dir, list[i]);
}

/* How often such lines came twice, a piece of them at most; never that they were lost. */
static int64_t doubts_about_lines_that_are_all_the_same(struct flood *f)
{
	auto_free char *text = xmalloc(MUCH);
	int64_t doubts = 0;
	bool died = true;

	for (int i = 0; i < MUCH; i++)
		text[i] = i % 4 == 3 ? '\n' : 'y';
	for (int at = 1; died; at++) {
		drop_old_segments(f);
		int64_t before = logged_bytes(f);
		assert_int_equal(fd_write_all(f->container, text, MUCH), 0);
		died = dies_at(f, at);
		succeed(f, 1 << 20);
		assert_int_equal(move_all(f), 0);
		assert_true(logged_bytes(f) - before >= MUCH);
		assert_true(logged_bytes(f) - before - MUCH <= LARGE_PIECE);
		doubts += logged_bytes(f) - before > MUCH;
	}
	return doubts;
}

/* The pipe of what was taken tells. */
static void test_killed_at_every_call_with_lines_that_are_all_the_same(void **state)
{
	struct flood *f = *state;

	f->taken = logtee_taken_pipe();
	assert_int_equal(doubts_about_lines_that_are_all_the_same(f), 0);
	close(f->taken);
}

/* Around the call that takes a piece, before and after it. How much gathers in one is the machine's affair, but it is 64 KiB or the rest. */
static void test_killed_with_the_keeper_lines_that_are_all_the_same_may_come_twice(void **state)
{
	assert_true(doubts_about_lines_that_are_all_the_same(*state) <= 2 * (MUCH / SMALL_PIECE + 1));
}

/* Whoever comes may find the container gone, and its FIFO another's. */
static void test_killed_and_the_container_ends(void **state)
{
	struct flood *f = *state;

	for (int at = 2; at < 200; at += 6) {
		write_lines(f, FLOOD);
		dies_at(f, at);
		close(f->container);
		close(f->fifo);
		unlinkat(f->dir, "web-1.out", 0);
		mkfifoat(f->dir, "web-1.out", 0600);
		f->container = openat(f->dir, "web-1.out", O_RDWR | O_CLOEXEC);
		f->fifo = openat(f->dir, "web-1.out", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		fcntl(f->fifo, F_SETPIPE_SZ, PIPE);
		succeed(f, 1 << 20);
		int64_t before = logged_bytes(f);
		write_lines(f, FLOOD);
		assert_int_equal(move_all(f), 0);
		assert_int_equal(logged_bytes(f) - before, FLOOD / WIDTH * WIDTH);
	}
}

static void move_until_killed(struct flood *f)
{
	succeed(f, 1 << 20);
	for (;;) {
		struct pollfd fd = { .fd = f->fifo, .events = POLLIN };

		poll(&fd, 1, -1);
		usleep(200);             /* so that something gathers */
		logw_move(f->p->w, f->fifo, 1, NULL);
	}
}

/* Also within a call: a file that was written half. */
static void test_killed_at_any_moment_of_a_flood(void **state)
{
	struct flood *f = *state;
	pid_t feeder = fork();
	int n = 0;

	if (feeder == 0) {
		for (int i = 0; i < 60; i++)
			write_lines(f, FLOOD);
		_exit(0);
	}
	while (n < 60 || waitpid(feeder, NULL, WNOHANG) == 0) {
		pid_t writer = fork();

		if (writer == 0)
			move_until_killed(f);
		usleep(1000 + (unsigned)(n++ % 17) * 300);
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
	f->lines = 60 * (FLOOD / WIDTH);
	succeed(f, 1 << 20);
	assert_int_equal(move_all(f), 0);
	expect_lines(f);
}

int main(void)
{
#define FLOODED(t) cmocka_unit_test_setup_teardown(t, flood_up, flood_down)
	const struct CMUnitTest tests[] = {
		FLOODED(test_a_flood_comes_whole_and_leaves_nothing_on_record),
		FLOODED(test_rotation),
		FLOODED(test_a_full_disk),
		FLOODED(test_without_a_record_it_is_spliced),
		FLOODED(test_a_record_that_is_not_true),
		FLOODED(test_killed_at_every_call_nothing_is_lost_or_twice),
		FLOODED(test_killed_at_every_call_with_lines_that_are_all_the_same),
		FLOODED(test_killed_with_the_keeper_lines_that_are_all_the_same_may_come_twice),
		FLOODED(test_killed_and_the_container_ends),
		FLOODED(test_killed_at_any_moment_of_a_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
