#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "../../../../src/cli/follow.h"
#include "../../../../src/state/logfile.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "capture.h"

struct room {
	struct cli c;
	char dir[64];
	int logs_fd;
	struct unit_rec web, db;
};

static int set_up(void **state)
{
	struct room *r = xcalloc(1, sizeof *r);

	snprintf(r->dir, sizeof r->dir, "/tmp/davit-follow-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->c.pdirs.state_fd = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->c.name = xstrdup("demo");
	assert_int_equal(mkdirat(r->c.pdirs.state_fd, "logs", 0700), 0);
	r->logs_fd = openat(r->c.pdirs.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->web.slot = xstrdup("web-1");
	r->web.name = xstrdup("demo-web-1");
	r->web.service = xstrdup("web");
	r->db.slot = xstrdup("db-1");
	r->db.name = xstrdup("the-database");
	r->db.service = xstrdup("db");
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct room *r = *state;

	close(r->logs_fd);
	close(r->c.pdirs.state_fd);
	assert_int_equal(path_remove_tree(AT_FDCWD, r->dir, NULL), 0);
	unit_rec_done(&r->web);
	unit_rec_done(&r->db);
	ui_done(&r->c.ui);
	free(r->c.name);
	free(r);
	return 0;
}

/* What the container prints, as the supervisor would take it. */
static void print(struct room *r, const char *slot, int stream, const char *text)
{
	struct logw *w = NULL;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	assert_int_equal(logw_open(r->logs_fd, slot, NULL, &w, NULL), 0);
	while (logw_move(w, ends[0], stream, NULL) == 1)
		;
	logw_close(w);
	close(ends[0]);
}

static char *pump(struct follow *f, bool flush, const char *slot)
{
	struct capture out;
	int r;

	capture_begin(&out, STDOUT_FILENO);
	r = follow_pump(f, flush, slot, NULL);
	char *text = capture_end(&out);
	assert_int_equal(r, 0);
	return text;
}

static void assert_pumps(struct follow *f, bool flush, const char *expected)
{
	auto_free char *text = pump(f, flush, NULL);

	assert_string_equal(text, expected);
}

static void merges_by_time_and_aligns(void **state)
{
	struct room *r = *state;
	const struct follow_opts o = { .range = { .tail = -1 } };
	struct follow *f = follow_new(&r->c, &o);

	print(r, "web-1", 1, "one\n");
	print(r, "db-1", 1, "two\n");
	print(r, "web-1", 2, "three\nfour\n");
	print(r, "db-1", 1, "five\n");
	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	assert_int_equal(follow_add(f, &r->db, NULL), 0);
	assert_int_equal(follow_add(f, &r->db, NULL), 0);
	assert_int_equal(follow_fd(f), -1);
	assert_pumps(f, true,
		     "web-1         | one\n"
		     "the-database  | two\n"
		     "web-1         | three\n"
		     "web-1         | four\n"
		     "the-database  | five\n");
	assert_pumps(f, true, "");
	follow_free(f);
}

static void goes_on_with_what_comes(void **state)
{
	struct room *r = *state;
	const struct follow_opts o = { .range = { .tail = 1 }, .no_prefix = true, .live = true };
	struct follow *f = follow_new(&r->c, &o);
	struct pollfd fd = { .fd = follow_fd(f), .events = POLLIN };

	print(r, "web-1", 1, "one\ntwo\n");
	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	assert_pumps(f, false, "two\n");
	print(r, "web-1", 1, "three\nfo");
	assert_int_equal(poll(&fd, 1, 5000), 1);
	assert_pumps(f, false, "three\n");
	print(r, "web-1", 1, "ur\nfive");
	assert_pumps(f, false, "four\n");
	assert_pumps(f, true, "five\n");
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(follow_add(f, &r->db, NULL), 0);
	assert_pumps(f, false, "");
	print(r, "db-1", 1, "at last\n");
	assert_int_equal(poll(&fd, 1, 5000), 1);
	assert_pumps(f, false, "at last\n");
	follow_free(f);
}

static void prints_times_and_colours(void **state)
{
	struct room *r = *state;
	const struct follow_opts o = { .range = { .tail = -1 }, .timestamps = true };
	struct follow *f;
	auto_free char *text = NULL;

	r->c.ui.colour_out = true;
	f = follow_new(&r->c, &o);
	print(r, "web-1", 1, "one\n");
	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	text = pump(f, true, NULL);
	assert_true(str_starts(text, "\033[36mweb-1  | \033[0m20"));
	assert_true(str_ends(text, "Z one\n"));
	assert_int_equal(strlen(text),
			 strlen("\033[36mweb-1  | \033[0m2026-01-02T03:04:05.000000006Z one\n"));
	follow_free(f);
}

static void keeps_streams_apart_when_asked(void **state)
{
	struct room *r = *state;
	const struct follow_opts o = { .range = { .tail = -1 }, .apart = true };
	struct follow *f = follow_new(&r->c, &o);
	struct capture err;

	print(r, "web-1", 1, "one\n");
	print(r, "web-1", 2, "bad\n");
	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	capture_begin(&err, STDERR_FILENO);
	auto_free char *out = pump(f, true, NULL), *bad = capture_end(&err);
	assert_string_equal(out, "web-1  | one\n");
	assert_string_equal(bad, "web-1  | bad\n");
	follow_free(f);
}

static void has_nothing_without_logs(void **state)
{
	struct room *r = *state;
	const struct follow_opts o = { .range = { .tail = -1 } };
	struct follow *f = follow_new(&r->c, &o);

	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	assert_pumps(f, true, "");
	assert_int_equal(unlinkat(r->c.pdirs.state_fd, "logs", AT_REMOVEDIR), 0);
	follow_free(f);
	f = follow_new(&r->c, &o);
	assert_int_equal(follow_add(f, &r->web, NULL), 0);
	assert_pumps(f, true, "");
	follow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(merges_by_time_and_aligns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(goes_on_with_what_comes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(prints_times_and_colours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_streams_apart_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(has_nothing_without_logs, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
