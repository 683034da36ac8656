/* What a supervisor tells after its predecessor was killed: each of these tests ends one at some instruction and starts the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/super/sup.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../util/scratch.h"

static struct super *s;
static struct unit *u;

static void set(char **field, const char *text)
{
	free(*field);
	*field = text ? xstrdup(text) : NULL;
}

static void super_new(void)
{
	s = xcalloc(1, sizeof *s);
	s->dirs.state = xstrdup(scratch_path);
	s->p.name = xstrdup("demo");
	path_mkdirs(scratch_fd, "projects/demo", 0700, NULL);
	s->p.state_fd = openat(scratch_fd, "projects/demo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A container as the journal has it. */
static void unit_new(enum ustate state, const char *id, int64_t created_ns, pid_t pid)
{
	u = unit_make(s, "web-1", "web", 1);
	u->state = state;
	set(&u->rec.id, id);
	set(&u->rec.name, "demo-web-1");
	u->rec.created_ns = created_ns;
	u->rec.proc = (struct proc_id){ .pid = pid, .start = pid ? 100 : 0 };
}

static void super_gone(void)
{
	map_each(&s->units, it)
		unit_free(it->value);
	map_done(&s->units, NULL);
	events_close(s->events);
	close(s->p.state_fd);
	free(s->p.name);
	free(s->dirs.state);
	free(s);
}

/* The next one, which finds this in the journal. */
static void killed(enum ustate state, const char *id, pid_t pid)
{
	int64_t created = u->rec.created_ns, started = u->rec.started_ns, finished = u->rec.finished_ns;
	int status = u->rec.exit_code;
	auto_free char *cause = u->rec.cause ? xstrdup(u->rec.cause) : NULL;

	super_gone();
	super_new();
	if (id) {
		unit_new(state, id, created, pid);
		u->rec.started_ns = started;
		u->rec.finished_ns = finished;
		u->rec.exit_code = status;
		unit_cause(u, cause);
	}
	events_begin(s);
}

static void first(void)
{
	super_new();
	events_begin(s);
	unit_new(U_PREPARING, "aaa", clock_wall_ns(), 0);
	unit_event(u, EV_CREATE, u->rec.created_ns, NULL, NULL);
}

static void starts(pid_t pid)
{
	u->state = U_RUNNING;
	u->rec.proc = (struct proc_id){ .pid = pid, .start = 100 };
	u->rec.started_ns = clock_wall_ns();
	unit_event_started(u);
}

static void dies(int status)
{
	u->rec.exit_code = status;
	u->rec.finished_ns = clock_wall_ns();
	u->state = U_DELETING;
}

static void told(const char *want)
{
	auto_free char *projects = xasprintf("%s/projects", scratch_path);
	struct evr *r = evr_new(projects, "demo", false);
	auto_buf struct buf b = BUF_INIT;
	json_t *j;

	while (evr_next(r, &j) == 1) {
		buf_printf(&b, "%s%s", b.len ? ", " : "", jx_str(j, "action"));
		json_decref(j);
	}
	evr_free(r);
	assert_string_equal(b.p ? b.p : "", want);
}

static void test_nothing_twice_in_one_life(void **state)
{
	first();
	unit_event(u, EV_CREATE, 1, NULL, NULL);
	starts(10);
	unit_event_started(u);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	unit_event(u, EV_HEALTH, 1, "unhealthy", NULL);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	dies(0);
	unit_event_die(u);
	unit_event_die(u);
	starts(11);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	dies(1);
	unit_event_die(u);
	told("create, start, health_status: healthy, health_status: unhealthy, health_status: healthy, die, start, "
	     "health_status: healthy, die");
	super_gone();
}

static void test_nothing_of_the_predecessors_is_told_again(void **state)
{
	first();
	starts(10);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	killed(U_RUNNING, "aaa", 10);
	events_adopt_start(u);
	unit_event(u, EV_HEALTH, 1, "healthy", NULL);
	dies(0);
	unit_event_die(u);
	killed(U_DELETING, "aaa", 10);
	unit_event_die(u);
	killed(U_STOPPED, "aaa", 0);
	told("create, start, health_status: healthy, die");
	super_gone();
}

static void test_killed_before_the_creation_was_told(void **state)
{
	super_new();
	events_begin(s);
	super_event(s, EV_SUPERVISOR_START, "demo", NULL);
	unit_new(U_PREPARING, "aaa", clock_wall_ns(), 0);
	killed(U_PREPARED, "aaa", 0);
	told("start, create");
	killed(U_PREPARED, "aaa", 0);
	told("start, create");
	super_gone();
}

static void test_killed_in_the_preparation(void **state)
{
	super_new();
	events_begin(s);
	unit_new(U_PREPARING, "aaa", clock_wall_ns(), 0);
	killed(U_PREPARING, "aaa", 0);
	told("");
	assert_true(u->create_due);
	super_gone();
}

static void test_killed_before_the_start_was_told(void **state)
{
	first();
	starts(10);
	dies(0);
	unit_event_die(u);
	killed(U_RUNNING, "aaa", 11);    /* another run, whose start nobody has told of; the record still has the first one's time */
	events_adopt_start(u);
	told("create, start, die, start");
	super_gone();
}

static void test_killed_before_the_end_was_told(void **state)
{
	first();
	starts(10);
	dies(7);
	killed(U_DELETING, "aaa", 10);
	told("create, start, die");
	killed(U_DELETING, "aaa", 10);
	told("create, start, die");
	super_gone();
}

static void test_killed_between_end_and_rest(void **state)
{
	first();
	starts(10);
	unit_cause(u, "stopped by 'davit stop'");
	dies(0);
	unit_event_die(u);
	killed(U_DELETING, "aaa", 10);
	u->rec.proc = (struct proc_id){ 0 };
	unit_event_rests(u);
	unit_event_rests(u);
	killed(U_STOPPED, "aaa", 0);
	unit_event_rests(u);
	told("create, start, die, stop");
	super_gone();
}

static void test_killed_before_the_removal_was_told(void **state)
{
	first();
	starts(10);
	killed(U_ABSENT, NULL, 0);
	told("create, start, destroy");
	u = unit_make(s, "web-1", "web", 1);
	killed(U_ABSENT, NULL, 0);
	told("create, start, destroy");
	super_gone();
}

static void test_another_container_in_the_same_place(void **state)
{
	first();
	starts(10);
	killed(U_PREPARED, "bbb", 0);    /* the removal of aaa and the birth of bbb fell into the gap */
	told("create, start, destroy, create");
	super_gone();
}

static void test_what_never_began_does_not_end(void **state)
{
	first();
	u->rec.proc = (struct proc_id){ .pid = 10, .start = 100 };
	dies(1);
	unit_event_die(u);
	told("create");
	super_gone();
}

/* History as an older davit left it: none; or so long that its beginning is gone. */
static void test_what_is_older_than_the_history_counts_as_told(void **state)
{
	super_new();
	unit_new(U_RUNNING, "aaa", clock_wall_ns() - SEC_NS, 10);
	u->rec.started_ns = clock_wall_ns() - SEC_NS;
	events_begin(s);
	unit_event_started(u);
	told("");
	dies(0);
	unit_event_die(u);
	told("die");
	super_gone();
}

/* No supervisor of ours writes such lines; one that reads them does not fall over them. */
static void test_lines_of_somebody_else(void **state)
{
	static const char *const actions[] = { "health_status", "health_status:", "health_status: ", "", "start:" };

	first();
	starts(10);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		auto_json json_t *line = json_pack("{s:i,s:s,s:s,s:s,s:s}", "t", 1, "type", "container", "action", actions[i],
						   "slot", "web-1", "id", "aaa");
		assert_int_equal(events_append(s->events, line, NULL), 0);
	}
	killed(U_RUNNING, "aaa", 10);
	assert_non_null(s->events);
	super_gone();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_nothing_twice_in_one_life),
		scratch_test(test_nothing_of_the_predecessors_is_told_again),
		scratch_test(test_killed_before_the_creation_was_told),
		scratch_test(test_killed_in_the_preparation),
		scratch_test(test_killed_before_the_start_was_told),
		scratch_test(test_killed_before_the_end_was_told),
		scratch_test(test_killed_between_end_and_rest),
		scratch_test(test_killed_before_the_removal_was_told),
		scratch_test(test_another_container_in_the_same_place),
		scratch_test(test_what_never_began_does_not_end),
		scratch_test(test_what_is_older_than_the_history_counts_as_told),
		scratch_test(test_lines_of_somebody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
