#include "logplace.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

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
	struct log_range range = {.tail = 5};
	struct logr *r;
	auto_err struct err err = ERR_INIT;

	assert_int_equal(logr_open(p->fd, "nobody", &range, &r, NULL), 0);
	expect(r, true, "");
	logr_close(r);
	assert_int_equal(logr_open(p->fd, "../x", &range, &r, &err), -1);
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

static void test_an_unfinished_line_is_ended_for_the_next_writer(void **state)
{
	struct place *p = *state;
	struct logr *r = reader(p, 0, 0, -1), *other = reader(p, 0, 0, -1);

	out(p, 1, "whole\npanic");
	expect(r, true, "1:whole|1:panic~");
	expect(other, false, "1:whole|");
	logw_end_lines(p->w);
	logw_end_lines(p->w);
	expect(r, false, "");           /* it was given already */
	expect(other, false, "1:panic|");
	out(p, 1, "again\n\n");
	expect(r, false, "1:again|1:|");
	logr_close(r);
	logr_close(other);
	expect_log(p, 3, "1:panic|1:again|1:|");
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
	assert_int_equal(st.st_size, 96); /* the clock, three records */
	assert_int_equal(ftruncate(idx, 77), 0); /* killed within the last record */
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
	assert_int_equal(st.st_size, 144); /* the second writer's clock, too */
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

/* ------------------------------------------------------------------ lines cut by what was dropped */

static uint32_t oldest(struct place *p)
{
	auto_close int dir = slot_dir(p);

	return seg_after(dir, 0);
}

/* What is kept of a stream, as drain() shows it: from its first whole line on, given all that was written. */
static char *kept_lines(struct place *p, int stream, const struct buf *all)
{
	auto_close int dir = slot_dir(p);
	auto_free uint32_t *list = NULL;
	struct buf b = BUF_INIT;
	size_t n, at = all->len;
	struct stat st;

	assert_int_equal(seg_list(dir, &list, &n), 0);
	for (size_t i = 0; i < n; i++) {
		auto_close int fd = seg_open(dir, list[i], stream - 1, O_RDONLY);

		assert_int_equal(fstat(fd, &st), 0);
		at -= (size_t)st.st_size;
	}
	while (at > 0 && at < all->len && all->p[at - 1] != '\n')
		at++;
	while (at < all->len) {
		const char *from = all->p + at, *nl = memchr(from, '\n', all->len - at);
		size_t len = nl ? (size_t)(nl - from) : all->len - at;

		buf_printf(&b, "%d:%.*s%c", stream, (int)len, from, nl ? '|' : '~');
		at += len + 1;
	}
	return buf_take(&b);
}

static char *read_log(struct place *p, int64_t since, int64_t tail)
{
	struct logr *r = reader(p, since, 0, tail);
	char *got = drain(r, true);

	logr_close(r);
	return got;
}

/* The lines of one stream out of what drain() gave. */
static char *only(const char *lines, int stream)
{
	struct buf b = BUF_INIT;

	while (*lines) {
		size_t n = strcspn(lines, "|~") + 1;

		if (lines[0] - '0' == stream)
			buf_add(&b, lines, n);
		lines += n;
	}
	return buf_take(&b);
}

static size_t lines_in(const char *lines)
{
	size_t n = 0;

	for (; *lines; lines++)
		n += *lines == '|' || *lines == '~';
	return n;
}

static void check_against(struct place *p, struct buf all[2])
{
	auto_free char *got = read_log(p, 0, -1), *same = read_log(p, 1, -1);
	size_t n = lines_in(got);

	assert_string_equal(same, got);
	for (int stream = 1; stream <= 2; stream++) {
		auto_free char *want = kept_lines(p, stream, &all[stream - 1]), *mine = only(got, stream);

		assert_string_equal(mine, want);
	}
	for (size_t tail = 0; tail <= n + 3; tail++) {
		auto_free char *last = read_log(p, 0, (int64_t)tail);

		assert_int_equal(lines_in(last), tail < n ? tail : n);
		if (!strchr(got, '~'))
			assert_string_equal(last, got + strlen(got) - strlen(last));
		if (tail >= n)
			assert_string_equal(last, got);
	}
}

/* Random pieces of both streams through small segments and restarts of the writer: what is kept begins with
 * each stream's first whole line, and lacks none. */
static void test_cut_lines_are_left_out_and_no_others(void **state)
{
	struct place *p = *state;
	unsigned seed = 7;

	for (int round = 0; round < 6; round++) {
		struct buf all[2] = {BUF_INIT, BUF_INIT};
		unsigned files = 1 + (unsigned)round % 3;

		logw_close(p->w);
		p->w = NULL;
		assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
		open_writer(p, 300, files);
		for (int i = 0; i < 300; i++) {
			int stream = rand_r(&seed) % (i / 50 % 2 ? 12 : 2) ? 1 : 2;
			char text[64];

			snprintf(text, sizeof text, "%s %d%s", stream == 1 ? "number" : "bad", i,
				rand_r(&seed) % (1 + (unsigned)round % 4) ? " and " : "\n");
			out(p, stream, text);
			buf_str(&all[stream - 1], text);
			if (rand_r(&seed) % 20 == 0)
				open_writer(p, 300, files);
			if (i % 25 == 24)
				check_against(p, all);
		}
		assert_true(oldest(p) > 5);
		buf_done(&all[0]);
		buf_done(&all[1]);
	}
}

/* From here on with max_bytes 1: every out() fills a segment, and leaves an empty one behind it. */

/* The stream that was cut is silent for longer than segments and writers live. */
static void test_a_cut_is_remembered(void **state)
{
	struct place *p = *state;

	open_writer(p, 1, 2);
	out(p, 2, "begun ");
	out(p, 1, "a\n");
	open_writer(p, 1, 2);
	out(p, 1, "b\n");
	open_writer(p, 1, 2);
	out(p, 1, "c\n");
	out(p, 2, "ended\nwhole\n");
	assert_int_equal(oldest(p), 5);
	expect_log(p, -1, "2:whole|");
	expect_log(p, 0, "");
	expect_log(p, 1, "2:whole|");
	expect_log(p, 2, "2:whole|");
}

static void test_whole_lines_at_a_boundary_stay(void **state)
{
	struct place *p = *state;

	open_writer(p, 1, 2);
	out(p, 1, "a\n");
	out(p, 1, "first\nsecond\n");
	assert_int_equal(oldest(p), 2);
	expect_log(p, -1, "1:first|1:second|");
	expect_log(p, 2, "1:first|1:second|");
	expect_log(p, 5, "1:first|1:second|");
}

static void test_followers_of_cut_lines(void **state)
{
	struct place *p = *state;
	struct logr *first = reader(p, 0, 0, -1), *second, *third;

	open_writer(p, 1, 3);
	out(p, 1, "one\nhalf ");
	expect(first, false, "1:one|");
	second = reader(p, 0, 0, 0);
	out(p, 1, "and half\ntwo ");
	expect(second, false, "1:half and half|");
	out(p, 1, "three\nfour\n");
	expect(second, false, "1:two three|1:four|");
	assert_int_equal(oldest(p), 2);
	third = reader(p, 0, 0, -1);
	expect(third, false, "1:two three|1:four|");
	expect(first, false, "1:half and half|1:two three|1:four|"); /* it holds what was dropped */
	logr_close(third);
	out(p, 1, "five ");
	expect(first, false, "");
	for (int i = 0; i < 4; i++)
		out(p, 1, "more ");
	third = reader(p, 0, 0, 0);
	expect(third, true, "");
	out(p, 1, "end\nlast\n");
	expect(third, false, "1:last|"); /* it came when the beginning was gone */
	expect(first, false,
		"1:five more ~1:last|"); /* too late for all of it: no ends are joined to others */
	logr_close(first);
	logr_close(second);
	logr_close(third);
}

static void seal_mark(int idx, unsigned cuts)
{
	struct log_rec rec = {.at_ns = 1, .stream = LOG_MARK, .cuts = (uint8_t)cuts};

	log_rec_seal(&rec);
	assert_int_equal(pwrite(idx, &rec, sizeof rec, 0), sizeof rec);
}

static void test_segments_without_a_mark_are_read(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = -1;
	char recs[5 * sizeof(struct log_rec)];
	ssize_t n;

	open_writer(p, 1, 2);
	out(p, 1, "a ");
	out(p, 1, "b\nwhole\n");
	expect_log(p, -1, "1:whole|");
	idx = seg_open(dir, 2, -1, O_RDWR);
	seal_mark(idx, 0xff); /* no such streams: rubbish */
	expect_log(p, -1, "1:b|1:whole|");
	seal_mark(idx, 2);
	expect_log(p, -1, "1:b|1:whole|");
	seal_mark(idx, 1);
	expect_log(p, -1, "1:whole|");
	n = read(idx, recs, sizeof recs); /* as an older writer left it: one record, no mark, no clock */
	assert_int_equal(n, 3 * sizeof(struct log_rec));
	assert_int_equal(pwrite(idx, recs + 2 * sizeof(struct log_rec), sizeof(struct log_rec), 0), n / 3);
	assert_int_equal(ftruncate(idx, n / 3), 0);
	expect_log(p, -1, "1:b|1:whole|");
	expect_log(p, 1, "1:whole|");
	expect_log(p, 2, "1:b|1:whole|");
	open_writer(p, 1, 2);
	out(p, 1, "c\n");
	expect_log(p, -1, "1:c|");
}

/* The writer was killed when it had made the segment, and half of its mark. */
static void test_a_mark_is_made_up_for(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = -1;

	open_writer(p, 1, 2);
	out(p, 1, "a ");
	logw_close(p->w);
	p->w = NULL;
	idx = seg_open(dir, 2, -1, O_RDWR);
	assert_int_equal(ftruncate(idx, 10), 0);
	open_writer(p, 1, 1); /* drops the segment that shows the cut */
	assert_int_equal(oldest(p), 2);
	open_writer(p, 0, 0);
	out(p, 1, "b\nwhole\n");
	expect_log(p, -1, "1:whole|");
}

/* No room for a mark must not keep old segments from being dropped. */
static void test_no_room_for_a_mark(void **state)
{
	struct place *p = *state;
	struct rlimit old, small;

	open_writer(p, 1, 2);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 10;
	setrlimit(RLIMIT_FSIZE, &small);
	out(p, 1, "a ");
	setrlimit(RLIMIT_FSIZE, &old);
	out(p, 1, "b\nwhole ");
	assert_int_equal(oldest(p), 2);
	expect_log(p, -1, "1:b|1:whole ~");
	out(p, 1, "end\nlast\n");
	assert_int_equal(oldest(p), 3);
	expect_log(p, -1, "1:last|");
}

static void test_a_note_ends_a_cut_line(void **state)
{
	struct place *p = *state;

	open_writer(p, 1, 2);
	out(p, 2, "unfinished");
	assert_int_equal(logw_note(p->w, "davit: one", NULL), 0);
	expect_log(p, -1, "2:unfinished|2:davit: one|");
	open_writer(p, 0, 1);
	expect_log(p, -1, "2:davit: one|");
}

/* A stream without newlines is to be seen, too: of a cut line that is longer than 1 MiB, that much is left
 * out. */
static void test_cut_lines_without_an_end(void **state)
{
	struct place *p = *state;
	size_t n = 500000, segments, kept;
	auto_free char *big = xmalloc(n), *got = NULL;

	memset(big, 'x', n);
	open_writer(p, 1 << 20, 3);
	for (int i = 0; i < 11; i++)
		out_n(p, 1, big, n);
	assert_true(oldest(p) > 1);
	kept = (size_t)log_bytes(p, &segments);
	got = read_log(p, 0, -1);
	assert_int_equal(strlen(got) - 3 * lines_in(got), kept - (1 << 20));
	out(p, 1, "end\nnext\n");
	expect_log(p, 1, "1:next|");
	free(got);
	got = read_log(p, 0, 3);
	assert_int_equal(got[2], 'x');
	assert_string_equal(got + strlen(got) - 11, "end|1:next|");
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_streams_are_merged_in_order),
		PLACED(test_absent_log_is_empty),
		PLACED(test_binary_and_long_lines),
		PLACED(test_a_reader_follows),
		PLACED(test_an_unfinished_line_is_ended_for_the_next_writer),
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
		PLACED(test_cut_lines_are_left_out_and_no_others),
		PLACED(test_a_cut_is_remembered),
		PLACED(test_whole_lines_at_a_boundary_stay),
		PLACED(test_followers_of_cut_lines),
		PLACED(test_segments_without_a_mark_are_read),
		PLACED(test_a_mark_is_made_up_for),
		PLACED(test_no_room_for_a_mark),
		PLACED(test_a_note_ends_a_cut_line),
		PLACED(test_cut_lines_without_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
