#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>

#include "../../../../src/state/events.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/fd.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../util/scratch.h"

/* A project directory "p" in the scratch directory, which stands for STATE/projects. */
static int project_make(void)
{
	assert_int_equal(mkdirat(scratch_fd, "p", 0700), 0);
	return openat(scratch_fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct events *begin(void)
{
	auto_close int fd = project_make();
	struct events *e = NULL;

	assert_int_equal(events_open(fd, &e, NULL), 0);
	return e;
}

static void add(struct events *e, int n)
{
	auto_json json_t *o = json_pack("{s:i,s:s,s:s,s:i}", "t", n, "type", "container", "action", "start", "n", n);

	assert_int_equal(events_append(e, o, NULL), 0);
}

static int64_t next_n(struct evr *r)
{
	auto_json json_t *j = NULL;

	return evr_next(r, &j) == 1 ? jx_int(j, "n", -2) : -1;
}

static bool has_news(struct evr *r)
{
	struct pollfd p = {.fd = evr_fd(r), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void raw(const char *name, const char *text)
{
	auto_free char *path = xasprintf("p/%s", name);
	auto_close int fd = openat(scratch_fd, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void test_table(void **state)
{
	assert_int_equal(event_kind_parse("container", "die"), EV_DIE);
	assert_int_equal(event_kind_parse("container", "health_status: healthy"), EV_HEALTH);
	assert_int_equal(event_kind_parse("network", "create"), EV_NETWORK_CREATE);
	assert_int_equal(event_kind_parse("volume", "create"), EV_VOLUME_CREATE);
	assert_int_equal(event_kind_parse("container", "di"), -1);
	assert_int_equal(event_kind_parse("pod", "die"), -1);
	assert_int_equal(event_kind_parse(NULL, "die"), -1);
	for (int i = 0; i < EV_NKINDS; i++) {
		assert_int_equal(event_kind_parse(event_rows[i].type, event_rows[i].action), i);
		assert_non_null(event_rows[i].help);
	}
}

static void test_replay_in_order(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", false);

	for (int i = 1; i <= 5; i++)
		add(e, i);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(next_n(r), i);
	assert_int_equal(next_n(r), -1);
	add(e, 6);
	assert_int_equal(next_n(r), 6);
	evr_free(r);
	events_close(e);
}

static void test_nothing_there(void **state)
{
	struct evr *r = evr_new(scratch_path, "none", false);

	assert_int_equal(next_n(r), -1);
	evr_free(r);
}

static void test_bounded_and_whole_across_rotation(void **state)
{
	struct events *e = begin();
	struct evr *follower = evr_new(scratch_path, "p", true), *late;
	struct stat now, old;
	int first, n = 0;

	for (int i = 1; i <= 60000; i++) {
		add(e, i);
		if (i % 5000 == 0)               /* never more than a file behind */
			while (next_n(follower) == n + 1)
				n++;
	}
	assert_int_equal(n, 60000);
	assert_int_equal(fstatat(scratch_fd, "p/events", &now, 0), 0);
	assert_int_equal(fstatat(scratch_fd, "p/events.old", &old, 0), 0);
	assert_true(now.st_size <= EVENTS_MAX && old.st_size <= EVENTS_MAX && old.st_size > EVENTS_MAX / 2);
	late = evr_new(scratch_path, "p", false);
	first = (int)next_n(late);
	assert_in_range(first, 2, 60000);
	for (int i = first + 1; i <= 60000; i++)
		assert_int_equal(next_n(late), i);
	assert_int_equal(next_n(late), -1);
	evr_free(late);
	evr_free(follower);
	events_close(e);
}

static void test_torn_tail(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", false);
	auto_close int fd = openat(scratch_fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	add(e, 1);
	events_close(e);
	raw("events", "{\"t\":2,\"type\":\"cont");
	assert_int_equal(next_n(r), 1);
	assert_int_equal(next_n(r), -1);
	assert_int_equal(events_open(fd, &e, NULL), 0);  /* cuts it off, under the reader */
	add(e, 3);
	assert_int_equal(next_n(r), 3);
	assert_int_equal(next_n(r), -1);
	evr_free(r);
	events_close(e);
}

static void test_nonsense_is_passed_over(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", false);

	raw("events", "no json\n[1]\n\n{\"n\":7}\n");
	raw("events", "{\"n\":8}\n");
	assert_int_equal(next_n(r), 7);
	assert_int_equal(next_n(r), 8);
	assert_int_equal(next_n(r), -1);
	evr_free(r);
	events_close(e);
}

/* A file that holds more than a pipe would: no file may grow beyond `limit` bytes, which is what a full disk looks like. */
static void limit_files(rlim_t limit)
{
	struct rlimit r = {.rlim_cur = limit, .rlim_max = RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void test_full_disk_loses_whole_lines_and_says_so(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", false);
	auto_json json_t *o = json_pack("{s:s,s:i}", "action", "start", "n", 9), *lost = NULL;

	add(e, 1);
	limit_files(60);
	assert_int_equal(events_append(e, o, NULL), -1);
	assert_int_equal(events_append(e, o, NULL), -1);
	limit_files(RLIM_INFINITY);
	add(e, 2);
	assert_int_equal(next_n(r), 1);
	assert_int_equal(evr_next(r, &lost), 1);
	assert_string_equal(jx_str(lost, "action"), "lost");
	assert_string_equal(jx_str(jx_obj(lost, "attributes"), "events"), "2");
	assert_int_equal(next_n(r), 2);
	assert_int_equal(next_n(r), -1);
	evr_free(r);
	events_close(e);
}

static void test_follows_from_before_the_project_to_its_next_life(void **state)
{
	struct evr *r = evr_new(scratch_path, "p", true);
	struct events *e;

	assert_int_equal(next_n(r), -1);
	assert_false(has_news(r));
	e = begin();
	assert_true(has_news(r));
	assert_int_equal(next_n(r), -1);
	add(e, 1);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), 1);
	/* down: the directory goes another way before it is removed */
	add(e, 2);
	assert_int_equal(renameat(scratch_fd, "p", scratch_fd, ".gone"), 0);
	add(e, 3);
	events_close(e);
	assert_int_equal(path_remove_tree(scratch_fd, ".gone", NULL), 0);
	e = begin();
	add(e, 10);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), 2);
	assert_int_equal(next_n(r), 3);
	assert_int_equal(next_n(r), 10);
	assert_int_equal(next_n(r), -1);
	while (has_news(r))
		assert_int_equal(next_n(r), -1);
	add(e, 11);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), 11);
	evr_free(r);
	events_close(e);
}

static void test_watches_a_directory_that_is_not_there_yet(void **state)
{
	auto_free char *deep = xasprintf("%s/a/b/projects", scratch_path);
	struct evr *r = evr_new(deep, "p", true);

	assert_int_equal(next_n(r), -1);
	assert_int_equal(path_mkdirs(scratch_fd, "a/b", 0700, NULL), 0);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), -1);
	assert_int_equal(path_mkdirs(scratch_fd, "a/b/projects/p", 0700, NULL), 0);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), -1);
	auto_close int fd = openat(scratch_fd, "a/b/projects/p/events", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, "{\"n\":1}\n", 8), 0);
	assert_true(has_news(r));
	assert_int_equal(next_n(r), 1);
	evr_free(r);
}

/* The writer was killed between the two renames: there is no `events` for a while. */
static void test_rotation_cut_short(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", true);
	auto_close int fd = openat(scratch_fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	add(e, 1);
	assert_int_equal(next_n(r), 1);
	add(e, 2);
	events_close(e);
	assert_int_equal(renameat(fd, "events", fd, "events.old"), 0);
	assert_int_equal(next_n(r), 2);
	assert_int_equal(next_n(r), -1);
	assert_int_equal(events_open(fd, &e, NULL), 0);
	assert_true(has_news(r));
	add(e, 3);
	assert_int_equal(next_n(r), 3);
	assert_int_equal(next_n(r), -1);
	evr_free(r);
	events_close(e);
}

static void test_skip_gives_only_what_comes(void **state)
{
	struct events *e = begin();
	struct evr *r = evr_new(scratch_path, "p", true);

	add(e, 1);
	evr_skip(r);
	add(e, 2);
	assert_int_equal(next_n(r), 2);
	evr_free(r);
	events_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		scratch_test(test_replay_in_order),
		scratch_test(test_nothing_there),
		scratch_test(test_bounded_and_whole_across_rotation),
		scratch_test(test_torn_tail),
		scratch_test(test_nonsense_is_passed_over),
		scratch_test(test_full_disk_loses_whole_lines_and_says_so),
		scratch_test(test_follows_from_before_the_project_to_its_next_life),
		scratch_test(test_watches_a_directory_that_is_not_there_yet),
		scratch_test(test_rotation_cut_short),
		scratch_test(test_skip_gives_only_what_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
