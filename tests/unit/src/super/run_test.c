/* What a container of `run` is made from, and when it is removed. */
#include "fakes.h"

#include "../../../../src/super/run.h"
#include "../../../../src/util/arena.h"

#define TXT(s) ((char *)(s))                /* the model is written by its maker alone */

static char *words[] = { TXT("own"), TXT("word"), NULL };
static char *caps[] = { TXT("NET_ADMIN"), NULL };
static struct kv own_env[] = { { TXT("A"), TXT("own") }, { TXT("B"), TXT("own") } };
static struct mount mounts[] = { { .type = MOUNT_VOLUME, .source = TXT("v"), .target = TXT("/v") },
				 { .type = MOUNT_BIND, .source = TXT("/src"), .target = TXT("/dst") } };
static struct port ports[] = { { .target = 80, .published_min = 8080, .published_max = 8080 } };

static struct service web(void)
{
	return (struct service){
		.name = TXT("web"), .image = TXT("web"), .user = TXT("app"), .working_dir = TXT("/srv"), .container_name = TXT("fixed"),
		.entrypoint = { words, 1, true }, .command = { words + 1, 1, true }, .environment = { own_env, 2 }, .cap_add = { caps, 1, true },
		.mounts = mounts, .n_mounts = 2, .ports = ports, .n_ports = 1, .log_driver = TXT("none"), .on_unhealthy = UNHEALTHY_RESTART,
		.restart = { .kind = RESTART_ALWAYS }, .n_pre_start = 1, .n_post_start = 1, .n_pre_stop = 1,
	};
}

static struct unit *unit_of(const char *run)
{
	struct unit *u = unit_make(&super, "web-run-0", "web", 1);

	u->rec.run = json_loads(run, 0, NULL);
	assert_non_null(u->rec.run);
	return u;
}

static void what_is_not_said_is_the_services(void **state)
{
	struct arena *a = arena_new();
	const struct service svc = web(), *out = run_service(unit_of("{\"stdin\":\"none\"}"), &svc, a);

	assert_string_equal(out->entrypoint.v[0], "own");
	assert_string_equal(out->command.v[0], "word");
	assert_string_equal(out->user, "app");
	assert_int_equal(out->environment.n, 2);
	assert_int_equal(out->n_mounts, 2);
	assert_int_equal(out->n_ports, 1);
	assert_null(out->container_name);
	assert_int_equal(out->restart.kind, RESTART_NO);
	assert_int_equal(out->on_unhealthy, UNHEALTHY_NONE);
	assert_int_equal(out->n_pre_start + out->n_post_start + out->n_pre_stop, 0);
	assert_null(out->log_driver);            /* its client reads the log */
	assert_false(out->tty || out->stdin_open);
	arena_free(a);
}

static void what_is_said_counts(void **state)
{
	struct arena *a = arena_new();
	const struct service svc = web();
	struct unit *u = unit_of("{\"stdin\":\"once\",\"tty\":true,\"entrypoint\":[\"sh\",\"-c\"],\"environment\":{\"B\":\"new\",\"C\":null},"
				 "\"user\":\"5\",\"working_dir\":\"/tmp\",\"cap_add\":[\"SYS_ADMIN\"],\"ports\":[{\"target\":53,\"min\":1,\"max\":2,\"udp\":true}],"
				 "\"volumes\":[{\"type\":\"bind\",\"source\":\"/x\",\"target\":\"/v\",\"ro\":true}]}");
	const struct service *out = run_service(u, &svc, a);

	assert_int_equal(out->entrypoint.n, 2);
	assert_true(out->command.set && out->command.n == 0);    /* the file's belongs to the file's entrypoint */
	assert_int_equal(out->environment.n, 3);
	assert_string_equal(out->environment.v[0].value, "own");
	assert_string_equal(out->environment.v[1].value, "new");
	assert_null(out->environment.v[2].value);
	assert_string_equal(out->user, "5");
	assert_string_equal(out->working_dir, "/tmp");
	assert_int_equal(out->cap_add.n, 2);
	assert_int_equal(out->n_ports, 1);
	assert_int_equal(out->ports[0].target, 53);
	assert_string_equal(out->ports[0].protocol, "udp");
	assert_int_equal(out->n_mounts, 2);
	assert_string_equal(out->mounts[0].target, "/dst");
	assert_true(out->mounts[1].type == MOUNT_BIND && out->mounts[1].read_only);
	assert_true(out->tty && out->stdin_open && run_stdin_once(u));
	arena_free(a);
}

static void checks(const char *req, const char *says)
{
	auto_err struct err err = ERR_INIT;
	auto_json json_t *j = json_loads(req, 0, NULL);

	assert_non_null(j);
	assert_int_equal(run_check(&super, j, &err), says ? -1 : 0);
	if (says)
		assert_non_null(strstr(err_msg(&err), says));
}

static void requests_are_looked_at(void **state)
{
	struct unit *u = unit_of("{}");

	free(u->rec.id);
	u->rec.id = xstrdup("1");
	free(u->rec.name);
	u->rec.name = xstrdup("taken");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-run-1\",\"name\":\"n\"}}", NULL);
	checks("{\"run\":{\"slot\":\"web-run-1\",\"name\":\"n\"}}", "does not say");
	checks("{\"services\":[\"web\",\"db\"],\"run\":{\"slot\":\"web-run-1\",\"name\":\"n\"}}", "does not say");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-1\",\"name\":\"n\"}}", "no slot");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-run-\",\"name\":\"n\"}}", "no slot");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-run-../../x\",\"name\":\"n\"}}", "no slot");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-run-1\",\"name\":\"taken\"}}", "already");
	checks("{\"services\":[\"web\"],\"run\":{\"slot\":\"web-run-0\",\"name\":\"taken\"}}", NULL);
	checks("{\"services\":[\"web\"],\"again\":true,\"run\":{\"slot\":\"web-run-1\",\"name\":\"n\"}}", "second time");
	checks("{\"services\":[\"web\"],\"again\":true,\"run\":{\"slot\":\"web-run-0\",\"name\":\"n\"}}", NULL);
}

static void one_that_ended_goes_when_nobody_looks(void **state)
{
	struct unit *u = new_unit("web", U_RUNNING);

	u->rec.run = json_pack("{s:b}", "rm", 1);
	u->launch.restart.kind = RESTART_NO;
	u->want = W_RUNNING;
	u->rec.started_ns = 1;
	attended = true;
	unit_ended(u, 3, 2);
	drain();
	assert_int_equal(u->state, U_DELETING);
	u->act = ACT_NONE;
	super_post(u, E_OK);
	drain();
	assert_int_equal(u->state, U_STOPPED);   /* its client reads the log */
	attended = false;
	run_settle(u);
	drain();
	assert_int_equal(u->state, U_REMOVING);
	assert_true(u->drop_volumes);
}

static void one_that_was_killed_goes_too(void **state)
{
	struct unit *u = new_unit("web", U_RUNNING);

	u->rec.run = json_pack("{s:b}", "rm", 1);
	u->launch.restart.kind = RESTART_NO;
	u->rec.started_ns = 1;
	u->want = W_STOPPED;                     /* as `davit kill` has it */
	attended = false;
	unit_ended(u, 137, 2);
	drain();
	u->act = ACT_NONE;
	super_post(u, E_OK);
	drain();
	assert_int_equal(u->state, U_REMOVING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_said_is_the_services, begin_world, end_world),
		cmocka_unit_test_setup_teardown(what_is_said_counts, begin_world, end_world),
		cmocka_unit_test_setup_teardown(requests_are_looked_at, begin_world, end_world),
		cmocka_unit_test_setup_teardown(one_that_was_killed_goes_too, begin_world, end_world),
		cmocka_unit_test_setup_teardown(one_that_ended_goes_when_nobody_looks, begin_world, end_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
