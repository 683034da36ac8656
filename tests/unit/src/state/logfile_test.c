#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../src/state/logfile.h"
#include "../../../../src/state/logseg.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/fd.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

#define SLOT "web-1"

struct place {
	char path[64];
	int fd;
	int out[2], err[2]; /* pipes to the log */
	struct logw *w;
};

static void open_writer(struct place *p, int64_t max_bytes, unsigned max_files)
{
	struct log_limits lim = {max_bytes, max_files};

	logw_close(p->w);
	assert_int_equal(logw_open(p->fd, SLOT, &lim, &p->w, NULL), 0);
}

static int place_up(void **state)
{
	static struct place p;

	p = (struct place){0};
	snprintf(p.path, sizeof p.path, "/tmp/log-test-XXXXXX");
	if (!mkdtemp(p.path) || pipe2(p.out, O_CLOEXEC) < 0 || pipe2(p.err, O_CLOEXEC) < 0)
		return -1;
	fd_nonblock(p.out[0]);
	fd_nonblock(p.err[0]);
	fcntl(p.out[1], F_SETPIPE_SZ, 1 << 20);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_writer(&p, 0, 0);
	*state = &p;
	return 0;
}

static int place_down(void **state)
{
	struct place *p = *state;

	logw_close(p->w);
	close(p->fd);
	for (int i = 0; i < 2; i++) {
		close(p->out[i]);
		close(p->err[i]);
	}
	return path_remove_tree(AT_FDCWD, p->path, NULL);
}

static void out_n(struct place *p, int stream, const char *text, size_t n)
{
	int *pipe_fds = stream == 1 ? p->out : p->err;
	int rc;

	assert_int_equal(fd_write_all(pipe_fds[1], text, n), 0);
	while ((rc = logw_move(p->w, pipe_fds[0], stream, NULL)) == 1)
		;
	assert_int_equal(rc, 0);
}

static void out(struct place *p, int stream, const char *text)
{
	out_n(p, stream, text, strlen(text));
}

/* All lines as "1:text|2:text|", an unfinished one with ~ in place of |. */
static char *drain(struct logr *r, bool flush)
{
	struct buf b = BUF_INIT;
	struct log_line l;
	int rc;

	while ((rc = logr_next(r, flush, &l, NULL)) == 1) {
		buf_printf(&b, "%d:", l.stream);
		buf_add(&b, l.text, l.len);
		buf_char(&b, l.partial ? '~' : '|');
	}
	assert_int_equal(rc, 0);
	return buf_take(&b);
}

static void expect(struct logr *r, bool flush, const char *want)
{
	auto_free char *got = drain(r, flush);

	assert_string_equal(got, want);
}

static struct logr *reader(struct place *p, int64_t since, int64_t until, int64_t tail)
{
	struct logr *r;

	assert_int_equal(logr_open(p->fd, SLOT, since, until, tail, &r, NULL), 0);
	return r;
}

static void expect_log(struct place *p, int64_t tail, const char *want)
{
	struct logr *r = reader(p, 0, 0, tail);

	expect(r, true, want);
	logr_close(r);
}

static int slot_dir(struct place *p)
{
	return seg_open_dir(p->fd, SLOT);
}

/* ------------------------------------------------------------------ */

static void test_streams_are_merged_in_order(void **state)
{
	struct place *p = *state;

	out(p, 1, "one\ntwo\n");
	out(p, 2, "bad\n");
	out(p, 1, "three\n\nhal");
	out(p, 2, "worse\n");
	out(p, 1, "f\nrest");
	expect_log(p, -1, "1:one|1:two|2:bad|1:three|1:|2:worse|1:half|1:rest~");
}

static void test_absent_log_is_empty(void **state)
{
	struct place *p = *state;
	struct logr *r;
	auto_err struct err err = ERR_INIT;

	assert_int_equal(logr_open(p->fd, "nobody", 0, 0, 5, &r, NULL), 0);
	expect(r, true, "");
	logr_close(r);
	assert_int_equal(logr_open(p->fd, "../x", 0, 0, 5, &r, &err), -1);
	assert_int_equal(log_remove(p->fd, "..", NULL), -1);
	assert_int_equal(log_remove(p->fd, "nobody", NULL), 0);
}

static void test_binary_and_long_lines(void **state)
{
	struct place *p = *state;
	size_t n = 2500000;
	auto_free char *big = xmalloc(n);
	struct logr *r = reader(p, 0, 0, -1);
	struct log_line l;
	size_t pieces = 0, total = 0;

	out_n(p, 1, "a\0b\n", 4);
	assert_int_equal(logr_next(r, false, &l, NULL), 1);
	assert_int_equal(l.len, 3);
	assert_memory_equal(l.text, "a\0b", 3);
	memset(big, 'x', n);
	big[n - 1] = '\n';
	for (size_t at = 0; at < n; at += 500000)
		out_n(p, 1, big + at, 500000);
	while (logr_next(r, false, &l, NULL) == 1) {
		pieces++;
		total += l.len;
		assert_int_equal(l.partial, total < n - 1);
	}
	assert_int_equal(pieces, 3);
	assert_int_equal(total, n - 1);
	logr_close(r);
	r = reader(p, 0, 0, 1); /* the last line is longer than what is kept together */
	assert_int_equal(logr_next(r, true, &l, NULL), 1);
	assert_int_equal(l.text[0], 'x');
	logr_close(r);
}

static void test_a_reader_follows(void **state)
{
	struct place *p = *state;
	struct logr *r = reader(p, 0, 0, -1);

	expect(r, false, "");
	out(p, 1, "one\nhal");
	expect(r, false, "1:one|");
	expect(r, false, "");
	out(p, 1, "f\n");
	expect(r, false, "1:half|");
	out(p, 2, "prompt> ");
	expect(r, true, "2:prompt> ~");
	out(p, 2, "typed\n");
	expect(r, true, "2:typed|");
	logr_close(r);
}

static void test_tail(void **state)
{
	struct place *p = *state;

	out(p, 1, "1\n2\n");
	out(p, 2, "e1\n");
	out(p, 1, "3\n4\n5\n");
	expect_log(p, 0, "");
	expect_log(p, 1, "1:5|");
	expect_log(p, 3, "1:3|1:4|1:5|");
	expect_log(p, 4, "2:e1|1:3|1:4|1:5|");
	expect_log(p, 6, "1:1|1:2|2:e1|1:3|1:4|1:5|");
	expect_log(p, 100, "1:1|1:2|2:e1|1:3|1:4|1:5|");
	out(p, 1, "unfin");
	expect_log(p, 2, "1:5|1:unfin~");
	out(p, 2, "also");
	expect_log(p, 2, "1:unfin~2:also~");
	expect_log(p, 1, "2:also~");
	out(p, 1, "ished\n");
	expect_log(p, 2, "1:unfinished|2:also~");
	expect_log(p, 3, "1:5|1:unfinished|2:also~");
}

/* A line that began long before the start is given whole. */
static void test_tail_keeps_lines_whole(void **state)
{
	struct place *p = *state;
	auto_buf struct buf filler = BUF_INIT;

	open_writer(p, 16384, 10);
	out(p, 2, "begun ");
	for (int i = 0; i < 3000; i++)
		buf_printf(&filler, "line %d\n", i);
	for (size_t at = 0; at < filler.len; at += 1000)
		out_n(p, 1, filler.p + at, filler.len - at < 1000 ? filler.len - at : 1000);
	out(p, 2, "ended\n");
	expect_log(p, 1, "2:begun ended|");
	expect_log(p, 2, "1:line 2999|2:begun ended|");
	out(p, 1, "last\n");
	expect_log(p, 2, "2:begun ended|1:last|");
}

static void test_tail_after_that_follows(void **state)
{
	struct place *p = *state;
	struct logr *r;

	out(p, 1, "1\n2\n3");
	r = reader(p, 0, 0, 0);
	expect(r, false, "");
	out(p, 1, "33\n4\n");
	expect(r, false, "1:333|1:4|");
	logr_close(r);
}

static void test_since_and_until(void **state)
{
	struct place *p = *state;
	int64_t t[4];
	struct logr *r;

	for (int i = 0; i < 4; i++) {
		char text[32];

		t[i] = clock_wall_ns();
		snprintf(text, sizeof text, "%s%d\n", i == 2 ? "ish\n" : "", i);
		out(p, 1, text);
		if (i == 1)
			out(p, 1, "unfin");
	}
	r = reader(p, t[2], 0, -1); /* the line that began before and ended after belongs to before */
	expect(r, true, "1:2|1:3|");
	logr_close(r);
	r = reader(p, t[1], t[2], -1);
	expect(r, true, "1:1|1:unfinish|");
	logr_close(r);
	r = reader(p, t[1], t[2], 1);
	expect(r, true, "1:unfinish|");
	logr_close(r);
	r = reader(p, t[2], 0, 1);
	expect(r, true, "1:3|");
	logr_close(r);
	r = reader(p, clock_wall_ns(), 0, -1);
	expect(r, true, "");
	out(p, 1, "later\n");
	expect(r, true, "1:later|");
	logr_close(r);
}

static off_t log_bytes(struct place *p, size_t *ret_segments)
{
	auto_close int dir = slot_dir(p);
	auto_free uint32_t *list = NULL;
	off_t total = 0;
	struct stat st;

	assert_int_equal(seg_list(dir, &list, ret_segments), 0);
	for (size_t i = 0; i < *ret_segments; i++)
		for (int s = -1; s < LOG_STREAMS; s++) {
			auto_close int fd = seg_open(dir, list[i], s, O_RDONLY);

			assert_int_equal(fstat(fd, &st), 0);
			total += s < 0 ? 0 : st.st_size;
		}
	return total;
}

static void test_rotation_bounds_and_readers_follow(void **state)
{
	struct place *p = *state;
	struct logr *r;
	struct log_line l;
	char text[64];
	size_t segments;
	int next = 0;

	open_writer(p, 10000, 3);
	r = reader(p, 0, 0, -1);
	for (int i = 0; i < 5000; i++) { /* a reader that keeps up misses nothing */
		snprintf(text, sizeof text, "%s%d%s", i % 3 ? "" : "line ", i, i % 3 == 2 ? "\n" : " ");
		out(p, 1, text);
		if (i % 100 == 99)
			for (; logr_next(r, false, &l, NULL) == 1; next += 3) {
				snprintf(text, sizeof text, "line %d %d %d", next, next + 1, next + 2);
				assert_int_equal(l.len, strlen(text));
				assert_memory_equal(l.text, text, l.len);
			}
	}
	assert_int_equal(next, 4998);
	logr_close(r);
	assert_true(log_bytes(p, &segments) <= 33000);
	assert_int_equal(segments, 3);
	r = reader(p, 0, 0, 3);
	expect(r, true, "1:line 4992 4993 4994|1:line 4995 4996 4997|1:line 4998 4999 ~");
	logr_close(r);
}

static void test_lines_cut_by_rotation_are_joined(void **state)
{
	struct place *p = *state;
	auto_free char *want = NULL;
	auto_buf struct buf line = BUF_INIT;
	size_t segments;

	open_writer(p, 8192, 20);
	for (int i = 0; i < 9000; i++)
		buf_printf(&line, "%d,", i);
	out_n(p, 1, line.p, line.len);
	out(p, 2, "e\n");
	out(p, 1, "\n");
	log_bytes(p, &segments);
	assert_true(segments > 3);
	want = xasprintf("2:e|1:%s|", line.p);
	expect_log(p, -1, want);
	free(want);
	want = xasprintf("1:%s|", line.p);
	expect_log(p, 1, want);
}

static void test_removed_and_made_again(void **state)
{
	struct place *p = *state;
	struct logr *r = reader(p, 0, 0, -1);

	out(p, 1, "old\nunfinished");
	expect(r, false, "1:old|");
	assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
	expect(r, false, "");
	open_writer(p, 0, 0);
	out(p, 1, "new\n");
	expect(r, false, "1:unfinished~1:new|");
	logr_close(r);
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_descriptor_tells_when_there_is_more(void **state)
{
	struct place *p = *state;
	struct logr *r;
	int fd;

	logw_close(p->w);
	p->w = NULL;
	assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
	r = reader(p, 0, 0, -1);
	fd = logr_fd(r, NULL);
	assert_true(readable(fd)); /* what came before the watch is not missed */
	expect(r, false, "");
	assert_false(readable(fd));
	open_writer(p, 8192, 2);
	assert_true(readable(fd));
	expect(r, false, "");
	assert_false(readable(fd));
	out(p, 1, "one\n");
	assert_true(readable(fd));
	expect(r, false, "1:one|");
	for (int i = 0; i < 50; i++) { /* into other segments */
		char text[512];

		memset(text, 'a' + i % 26, sizeof text - 1);
		text[sizeof text - 1] = '\n';
		out_n(p, 1, text, sizeof text);
		assert_true(readable(fd));
		free(drain(r, false));
	}
	expect(r, false, "");
	assert_false(readable(fd));
	assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
	expect(r, false, "");
	open_writer(p, 0, 0);
	out(p, 1, "anew\n");
	assert_true(readable(fd));
	expect(r, false, "1:anew|");
	expect(r, false, "");
	assert_false(readable(fd));
	out(p, 1, "more\n");
	assert_true(readable(fd));
	logr_close(r);
}

static void test_bytes_without_a_record_get_one(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = seg_open(dir, 1, -1, O_RDWR);
	struct stat st;
	struct logr *r;

	out(p, 1, "one\n");
	out(p, 2, "bad\n");
	out(p, 1, "two\n");
	assert_int_equal(fstat(idx, &st), 0);
	assert_int_equal(st.st_size, 72);
	assert_int_equal(ftruncate(idx, 53), 0); /* killed within the last record */
	expect_log(p, -1, "1:one|2:bad|1:two|"); /* also without a writer */
	expect_log(p, 1, "1:two|");
	r = reader(p, 0, 0, -1);
	expect(r, false, "1:one|2:bad|"); /* a follower waits for the record */
	open_writer(p, 0, 0);
	expect(r, false, "1:two|");
	logr_close(r);
	out(p, 1, "three\n");
	expect_log(p, -1, "1:one|2:bad|1:two|1:three|");
	assert_int_equal(fstat(idx, &st), 0);
	assert_int_equal(st.st_size, 96);
}

static void test_pty_and_end_of_file(void **state)
{
	struct place *p = *state;
	int master, slave, fds[2];
	char got[8];

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fd_nonblock(master);
	assert_int_equal(logw_move(p->w, master, 1, NULL), 0);
	assert_int_equal(fd_write_all(slave, "hello\n", 6), 0);
	assert_int_equal(logw_move(p->w, master, 1, NULL), 0);
	close(slave);
	assert_int_equal(logw_move(p->w, master, 1, NULL), LOGW_EOF);
	close(master);
	expect_log(p, -1, "1:hello\r|");
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fd_write_all(fds[1], "bye\n", 4), 0);
	close(fds[1]);
	assert_int_equal(logw_move(p->w, fds[0], 2, NULL), LOGW_EOF);
	assert_int_equal(read(fds[0], got, sizeof got), 0);
	close(fds[0]);
	expect_log(p, -1, "1:hello\r|2:bye|");
}

static void test_notes_stand_on_their_own_line(void **state)
{
	struct place *p = *state;

	assert_int_equal(logw_note(p->w, "davit: one", NULL), 0);
	out(p, 2, "unfinished");
	assert_int_equal(logw_note(p->w, "davit: two", NULL), 0);
	expect_log(p, -1, "2:davit: one|2:unfinished|2:davit: two|");
}

/* A file that may not grow stands for a full disk: nothing is lost, and it goes on when there is room. */
static void test_full_disk_loses_nothing(void **state)
{
	struct place *p = *state;
	struct rlimit old, small;
	auto_err struct err err = ERR_INIT;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	out(p, 1, "first\n");
	small.rlim_cur = 100;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 20; i++)
		assert_int_equal(fd_write_all(p->out[1], "0123456789\n", 11), 0);
	while ((rc = logw_move(p->w, p->out[0], 1, &err)) == 1)
		;
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(rc, -1);
	while ((rc = logw_move(p->w, p->out[0], 1, NULL)) == 1)
		;
	assert_int_equal(rc, 0);
	expect_log(p, -1,
		"1:first|"
		"1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|"
		"1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|"
		"1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|1:0123456789|");
}

/* ------------------------------------------------------------------ killed and damaged */

static void write_until_killed(struct place *p)
{
	struct log_limits lim = {200000, 1000};
	struct logw *w;

	if (logw_open(p->fd, SLOT, &lim, &w, NULL) < 0)
		_exit(1);
	for (;;) {
		struct pollfd fd = {.fd = p->out[0], .events = POLLIN};

		poll(&fd, 1, -1);
		if (logw_move(w, p->out[0], 1, NULL) < 0)
			_exit(2);
	}
}

/* Numbered lines through a writer that is killed again and again: each is there, once, in order. */
static void test_killed_writers_lose_nothing(void **state)
{
	struct place *p = *state;
	enum { LINES = 60000 };
	int pending = 1, n = 0, expected = 0;
	struct logr *r;
	struct log_line l;
	pid_t feeder = fork();

	if (feeder == 0) {
		for (int i = 0; i < LINES; i++)
			if (dprintf(p->out[1], "%d\n", i) < 0)
				_exit(1);
		_exit(0);
	}
	while (n < 30 || waitpid(feeder, NULL, WNOHANG) == 0) {
		pid_t writer = fork();

		if (writer == 0)
			write_until_killed(p);
		usleep(1000 + (unsigned)(n++ % 7) * 700); /* the moment does not matter, but shall differ */
		kill(writer, SIGKILL);
		waitpid(writer, NULL, 0);
	}
	open_writer(p, 200000, 1000);
	while (pending)
		pending = logw_move(p->w, p->out[0], 1, NULL);
	r = reader(p, 0, 0, -1);
	for (; logr_next(r, true, &l, NULL) == 1; expected++) {
		char want[16];

		snprintf(want, sizeof want, "%d", expected);
		assert_int_equal(l.len, strlen(want));
		assert_memory_equal(l.text, want, l.len);
	}
	logr_close(r);
	assert_int_equal(expected, LINES);
}

static size_t count(struct logr *r)
{
	struct log_line l;
	size_t n = 0, sum = 0;

	while (logr_next(r, true, &l, NULL) == 1) {
		for (size_t i = 0; i < l.len; i++)
			sum += (unsigned char)l.text[i];
		assert_true(++n < 100000);
	}
	return sum ? n : 0;
}

/* Whatever is in the index, reading ends, stays within the files, and gives what the data files hold when all
 * is asked for. */
static void test_damaged_index(void **state)
{
	struct place *p = *state;
	unsigned seed = 1;

	for (int round = 0; round < 150; round++) {
		struct stat st;
		int dir, idx, data;

		logw_close(p->w);
		p->w = NULL;
		assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
		open_writer(p, 3000, 4);
		for (int i = 0; i < 300; i++) {
			char text[32];

			snprintf(text, sizeof text, "line %d%s", i, rand_r(&seed) % 4 ? "\n" : " ");
			out(p, rand_r(&seed) % 3 ? 1 : 2, text);
		}
		dir = slot_dir(p);
		idx = seg_open(dir, 1 + (unsigned)rand_r(&seed) % 3, -1, O_RDWR);
		if (idx < 0)
			idx = seg_open(dir, 2, -1, O_RDWR);
		assert_int_equal(fstat(idx, &st), 0);
		for (int i = rand_r(&seed) % 20; i >= 0; i--) {
			char byte = (char)rand_r(&seed);

			assert_int_equal(pwrite(idx, &byte, 1, rand_r(&seed) % (st.st_size + 30)), 1);
		}
		if (rand_r(&seed) % 2)
			assert_int_equal(ftruncate(idx, rand_r(&seed) % st.st_size), 0);
		data = seg_open(dir, 2, rand_r(&seed) % 2, O_RDWR);
		if (rand_r(&seed) % 3 == 0 && data >= 0)
			assert_int_equal(ftruncate(data, rand_r(&seed) % 500), 0);
		for (int64_t tail = -1; tail < 60; tail += 20) {
			struct logr *r = reader(p, tail == 19 ? 1 : 0, 0, tail);
			size_t n = count(r);

			if (tail >= 0)
				assert_true(n <= (size_t)tail + 2);
			else
				assert_true(n > 20);
			logr_close(r);
		}
		close(data);
		close(idx);
		close(dir);
		open_writer(p, 3000, 4); /* repairs without a complaint */
	}
}

/* A record that lies convincingly is believed no further than the file goes. */
static void test_lying_records(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = seg_open(dir, 1, -1, O_RDWR | O_APPEND);
	struct log_rec lies[] = {
		{.at_ns = 1, .offset = 1ULL << 60, .len = 5, .stream = 0},
		{.at_ns = 1, .offset = 0, .len = UINT32_MAX, .stream = 1},
		{.at_ns = INT64_MIN, .offset = 0, .len = 3, .stream = 0},
	};

	out(p, 1, "one\n");
	for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
		log_rec_seal(&lies[i]);
		assert_int_equal(write(idx, &lies[i], sizeof lies[i]), sizeof lies[i]);
	}
	out(p, 1, "two\n");
	out(p, 2, "three\n");
	expect_log(p, -1, "1:one|1:two|2:three|");
	open_writer(p, 0, 0);
	out(p, 1, "four\n");
	expect_log(p, -1, "1:one|1:two|1:four|2:three|"); /* the lie claims all of its stream */
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_streams_are_merged_in_order),
		PLACED(test_absent_log_is_empty),
		PLACED(test_binary_and_long_lines),
		PLACED(test_a_reader_follows),
		PLACED(test_tail),
		PLACED(test_tail_keeps_lines_whole),
		PLACED(test_tail_after_that_follows),
		PLACED(test_since_and_until),
		PLACED(test_rotation_bounds_and_readers_follow),
		PLACED(test_lines_cut_by_rotation_are_joined),
		PLACED(test_removed_and_made_again),
		PLACED(test_descriptor_tells_when_there_is_more),
		PLACED(test_bytes_without_a_record_get_one),
		PLACED(test_pty_and_end_of_file),
		PLACED(test_notes_stand_on_their_own_line),
		PLACED(test_full_disk_loses_nothing),
		PLACED(test_killed_writers_lose_nothing),
		PLACED(test_damaged_index),
		PLACED(test_lying_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
