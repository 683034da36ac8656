/* depends_on when the supervisor starts something of its own accord: who is waited for, and what is said. */
#include "fakes.h"

static struct dependency dep = { .service = (char *)"db", .required = true };
static struct service services[] = {
	{ .name = (char *)"db", .replicas = 1 },
	{ .name = (char *)"web", .replicas = 1, .depends_on = &dep, .n_depends_on = 1 },
};
static struct project model = { .services = services, .n_services = 2 };

static struct unit *db, *web;

/* web's pause is over; db is as the caller makes it. */
static void set_up(enum dep_condition condition, bool required, enum ustate st)
{
	super.model = &model;
	services[0].replicas = 1;
	dep.condition = condition;
	dep.required = required;
	db = new_unit("db", st);
	web = new_unit("web", U_BACKOFF);
	web->want = W_RUNNING;
}

static void pause_is_over(void)
{
	unit_step(web, E_TIMER);
	drain();
}

static void waits_for(const char *what)
{
	assert_int_equal(web->state, U_WAITING);
	assert_string_equal(web->rec.waits, what);
}

static void goes(void)
{
	assert_int_equal(web->state, U_PREPARING);
	assert_null(web->rec.waits);
}

static void started_waits_while_it_is_on_its_way(void **state)
{
	static const enum ustate on_its_way[] = { U_PREPARING, U_PREPARED, U_CREATING, U_CREATED, U_STARTING, U_BACKOFF, U_DELETING };

	for (size_t i = 0; i < ARRAY_LEN(on_its_way); i++) {
		begin_world(NULL);
		set_up(DEP_STARTED, i % 2, on_its_way[i]);
		db->want = W_RUNNING;
		pause_is_over();
		waits_for("db to start");
		db->state = U_RUNNING;
		unit_save(db);
		drain();
		goes();
		if (i + 1 < ARRAY_LEN(on_its_way))
			end_world(NULL);
	}
}

static void started_does_not_wait_for_what_stays_down(void **state)
{
	static const enum ustate stays[] = { U_STOPPED, U_FAILED, U_ABSENT, U_STOPPING };

	for (size_t i = 0; i < ARRAY_LEN(stays); i++) {
		begin_world(NULL);
		set_up(DEP_STARTED, true, stays[i]);
		pause_is_over();
		goes();
		if (i + 1 < ARRAY_LEN(stays))
			end_world(NULL);
	}
}

static void its_hooks_belong_to_its_start(void **state)
{
	set_up(DEP_STARTED, true, U_RUNNING);
	db->rec.hooking = true;
	pause_is_over();
	waits_for("db to start");
	db->rec.hooking = false;
	unit_save(db);
	drain();
	goes();
}

static void set_health(const char *word)
{
	free(db->rec.health);
	db->rec.health = xstrdup(word);
	unit_save(db);
	drain();
}

static void healthy_waits_until_it_is(void **state)
{
	set_up(DEP_HEALTHY, true, U_STOPPED);
	db->launch.health = true;
	pause_is_over();
	waits_for("db to be healthy");           /* also while nobody starts it */
	db->state = U_RUNNING;
	set_health("starting");
	waits_for("db to be healthy");
	set_health("unhealthy");
	waits_for("db to be healthy");
	set_health("healthy");
	goes();
}

static void healthy_without_a_check_is_running(void **state)
{
	set_up(DEP_HEALTHY, true, U_RUNNING);
	pause_is_over();
	goes();
}

static void what_is_not_required_is_waited_for_while_it_may_come(void **state)
{
	set_up(DEP_HEALTHY, false, U_RUNNING);
	db->launch.health = true;
	db->rec.health = xstrdup("starting");
	pause_is_over();
	waits_for("db to be healthy");
	set_health("unhealthy");
	goes();
}

static void what_its_user_stopped_is_not_waited_for(void **state)
{
	set_up(DEP_HEALTHY, true, U_RUNNING);
	db->launch.health = true;
	db->rec.health = xstrdup("unhealthy");
	pause_is_over();
	waits_for("db to be healthy");
	db->rec.manual_stop = true;
	unit_want(db, W_STOPPED);
	drain();
	assert_int_equal(db->state, U_STOPPING);
	goes();
}

static void finished_waits_for_0(void **state)
{
	set_up(DEP_COMPLETED, true, U_RUNNING);
	pause_is_over();
	waits_for("db to finish");
	db->state = U_STOPPED;
	db->rec.started_ns = 1;
	db->rec.exit_code = 3;
	unit_save(db);
	drain();
	waits_for("db to finish");               /* it failed: nobody runs it again of his own accord */
	assert_int_equal(db->state, U_STOPPED);
	db->rec.exit_code = 0;
	unit_save(db);
	drain();
	goes();
}

static void an_interrupted_job_is_run_again(void **state)
{
	set_up(DEP_COMPLETED, true, U_STOPPED);
	db->rec.started_ns = 1;
	db->rec.exit_code = -1;
	pause_is_over();
	waits_for("db to finish");
	assert_int_equal(db->state, U_PREPARING);
	assert_true(db->rec.restarting);
}

static void a_job_that_was_stopped_is_not_run_again(void **state)
{
	set_up(DEP_COMPLETED, true, U_STOPPED);
	db->rec.exit_code = -1;
	db->rec.manual_stop = true;
	pause_is_over();
	goes();
	assert_int_equal(db->state, U_STOPPED);
}

/* What is true is being found out: nobody goes before that. */
static void not_while_a_crash_is_recovered_from(void **state)
{
	set_up(DEP_STARTED, true, U_RUNNING);
	super.adopting = true;
	pause_is_over();
	assert_int_equal(web->state, U_WAITING);
	super.adopting = false;
	drain();
	goes();
}

static void all_replicas_count(void **state)
{
	struct unit *second;

	set_up(DEP_HEALTHY, true, U_RUNNING);
	services[0].replicas = 2;
	second = unit_make(&super, "db-2", "db", 2);
	second->rec.id = xstrdup("5678");
	second->state = U_RUNNING;
	second->launch.health = true;
	pause_is_over();
	waits_for("db-2 to be healthy");
	second->rec.health = xstrdup("healthy");
	unit_save(second);
	drain();
	goes();
}

/* Who waits is not looked at again for anybody else's news, but is when a request is over. */
static void only_what_holds_it_up_wakes_it(void **state)
{
	struct unit *other;

	set_up(DEP_STARTED, true, U_BACKOFF);
	db->want = W_RUNNING;
	other = new_unit("other", U_RUNNING);
	pause_is_over();
	db->state = U_RUNNING;                   /* unheard of */
	unit_save(other);
	drain();
	waits_for("db to start");
	gate_look_all(&super);
	drain();
	goes();
}

static void a_service_that_is_gone_from_the_file_holds_up_nobody(void **state)
{
	set_up(DEP_HEALTHY, true, U_STOPPED);
	model.n_services = 0;
	pause_is_over();
	model.n_services = 2;
	goes();
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(started_waits_while_it_is_on_its_way, end_world),
		cmocka_unit_test_teardown(started_does_not_wait_for_what_stays_down, end_world),
		test(its_hooks_belong_to_its_start), test(healthy_waits_until_it_is), test(healthy_without_a_check_is_running),
		test(what_is_not_required_is_waited_for_while_it_may_come), test(what_its_user_stopped_is_not_waited_for),
		test(finished_waits_for_0), test(an_interrupted_job_is_run_again), test(a_job_that_was_stopped_is_not_run_again),
		test(not_while_a_crash_is_recovered_from), test(all_replicas_count), test(only_what_holds_it_up_wakes_it),
		test(a_service_that_is_gone_from_the_file_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
