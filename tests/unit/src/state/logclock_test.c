/* The wall clock of this program jumps as the test wants it. */
#include "logplace.h"

#include <sys/syscall.h>
#include <time.h>

#include "../../../../src/state/logclock.h"

static int64_t wall_jump_ns, boot_jump_ns;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int64_t jump = id == CLOCK_REALTIME ? wall_jump_ns : id == CLOCK_BOOTTIME ? boot_jump_ns : 0, ns;

	if (syscall(SYS_clock_gettime, id, ts) < 0)
		return -1;
	ns = ts->tv_sec * SEC_NS + ts->tv_nsec + jump;
	*ts = (struct timespec){ns / SEC_NS, ns % SEC_NS};
	return 0;
}

#define TEN_YEARS (3652LL * 86400 * SEC_NS)

static int no_jump_up(void **state)
{
	wall_jump_ns = boot_jump_ns = 0;
	return place_up(state);
}

static void test_keys_do_not_jump(void **state)
{
	struct place *p = *state;
	int64_t base = log_clock_base(p->fd), wall[3], key[3];

	log_clock_read(base, &wall[0], &key[0]);
	assert_true(key[0] - wall[0] < SEC_NS && wall[0] - key[0] < SEC_NS);
	wall_jump_ns = TEN_YEARS;
	log_clock_read(base, &wall[1], &key[1]);
	wall_jump_ns = -TEN_YEARS;
	assert_true(log_clock_base(p->fd) == base); /* one for the whole boot */
	log_clock_read(base, &wall[2], &key[2]);
	assert_true(key[0] <= key[1] && key[1] <= key[2] && key[2] - key[0] < 5 * SEC_NS);
	assert_true(wall[1] - wall[2] > TEN_YEARS);
	assert_true(log_now_ns(p->fd) - key[2] < 5 * SEC_NS);
}

/* Lines of two slots, read as `logs` merges them. */
static void expect_merged(struct place *p, const char *want)
{
	const struct log_range all = {.tail = -1};
	struct logr *r[2];
	struct log_line l[2];
	bool have[2];
	auto_buf struct buf got = BUF_INIT;

	assert_int_equal(logr_open(p->fd, SLOT, &all, &r[0], NULL), 0);
	assert_int_equal(logr_open(p->fd, "db-1", &all, &r[1], NULL), 0);
	for (int i = 0; i < 2; i++)
		have[i] = logr_next(r[i], true, &l[i], NULL) == 1;
	while (have[0] || have[1]) {
		int i = !have[0] || (have[1] && l[1].key_ns < l[0].key_ns);

		buf_printf(&got, "%.*s ", (int)l[i].len, l[i].text);
		have[i] = logr_next(r[i], true, &l[i], NULL) == 1;
	}
	assert_string_equal(got.p ? got.p : "", want);
	logr_close(r[0]);
	logr_close(r[1]);
}

static void say(struct place *p, struct logw *other, int n)
{
	char text[16];

	snprintf(text, sizeof text, "%d\n", n);
	if (n % 2) {
		out(p, 1, text);
		return;
	}
	assert_int_equal(fd_write_all(p->out[1], text, strlen(text)), 0);
	assert_int_equal(logw_move(other, p->out[0], 1, NULL), 0);
}

static void test_merged_order_survives_jumps(void **state)
{
	static const int64_t jumps[] = {0, TEN_YEARS, -TEN_YEARS, 3600 * SEC_NS, 0};
	struct place *p = *state;
	struct logw *other;
	int n = 0;

	assert_int_equal(logw_open(p->fd, "db-1", NULL, &other, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(jumps); i++) {
		wall_jump_ns = jumps[i];
		say(p, other, ++n);
		say(p, other, ++n);
		if (i == 2) /* a suspended machine: its boot time goes on */
			boot_jump_ns += 86400 * SEC_NS;
	}
	logw_close(other);
	expect_merged(p, "1 2 3 4 5 6 7 8 9 10 ");
}

/* Another boot, in which the wall clock is ten years behind: its keys are later all the same. */
static void test_keys_grow_from_boot_to_boot(void **state)
{
	struct place *p = *state;
	struct logw *other;
	int64_t base = log_clock_base(p->fd);

	out(p, 1, "1\n");
	logw_close(p->w);
	p->w = NULL;
	assert_int_equal(unlinkat(p->fd, ".clock", 0), 0);
	wall_jump_ns = -TEN_YEARS;
	assert_int_equal(logw_open(p->fd, "db-1", NULL, &other, NULL), 0);
	assert_true(log_clock_base(p->fd) > base);
	open_writer(p, 0, 0);
	say(p, other, 2);
	wall_jump_ns = 0;
	say(p, other, 3);
	logw_close(other);
	expect_merged(p, "1 2 3 ");
}

static char *read_range(struct place *p, int64_t since, int64_t until, bool steady, int64_t tail)
{
	struct log_range range = {
		.since_ns = since, .until_ns = until, .since_steady = steady, .until_steady = steady, .tail = tail};
	struct logr *r;
	char *got;

	assert_int_equal(logr_open(p->fd, SLOT, &range, &r, NULL), 0);
	got = drain(r, true);
	logr_close(r);
	return got;
}

#define EXPECT_RANGE(want, ...) \
	do { \
		auto_free char *got_ = read_range(__VA_ARGS__); \
		assert_string_equal(got_, want); \
	} while (0)

static void test_bounds_under_jumps(void **state)
{
	struct place *p = *state;
	int64_t now, before;

	out(p, 1, "old\n");
	before = log_now_ns(p->fd);
	wall_jump_ns = TEN_YEARS;
	now = clock_wall_ns();
	out(p, 1, "future\n");
	wall_jump_ns = -TEN_YEARS;
	out(p, 1, "past 1\npast 2\n");
	/* so long ago: whatever the lines show */
	EXPECT_RANGE("1:future|1:past 1|1:past 2|", p, before, 0, true, -1);
	EXPECT_RANGE("1:past 2|", p, before, 0, true, 1);
	EXPECT_RANGE("1:future|1:past 1|1:past 2|", p, before, 0, true, 3);
	EXPECT_RANGE("1:future|1:past 1|1:past 2|", p, before, 0, true, 9);
	EXPECT_RANGE("1:old|", p, 0, before, true, -1);
	EXPECT_RANGE("1:old|", p, 0, before, true, 2);
	/* a moment: what lines show, even when later ones show less */
	EXPECT_RANGE("1:future|", p, now, 0, false, -1);
	EXPECT_RANGE("1:future|", p, now, 0, false, 1);
	EXPECT_RANGE("1:old|1:future|", p, now - TEN_YEARS - 3600 * SEC_NS, 0, false, 5);
	EXPECT_RANGE("1:future|", p, now - TEN_YEARS - 3600 * SEC_NS, 0, false, 1);
	EXPECT_RANGE("1:past 1|1:past 2|", p, 0, now - TEN_YEARS - 3600 * SEC_NS, false, -1);
	EXPECT_RANGE("1:past 2|", p, 0, now - TEN_YEARS - 3600 * SEC_NS, false, 1);
	EXPECT_RANGE("", p, now + 3600 * SEC_NS, 0, false, -1);
	EXPECT_RANGE("", p, now + 3600 * SEC_NS, 0, false, 4);
}

/* The same over many segments, each way of finding the start. */
static void test_bounds_over_segments(void **state)
{
	struct place *p = *state;
	int64_t middle = 0;
	auto_buf struct buf want = BUF_INIT;

	open_writer(p, 300, 100);
	for (int i = 0; i < 400; i++) {
		char text[32];

		wall_jump_ns = (i * 7919 % 13 - 6) * 3600 * SEC_NS;
		if (i == 200)
			middle = log_now_ns(p->fd);
		snprintf(text, sizeof text, "line %d\n", i);
		out(p, 1 + i % 3 % 2, text);
		if (i >= 200)
			buf_printf(&want, "%d:line %d|", 1 + i % 3 % 2, i);
	}
	EXPECT_RANGE(want.p, p, middle, 0, true, -1);
	EXPECT_RANGE(want.p, p, middle, 0, true, 200);
	EXPECT_RANGE(want.p, p, middle, 0, true, 1000);
	EXPECT_RANGE("1:line 398|1:line 399|", p, middle, 0, true, 2);
}

/* The clock goes astray while nothing is written, and the skew is told once, not with every line. */
static void test_marks_are_few(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = seg_open(dir, 1, -1, O_RDONLY);
	struct stat st;

	for (int i = 0; i < 100; i++) {
		wall_jump_ns = i / 50 * TEN_YEARS;
		out(p, 1, "x\n");
	}
	assert_int_equal(fstat(idx, &st), 0);
	assert_true(st.st_size <= 110 * (off_t)sizeof(struct log_rec));
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, no_jump_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_keys_do_not_jump),
		PLACED(test_merged_order_survives_jumps),
		PLACED(test_keys_grow_from_boot_to_boot),
		PLACED(test_bounds_under_jumps),
		PLACED(test_bounds_over_segments),
		PLACED(test_marks_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
