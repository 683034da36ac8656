#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../../src/oci/oom.h"
#include "../util/scratch.h"

#define SUMMARY(memcg, task, pid)                                                                                                    \
	"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/davit/demo,task_memcg=" memcg ",task=" task \
	",pid=" pid ",uid=0"
#define KILLED(pid, name)                                                                                                            \
	"Memory cgroup out of memory: Killed process " pid " (" name ") total-vm:18280kB, anon-rss:16128kB, file-rss:4kB, shmem-rss:1260kB, " \
	"UID:0 pgtables:72kB oom_score_adj:0"

static struct oom_log log_of(const char *const *lines)
{
	struct oom_log l = {.fd = -1};

	for (; *lines; lines++)
		oom_log_line(&l, *lines);
	return l;
}

#define LOG(...) log_of((const char *const[]){__VA_ARGS__, NULL})

static void test_both_lines(void **state)
{
	struct oom_log l = LOG("tail invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
		SUMMARY("/davit/demo/web-1", "tail", "123"), KILLED("123", "tail"), "eth0: link is up");
	const struct oom_victim *v = oom_log_find(&l, "davit/demo/web-1", 0);

	assert_non_null(v);
	assert_int_equal(v->pid, 123);
	assert_string_equal(v->name, "tail");
	assert_true(v->figures);
	assert_int_equal(v->total_kb, 18280);
	assert_int_equal(v->anon_kb, 16128);
	assert_int_equal(v->file_kb, 4);
	assert_int_equal(v->shmem_kb, 1260);
	assert_null(oom_log_find(&l, "davit/demo/web-1", 1));
}

static void test_whose_it_was(void **state)
{
	static const struct {
		const char *memcg, *cgroup;
		bool within;
	} rows[] = {
		{"/davit/demo/web-1", "davit/demo/web-1", true},
		{"/davit/demo/web-1/inner", "davit/demo/web-1", true},
		{"/machine.slice/davit/demo/web-1", "davit/demo/web-1", true},
		{"/davit/demo/web-10", "davit/demo/web-1", false},
		{"/davit/demo/web-10/davit/demo/web-1", "davit/demo/web-1", true},
		{"/xdavit/demo/web-1", "davit/demo/web-1", false},
		{"/davit/demo", "davit/demo/web-1", false},
		{"/", "davit/demo/web-1", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct oom_log l = {.fd = -1};
		char line[512];

		snprintf(line, sizeof line, SUMMARY("%s", "x", "1"), rows[i].memcg);
		oom_log_line(&l, line);
		assert_int_equal(oom_log_find(&l, rows[i].cgroup, 0) != NULL, rows[i].within);
	}
}

/* Processes choose their names. */
static void test_names_that_look_like_more(void **state)
{
	struct oom_log l = LOG(SUMMARY("/davit/demo/web-1", "a,pid=7,uid=0", "123"), KILLED("123", "a) total-vm:1"));
	const struct oom_victim *v = oom_log_find(&l, "davit/demo/web-1", 0);

	assert_string_equal(v->name, "a,pid=7,uid=0");
	assert_int_equal(v->pid, 123);
	assert_int_equal(v->total_kb, 18280);
}

static void test_only_the_first_line_yet(void **state)
{
	struct oom_log l = LOG(SUMMARY("/davit/demo/web-1", "tail", "123"));
	const struct oom_victim *v = oom_log_find(&l, "davit/demo/web-1", 0);

	assert_false(v->figures);
	assert_string_equal(v->name, "tail");
	oom_log_line(&l, KILLED("124", "other"));
	assert_false(v->figures);
	oom_log_line(&l, KILLED("123", "tail"));
	assert_true(v->figures);
}

static void test_only_the_second_line(void **state)
{
	struct oom_log l = LOG(KILLED("123", "tail"));

	assert_int_equal(l.n, 1);
	assert_null(oom_log_find(&l, "davit/demo/web-1", 0));
}

static void test_the_same_pid_later(void **state)
{
	struct oom_log l = LOG(SUMMARY("/davit/demo/web-1", "old", "5"), KILLED("5", "old"), SUMMARY("/davit/demo/db-1", "new", "5"),
		KILLED("5", "new"));

	assert_string_equal(oom_log_find(&l, "davit/demo/db-1", 0)->name, "new");
	assert_true(oom_log_find(&l, "davit/demo/db-1", 0)->figures);
	assert_string_equal(oom_log_find(&l, "davit/demo/web-1", 0)->name, "old");
}

static void test_newest_first_and_told_ones_no_more(void **state)
{
	struct oom_log l = {.fd = -1};
	char line[512];

	for (int i = 1; i <= 100; i++) {
		snprintf(line, sizeof line, SUMMARY("/davit/demo/web-1", "x", "%d"), i);
		oom_log_line(&l, line);
	}
	assert_int_equal(oom_log_find(&l, "davit/demo/web-1", 0)->pid, 100);
	assert_int_equal(oom_log_find(&l, "davit/demo/web-1", OOM_VICTIMS - 1)->pid, 100 - OOM_VICTIMS + 1);
	assert_null(oom_log_find(&l, "davit/demo/web-1", OOM_VICTIMS));
	oom_log_find(&l, "davit/demo/web-1", 0)->told = true;
	assert_int_equal(oom_log_find(&l, "davit/demo/web-1", 0)->pid, 99);
}

/* Cut off and changed anywhere, a line does no harm. */
static void test_broken_lines(void **state)
{
	const char *const whole[] = {SUMMARY("/davit/demo/web-1", "tail", "123"), KILLED("123", "tail")};
	struct oom_log l = {.fd = -1};

	srand(7);
	for (int round = 0; round < 20000; round++) {
		char line[512];
		size_t n;

		snprintf(line, sizeof line, "%s", whole[round % 2]);
		n = strlen(line);
		for (int k = rand() % 4; k > 0; k--)
			line[(size_t)rand() % n] = (char)(1 + rand() % 255);
		line[(size_t)rand() % (n + 1)] = 0;
		oom_log_line(&l, line);
	}
	for (size_t i = 0; i < OOM_VICTIMS; i++) {
		assert_true(memchr(l.v[i].name, 0, sizeof l.v[i].name));
		assert_true(memchr(l.v[i].cgroup, 0, sizeof l.v[i].cgroup));
	}
}

static void test_counters(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2},
		{"oom_kill_disable 0\nunder_oom 0\noom_kill 7\n", 7},
		{"oom_kill 5", 5},
		{"oom_kill_disable 0\nunder_oom 0\n", -1},
		{"oom_kill x\n", -1},
		{"oom_kill 99999999999999999999999999\n", -1},
		{"", -1},
	};

	assert_int_equal(path_mkdirs(scratch_fd, "davit/demo/web-1", 0755, NULL), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "memory/davit/demo/web-1", 0755, NULL), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scratch_file("davit/demo/web-1/memory.events", rows[i].text);
		scratch_file("memory/davit/demo/web-1/memory.oom_control", rows[i].text);
		assert_int_equal(oom_count_at(scratch_fd, CGROUP_V2, "davit/demo/web-1"), rows[i].want);
		assert_int_equal(oom_count_at(scratch_fd, CGROUP_HYBRID, "davit/demo/web-1"), rows[i].want);
		assert_int_equal(oom_count_at(scratch_fd, CGROUP_V1, "davit/demo/web-1"), rows[i].want);
	}
	assert_int_equal(oom_count_at(scratch_fd, CGROUP_V2, "davit/demo/none"), -1);
	assert_int_equal(oom_count_at(scratch_fd, CGROUP_NONE, "davit/demo/web-1"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_lines),
		cmocka_unit_test(test_whose_it_was),
		cmocka_unit_test(test_names_that_look_like_more),
		cmocka_unit_test(test_only_the_first_line_yet),
		cmocka_unit_test(test_only_the_second_line),
		cmocka_unit_test(test_the_same_pid_later),
		cmocka_unit_test(test_newest_first_and_told_ones_no_more),
		cmocka_unit_test(test_broken_lines),
		scratch_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
