/* What a step of pre_start is made from, and what its end means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../../src/super/pre_start.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"

#define TXT(s) ((char *)(s))                /* the model is written by its maker alone */

static char *words[] = { TXT("own"), TXT("word"), NULL };
static struct kv own_env[] = { { TXT("A"), TXT("own") }, { TXT("B"), TXT("own") } }, step_env[] = { { TXT("B"), TXT("step") }, { TXT("C"), NULL } };
static struct hook steps[] = {
	{ .command = { words, 2, true }, .environment = { step_env, 2 }, .user = TXT("root"), .privileged = true },
	{ .image = TXT("tool") },
};

static struct service web(void)
{
	return (struct service){
		.name = TXT("web"), .image = TXT("web"), .user = TXT("app"), .working_dir = TXT("/srv"), .tty = true, .n_ports = 3, .stop_grace_ns = 5,
		.entrypoint = { words, 1, true }, .command = { words + 1, 1, true }, .environment = { own_env, 2 },
		.restart = { .kind = RESTART_ALWAYS }, .pre_start = steps, .n_pre_start = 2, .n_post_start = 1, .n_pre_stop = 1,
	};
}

static struct unit *step(struct super *s, unsigned index)
{
	struct unit *owner = unit_make(s, "web-1", "web", 1), *u;
	const struct op op = { .init_of = TXT("web-1"), .init_step = index };

	free(owner->rec.id);
	owner->rec.id = xstrdup("abc");
	free(owner->rec.name);
	owner->rec.name = xstrdup("p-web-1");
	u = unit_make(s, index ? "web-1.pre_start.1" : "web-1.pre_start.0", "web", 1);
	pre_start_note(u, &op);
	return u;
}

static void units_done(struct super *s)
{
	map_each(&s->units, it)
		unit_free(it->value);
	map_done(&s->units, NULL);
}

/* What is the worker's in life ends with it. */
static void drop(const struct service *out)
{
	free(out->environment.v);
	free((void *)out);
}

static void step_is_the_service_with_changes(void **state)
{
	struct super s = { .units = MAP_INIT };
	struct service svc = web();
	const struct service *out = pre_start_service(step(&s, 0), &svc);

	assert_string_equal(out->image, "web");
	assert_int_equal(out->entrypoint.n, 1);
	assert_int_equal(out->command.n, 2);
	assert_string_equal(out->user, "root");
	assert_string_equal(out->working_dir, "/srv");
	assert_int_equal(out->environment.n, 3);
	assert_string_equal(out->environment.v[0].value, "own");
	assert_string_equal(out->environment.v[1].value, "step");
	assert_string_equal(out->environment.v[2].key, "C");
	assert_null(out->environment.v[2].value);
	assert_true(out->privileged);
	assert_false(out->tty);
	assert_string_equal(out->network_mode, "container:abc");
	assert_int_equal(out->restart.kind, RESTART_NO);
	assert_int_equal(out->stop_grace_ns, 0);
	assert_int_equal(out->n_ports + out->n_pre_start + out->n_post_start + out->n_pre_stop, 0);
	assert_string_equal(svc.user, "app");
	free(out->network_mode);
	drop(out);
	units_done(&s);
}

/* Its own image says what it runs and as whom. */
static void step_with_its_own_image(void **state)
{
	struct super s = { .units = MAP_INIT };
	struct service svc = web();
	const struct service *out;

	svc.network_mode = TXT("host");
	out = pre_start_service(step(&s, 1), &svc);
	assert_string_equal(out->image, "tool");
	assert_false(out->entrypoint.set);
	assert_false(out->command.set);
	assert_null(out->user);
	assert_string_equal(out->working_dir, "/srv");
	assert_string_equal(out->network_mode, "host");
	svc.n_pre_start = 1;
	assert_null(pre_start_service(step(&s, 1), &svc));
	drop(out);
	units_done(&s);
}

static void verdicts(void **state)
{
	struct super s = { .units = MAP_INIT };
	struct unit *u = step(&s, 1);
	auto_err struct err err = ERR_INIT;

	u->state = U_RUNNING;
	assert_int_equal(pre_start_verdict(u, &err), 0);
	u->state = U_STOPPED;
	u->rec.exit_code = 0;
	assert_int_equal(pre_start_verdict(u, &err), 1);
	u->rec.exit_code = 9;
	assert_int_equal(pre_start_verdict(u, &err), -1);
	assert_string_equal(err_msg(&err), "pre_start[1] of container 'p-web-1' exited with status 9");
	u->rec.exit_code = -1;
	err_done(&err);
	assert_int_equal(pre_start_verdict(u, &err), -1);
	assert_non_null(strstr(err_msg(&err), "nobody knows"));
	units_done(&s);
}

/* A volume that its image has and the service has not goes with it; the service's stay. */
static void volumes_of_its_own_leave_with_it(void **state)
{
	struct super s = { .units = MAP_INIT };
	struct unit *u = step(&s, 1);

	strs_add(&pre_start_owner(u)->rec.anon_volumes, "/data=1");
	strs_add(&u->rec.anon_volumes, "/data=1");
	strs_add(&u->rec.anon_volumes, "/tool=2");
	u->recreate = true;
	pre_start_leave(u);
	assert_int_equal(u->rec.anon_volumes.n, 1);
	assert_string_equal(u->rec.anon_volumes.v[0], "/tool=2");
	assert_true(u->drop_volumes);
	assert_false(u->recreate);
	units_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(step_is_the_service_with_changes),
		cmocka_unit_test(step_with_its_own_image),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(volumes_of_its_own_leave_with_it),
	};
	return cmocka_run_group_tests_name("pre_start", tests, NULL, NULL);
}
