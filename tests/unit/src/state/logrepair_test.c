/* What kills and power cuts leave at the end of a log. */
#include "logplace.h"

/* As if all that is there had been written before the machine was started. */
static void power_cut(struct place *p)
{
	logw_close(p->w);
	p->w = NULL;
	unlinkat(p->fd, ".clock", 0);
}

static void add_bytes(struct place *p, uint32_t seq, int stream, const void *bytes, size_t n)
{
	auto_close int dir = slot_dir(p), fd = seg_open(dir, seq, stream, O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, bytes, n), n);
}

static void cut_bytes(struct place *p, uint32_t seq, int stream, off_t n)
{
	auto_close int dir = slot_dir(p), fd = seg_open(dir, seq, stream, O_RDWR);

	assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - n), 0);
}

/* Records of bytes that did not reach the disk must not speak for those that are written there next. */
static void test_index_ahead_of_data(void **state)
{
	struct place *p = *state;
	int64_t before;
	struct logr *r;

	out(p, 1, "one\n");
	out(p, 2, "bad\n");
	out(p, 1, "lost lost lost lost\n");
	out(p, 1, "more\n");
	power_cut(p);
	cut_bytes(p, 1, 0, 20);
	open_writer(p, 0, 0);
	before = clock_wall_ns();
	out(p, 1, " new\n");
	out(p, 2, "worse\n");
	out(p, 1, "newer\n");
	expect_log(p, -1, "1:one|2:bad|1:lost  new|2:worse|1:newer|");
	r = reader(p, before, 0, -1);
	expect(r, true, "2:worse|1:newer|");
	logr_close(r);
}

static void test_zeros_after_a_power_cut(void **state)
{
	static const char zeros[10000];
	struct place *p = *state;

	out(p, 1, "one\n");
	power_cut(p);
	add_bytes(p, 1, 0, zeros, sizeof zeros);
	add_bytes(p, 1, -1, zeros, 1001);
	open_writer(p, 0, 0);
	out(p, 1, "two\n");
	expect_log(p, -1,
		"1:one|2:davit: the machine went down: 10000 bytes of this log came back as zeros and were left out|1:two|");
}

/* Zeros that the container wrote stay, when nothing but the supervisor ended. */
static void test_zeros_of_the_container(void **state)
{
	static const char zeros[100];
	struct place *p = *state;
	struct logr *r;
	struct log_line l;

	out(p, 1, "one\n");
	out_n(p, 1, zeros, sizeof zeros);
	open_writer(p, 0, 0);
	out(p, 1, "\n");
	r = reader(p, 0, 0, 1);
	assert_int_equal(logr_next(r, true, &l, NULL), 1);
	assert_int_equal(l.len, sizeof zeros);
	assert_memory_equal(l.text, zeros, sizeof zeros);
	logr_close(r);
}

static void test_zeros_in_the_segment_before(void **state)
{
	static const char zeros[5000];
	struct place *p = *state;

	open_writer(p, 100, 3);
	out(p, 1, "a line that is long enough to fill nearly all of a segment, which is a hundred bytes and no more\n");
	out(p, 1, "two\n");
	power_cut(p);
	add_bytes(p, 1, 0, zeros, sizeof zeros);
	open_writer(p, 0, 3);
	out(p, 1, "three\n");
	expect_log(p, 3, "1:two|2:davit: the machine went down: 5000 bytes of this log came back as zeros and were left out|1:three|");
}

static void test_rubbish_behind_the_index(void **state)
{
	struct place *p = *state;
	auto_close int dir = slot_dir(p), idx = seg_open(dir, 1, -1, O_RDONLY);
	off_t size;

	out(p, 1, "one\n");
	size = lseek(idx, 0, SEEK_END);
	power_cut(p);
	add_bytes(p, 1, -1, "rubbish rubbish rubbish rubbish rubbish rubbish rubbish", 55);
	open_writer(p, 0, 0);
	assert_int_equal(lseek(idx, 0, SEEK_END), size);
	out(p, 1, "two\n");
	expect_log(p, -1, "1:one|1:two|");
}

/* Whatever length each file comes back with: reading gives what the data files hold, and what is written after that. */
static void test_any_torn_tail(void **state)
{
	struct place *p = *state;
	unsigned seed = 3;

	for (int round = 0; round < 200; round++) {
		auto_free char *got = NULL;
		struct stat st;
		int dir;

		logw_close(p->w);
		p->w = NULL;
		assert_int_equal(log_remove(p->fd, SLOT, NULL), 0);
		open_writer(p, 20000, 3);
		for (int i = 0; i < 100; i++) {
			char text[64];

			snprintf(text, sizeof text, "line %d\n", i);
			out(p, 1 + rand_r(&seed) % 2, text);
		}
		power_cut(p);
		dir = slot_dir(p);
		for (int s = -1; s < LOG_STREAMS; s++) {
			int fd = seg_open(dir, 1, s, O_RDWR);

			assert_int_equal(fstat(fd, &st), 0);
			assert_int_equal(ftruncate(fd, st.st_size - rand_r(&seed) % 150), 0); /* lost */
			if (rand_r(&seed) % 2)
				assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) + 16 + rand_r(&seed) % 150), 0); /* zeros */
			close(fd);
		}
		close(dir);
		open_writer(p, 20000, 3);
		out(p, 1, "\nafter 1\n");
		out(p, 2, "\nafter 2\n");
		got = whole_log(p);
		assert_non_null(strstr(got, "1:after 1|"));
		assert_non_null(strstr(got, "2:after 2|"));
		assert_non_null(strstr(got, ":line 50|"));
		assert_true(strstr(got, "1:after 1|") > strstr(got, ":line 50|"));
	}
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_index_ahead_of_data),
		PLACED(test_zeros_after_a_power_cut),
		PLACED(test_zeros_of_the_container),
		PLACED(test_zeros_in_the_segment_before),
		PLACED(test_rubbish_behind_the_index),
		PLACED(test_any_torn_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
