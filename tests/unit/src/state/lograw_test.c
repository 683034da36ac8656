/* A container's output as it came, read beside its writer. */
#include "logplace.h"

#include <poll.h>

#include "../../../../src/state/lograw.h"

static struct lograw *raw(struct place *p, int from_end)
{
	struct lograw *r;

	assert_int_equal(lograw_open(p->fd, SLOT, from_end, &r, NULL), 0);
	return r;
}

static void gives(struct lograw *r, int stream, const char *want)
{
	char data[256];
	size_t n = lograw_read(r, stream, data, sizeof data);

	assert_int_equal(n, strlen(want));
	assert_memory_equal(data, want, n);
}

static void bytes_come_as_they_were(void **state)
{
	struct place *p = *state;
	struct lograw *r = raw(p, 0);

	gives(r, 1, "");
	out(p, 1, "no end");
	out(p, 2, "err\n");
	gives(r, 1, "no end");
	out(p, 1, " of line\n\n");
	gives(r, 1, " of line\n\n");
	gives(r, 1, "");
	gives(r, 2, "err\n");
	lograw_close(r);
	r = raw(p, 1);
	gives(r, 1, "");
	out(p, 1, "new");
	gives(r, 1, "new");
	gives(r, 2, "");
	lograw_close(r);
}

static void it_waits_for_a_log_that_is_not_there(void **state)
{
	struct place *p = *state;
	struct lograw *r;
	struct logw *w;
	struct pollfd fd;
	int pair[2];

	assert_int_equal(lograw_open(p->fd, "later", 0, &r, NULL), 0);
	gives(r, 1, "");
	lograw_heard(r);
	assert_int_equal(logw_open(p->fd, "later", NULL, &w, NULL), 0);
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fd_write_all(pair[1], "first", 5), 0);
	assert_true(logw_move(w, pair[0], 1, NULL) >= 0);
	fd = (struct pollfd){ .fd = lograw_fd(r), .events = POLLIN };
	assert_int_equal(poll(&fd, 1, 0), 1);
	lograw_heard(r);
	gives(r, 1, "first");
	assert_int_equal(fd_write_all(pair[1], "second", 6), 0);
	assert_true(logw_move(w, pair[0], 1, NULL) >= 0);
	assert_int_equal(poll(&fd, 1, 0), 1);
	gives(r, 1, "second");
	close(pair[0]);
	close(pair[1]);
	logw_close(w);
	lograw_close(r);
}

/* Segments of 4 KiB, three of them. */
static size_t read_all(struct lograw *r, char *data, size_t room)
{
	size_t n = 0, got;

	while ((got = lograw_read(r, 1, data + n, room - n)))
		n += got;
	return n;
}

static void rotation_is_followed(void **state)
{
	struct place *p = *state;
	char line[513], data[64 << 10];
	struct lograw *r;
	size_t n = 0;

	open_writer(p, 4096, 3);
	memset(line, 'x', 511);
	memcpy(line + 511, "\n", 2);
	r = raw(p, 0);
	for (int i = 0; i < 40; i++) {
		out(p, 1, line);
		n += read_all(r, data, sizeof data);
	}
	assert_int_equal(n, 40 * 512);
	assert_true(lograw_segment(r) == 0);     /* of the other stream nothing was read */
	lograw_read(r, 2, data, sizeof data);
	assert_true(lograw_segment(r) >= 5);
	assert_int_equal(lograw_missed(r), 0);
	assert_true(logw_would_drop(p->w, lograw_segment(r) - 2));
	assert_false(logw_would_drop(p->w, lograw_segment(r)));
	for (int i = 0; i < 60; i++)
		out(p, 1, line);
	assert_true(read_all(r, data, sizeof data) < 60 * 512);
	assert_true(lograw_missed(r) > 0);
	lograw_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_come_as_they_were, place_up, place_down),
		cmocka_unit_test_setup_teardown(it_waits_for_a_log_that_is_not_there, place_up, place_down),
		cmocka_unit_test_setup_teardown(rotation_is_followed, place_up, place_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
