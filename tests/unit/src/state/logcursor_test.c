/* Readers that go on where others were: what ships a log elsewhere. */
#include "logplace.h"

static struct logr *resume(struct place *p, const struct log_cursor *c)
{
	struct logr *r;

	assert_int_equal(logr_resume(p->fd, SLOT, c, &r, NULL), 0);
	return r;
}

/* Reads on from the cursor, at most n lines, and leaves the cursor behind them. */
static char *read_on(struct place *p, struct log_cursor *c, int n)
{
	struct logr *r = resume(p, c);
	struct buf b = BUF_INIT;
	struct log_line l;

	while (n-- > 0 && logr_next(r, false, &l, NULL) == 1)
		buf_printf(&b, "%d:%.*s|", l.stream, (int)l.len, l.text);
	logr_cursor(r, c);
	logr_close(r);
	return buf_take(&b);
}

#define EXPECT_ON(want, c, n) \
	do { \
		auto_free char *got_ = read_on(p, c, n); \
		assert_string_equal(got_, want); \
	} while (0)

static void test_goes_on_line_by_line(void **state)
{
	struct place *p = *state;
	struct log_cursor c = {0};

	EXPECT_ON("", &c, 1);
	out(p, 1, "one\ntwo\n");
	out(p, 2, "bad\nbegun ");
	out(p, 1, "three\nfo");
	EXPECT_ON("1:one|", &c, 1);
	EXPECT_ON("1:two|2:bad|", &c, 2);
	EXPECT_ON("1:three|", &c, 9);
	EXPECT_ON("", &c, 9);
	out(p, 2, "ended\n");
	out(p, 1, "ur\n");
	EXPECT_ON("2:begun ended|1:four|", &c, 9);
	log_end(p->fd, SLOT, &c);
	out(p, 1, "five\n");
	EXPECT_ON("1:five|", &c, 9);
}

/* Small segments, restarts at any line: each line comes once, in the order of the log. */
static void test_goes_on_over_segments(void **state)
{
	struct place *p = *state;
	auto_buf struct buf got = BUF_INIT;
	auto_free char *all = NULL;
	struct log_cursor c = {0};
	unsigned seed = 5;

	open_writer(p, 200, 1000);
	for (int i = 0; i < 500; i++) {
		char text[32];

		snprintf(text, sizeof text, "line %d%s", i, rand_r(&seed) % 3 ? "\n" : " ");
		out(p, 1 + rand_r(&seed) % 2, text);
		if (rand_r(&seed) % 3 == 0) {
			auto_free char *more = read_on(p, &c, rand_r(&seed) % 6);

			buf_str(&got, more);
		}
	}
	out(p, 1, "\n");
	out(p, 2, "\n");
	{
		auto_free char *more = read_on(p, &c, 1000);

		buf_str(&got, more);
	}
	all = read_on(p, &(struct log_cursor){0}, 10000);
	assert_string_equal(got.p, all);
}

static void test_tells_what_was_missed(void **state)
{
	struct place *p = *state;
	struct log_cursor c = {0};
	struct log_line l;
	struct logr *r;

	open_writer(p, 1, 3); /* every out() fills a segment */
	out(p, 1, "one\n");
	EXPECT_ON("1:one|", &c, 9);
	for (int i = 0; i < 6; i++)
		out(p, 1, "missed\n");
	r = resume(p, &c);
	assert_int_equal(logr_next(r, false, &l, NULL), 1);
	assert_true(logr_missed(r) >= 3);
	assert_int_equal(logr_missed(r), 0);
	logr_close(r);
}

/* A stream that is silent for long does not hold the cursor where it last spoke. */
static void test_a_silent_stream_goes_along(void **state)
{
	struct place *p = *state;
	struct log_cursor c = {0};

	open_writer(p, 1, 2);
	out(p, 2, "once\n");
	for (int i = 0; i < 10; i++) {
		auto_free char *more = NULL;

		out(p, 1, "again\n");
		more = read_on(p, &c, 9);
		assert_non_null(strstr(more, "again"));
	}
	assert_true(c.at[1].seq > 5);
}

static void test_long_lines_go_on_in_pieces(void **state)
{
	struct place *p = *state;
	struct log_cursor c = {0};
	size_t n = 3000000, total = 0;
	auto_free char *big = xmalloc(n);

	memset(big, 'x', n);
	big[n - 1] = '\n';
	for (size_t at = 0; at < n; at += 500000)
		out_n(p, 1, big + at, 500000);
	for (int i = 0; i < 3; i++) {
		struct logr *r = resume(p, &c);
		struct log_line l;

		assert_int_equal(logr_next(r, false, &l, NULL), 1);
		total += l.len;
		logr_cursor(r, &c);
		logr_close(r);
	}
	assert_int_equal(total, n - 1);
	EXPECT_ON("", &c, 9);
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_goes_on_line_by_line),
		PLACED(test_goes_on_over_segments),
		PLACED(test_tells_what_was_missed),
		PLACED(test_a_silent_stream_goes_along),
		PLACED(test_long_lines_go_on_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
