/* Rolling updates: which containers are replaced so, in which order, and how one that was interrupted goes on. */
#include "modeled.h"

#include <string.h>

static const char two[] = "services:\n  web:\n    image: x\n    deploy: {replicas: 2, update_config: {%s}}\n%s";

static void web(struct fixture *f, const char *update, const char *more)
{
	auto_free char *text = xasprintf(two, update, more);

	model(f, text);
}

static size_t service_called(const struct fixture *f, const char *name)
{
	size_t i = 0;

	while (!STREQ(f->model->services[i].name, name))
		i++;
	return i;
}

/* A container of another definition. */
static struct unit_rec *old(struct fixture *f, unsigned index, const char *side, const char *unit_state)
{
	struct unit_rec *r = exists_at(f, "web", index, side, unit_state);

	free(r->config_hash);
	r->config_hash = xstrdup("other");
	return r;
}

static const struct plan_request up = { .verb = PLAN_UP, .has_health = some_have_health };

static void plan_has_lines(struct fixture *f, const struct plan_request *req, const char *lines)
{
	struct plan p = { 0 };
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(plan_make(f->model, &f->world, req, &p, NULL), 0);
	plan_print(&p, &b);
	if (!strstr(b.p, lines)) {
		fputs(b.p, stderr);              /* more than a failure's text may have */
		fail_msg("there is no:\n%s", lines);
	}
	plan_done(&p);
}

static void stop_first_one_after_the_other(void **state)
{
	web(*state, "delay: 2s", "");
	old(*state, 1, "", "running");
	old(*state, 2, "+b", "running");
	plan_is(*state, &up,
		"setup\n"
		"turn web-1+b (configuration changed; rolling, stop-first) after setup\n"
		"prepare web-1+b (configuration changed) after turn web-1+b\n"
		"create web-1+b after setup, prepare web-1+b\n"
		"start web-1+b after create web-1+b, stop web-1\n"
		"drain web-1 10000ms after create web-1+b\n"
		"stop web-1 after drain web-1\n"
		"monitor web-1+b 1000ms after start web-1+b\n"
		"switch web-1+b after monitor web-1+b\n"
		"settle web-1 after stop web-1, switch web-1+b\n"
		"remove web-1 after stop web-1, switch web-1+b\n"
		"turn web-2 (configuration changed; rolling, stop-first) 2000ms after setup, settle web-1\n"
		"prepare web-2 (configuration changed) after turn web-2\n"
		"create web-2 after setup, prepare web-2\n"
		"start web-2 after create web-2, stop web-2+b\n"
		"drain web-2+b 10000ms after create web-2\n"
		"stop web-2+b after drain web-2+b\n"
		"monitor web-2 1000ms after start web-2\n"
		"switch web-2 after monitor web-2\n"
		"settle web-2+b after stop web-2+b, switch web-2\n"
		"remove web-2+b after stop web-2+b, switch web-2\n");
}

/* Those that nobody serves beside, and those that are healthy, take their place first. */
static void stop_first_serves_before_it_is_watched(void **state)
{
	struct fixture *f = *state;
	const char *end =
		"switch web-1+b after start web-1+b\n"
		"monitor web-1+b 1000ms after switch web-1+b\n"
		"settle web-1 after stop web-1, monitor web-1+b\n";

	web(f, "parallelism: 0", "");
	old(f, 1, "", "running");
	old(f, 2, "", "running");
	plan_has_lines(f, &up, end);
	web(f, "monitor: 1s", "    healthcheck: {test: [CMD, ok]}\n");
	plan_has_lines(f, &up,
		"healthy web-1+b after start web-1+b\n"
		"switch web-1+b after healthy web-1+b\n"
		"monitor web-1+b 1000ms after switch web-1+b\n");
}

static void start_first_with_a_check(void **state)
{
	web(*state, "order: start-first, parallelism: 0", "    healthcheck: {test: [CMD, ok]}\n");
	old(*state, 1, "", "running");
	old(*state, 2, "", "running");
	plan_is(*state, &up,
		"setup\n"
		"turn web-1+b (configuration changed; rolling, start-first) after setup\n"
		"prepare web-1+b (configuration changed) after turn web-1+b\n"
		"create web-1+b after setup, prepare web-1+b\n"
		"start web-1+b after create web-1+b\n"
		"healthy web-1+b after start web-1+b\n"
		"monitor web-1+b after healthy web-1+b\n"
		"switch web-1+b after monitor web-1+b\n"
		"drain web-1 10000ms after switch web-1+b\n"
		"stop web-1 after drain web-1\n"
		"settle web-1 after switch web-1+b, stop web-1\n"
		"remove web-1 after switch web-1+b, stop web-1\n"
		"turn web-2+b (configuration changed; rolling, start-first) after setup\n"
		"prepare web-2+b (configuration changed) after turn web-2+b\n"
		"create web-2+b after setup, prepare web-2+b\n"
		"start web-2+b after create web-2+b\n"
		"healthy web-2+b after start web-2+b\n"
		"monitor web-2+b after healthy web-2+b\n"
		"switch web-2+b after monitor web-2+b\n"
		"drain web-2 10000ms after switch web-2+b\n"
		"stop web-2 after drain web-2\n"
		"settle web-2 after switch web-2+b, stop web-2\n"
		"remove web-2 after switch web-2+b, stop web-2\n");
}

static void what_was_interrupted_goes_on(void **state)
{
	web(*state, "order: start-first", "");
	old(*state, 1, "", "running");
	exists_at(*state, "web", 1, "+b", "running")->rotation = xstrdup(ROTATION_HELD);
	old(*state, 2, "", "running");
	plan_is(*state, &up,
		"setup\n"
		"turn web-1+b (configuration changed; rolling, start-first) after setup\n"
		"prepare web-1+b (configuration changed) after turn web-1+b\n"
		"create web-1+b after setup, prepare web-1+b\n"
		"start web-1+b after create web-1+b\n"
		"monitor web-1+b 1000ms after start web-1+b\n"
		"switch web-1+b after monitor web-1+b\n"
		"drain web-1 10000ms after switch web-1+b\n"
		"stop web-1 after drain web-1\n"
		"settle web-1 after switch web-1+b, stop web-1\n"
		"remove web-1 after switch web-1+b, stop web-1\n"
		"turn web-2+b (configuration changed; rolling, start-first) after setup, settle web-1\n"
		"prepare web-2+b (configuration changed) after turn web-2+b\n"
		"create web-2+b after setup, prepare web-2+b\n"
		"start web-2+b after create web-2+b\n"
		"monitor web-2+b 1000ms after start web-2+b\n"
		"switch web-2+b after monitor web-2+b\n"
		"drain web-2 10000ms after switch web-2+b\n"
		"stop web-2 after drain web-2\n"
		"settle web-2 after switch web-2+b, stop web-2\n"
		"remove web-2 after switch web-2+b, stop web-2\n");
}

static void what_is_over_is_left_alone(void **state)
{
	web(*state, "order: start-first", "");
	old(*state, 1, "", "running")->rotation = xstrdup(ROTATION_LEAVING);
	exists_at(*state, "web", 1, "+b", "running");
	exists_at(*state, "web", 2, "", "running");
	plan_is(*state, &up,
		"setup after remove web-1\n"
		"stop web-1 (left over) after drain web-1\n"
		"remove web-1 (left over) after stop web-1\n"
		"drain web-1 10000ms\n"
		"keep web-1+b\n"
		"keep web-2\n");
}

static void what_is_not_wanted_any_more_goes(void **state)
{
	web(*state, "order: start-first", "");
	exists_at(*state, "web", 1, "", "running")->rotation = xstrdup(ROTATION_LEAVING);
	old(*state, 1, "+b", "running")->rotation = xstrdup(ROTATION_HELD);
	exists_at(*state, "web", 2, "", "running");
	plan_is(*state, &up,
		"setup after remove web-1+b\n"
		"settle web-1\n"
		"stop web-1+b (left over)\n"
		"remove web-1+b (left over) after stop web-1+b\n"
		"keep web-1\n"
		"keep web-2\n");
}

static void not_without_room_for_two(void **state)
{
	web(*state, "order: start-first", "    networks: {default: {ipv4_address: 10.1.1.4}}\n");
	((struct fixture *)*state)->model->services[0].replicas = 1;
	old(*state, 1, "", "running");
	plan_is(*state, &up,
		"setup after park web-1\n"
		"stop web-1 (configuration changed) after check\n"
		"park web-1 (configuration changed) after stop web-1\n"
		"prepare web-1 (configuration changed) after park web-1\n"
		"create web-1 after setup, prepare web-1\n"
		"start web-1 after create web-1\n"
		"check\ncommit after start web-1\nforget after commit\n");
}

/* Runs on until all is through; only who has a host port that is wanted elsewhere is stopped before, and removed after. */
static void what_leaves_waits_for_what_rolls(void **state)
{
	struct plan_request orphans = up;
	struct unit_rec *api;

	orphans.remove_orphans = true;
	web(*state, "order: start-first", "  new:\n    image: x\n    ports: ['8080-8082:80']\n");
	((struct fixture *)*state)->model->services[service_called(*state, "web")].replicas = 1;
	old(*state, 1, "", "running");
	exists(*state, "web", 2, "running")->rotation = xstrdup(ROTATION_LEAVING);
	exists(*state, "gone", 1, "running");
	api = exists(*state, "api", 1, "running");
	api->ports = xcalloc(1, sizeof *api->ports);
	api->n_ports = 1;
	*api->ports = (struct unit_port){ .host = 8081, .target = 80, .protocol = xstrdup("tcp") };
	plan_is(*state, &orphans,
		"setup after stop api-1\n"
		"prepare new-1 (new) after check\n"
		"create new-1 after setup, prepare new-1\n"
		"start new-1 after create new-1\n"
		"stop web-2 (scaled down) after drain web-2, check\n"
		"remove web-2 (scaled down) after stop web-2\n"
		"drain web-2 10000ms after rolled\n"
		"stop gone-1 (orphan) after check, rolled\n"
		"remove gone-1 (orphan) after stop gone-1\n"
		"stop api-1 (orphan) after check\n"
		"remove api-1 (orphan) after stop api-1, rolled\n"
		"check\n"
		"commit after start new-1\n"
		"forget after commit\n"
		"turn web-1+b (configuration changed; rolling, start-first) after setup, commit\n"
		"prepare web-1+b (configuration changed) after turn web-1+b\n"
		"create web-1+b after setup, prepare web-1+b\n"
		"start web-1+b after create web-1+b\n"
		"monitor web-1+b 1000ms after start web-1+b\n"
		"switch web-1+b after monitor web-1+b\n"
		"drain web-1 10000ms after switch web-1+b\n"
		"stop web-1 after drain web-1\n"
		"settle web-1 after switch web-1+b, stop web-1\n"
		"remove web-1 after switch web-1+b, stop web-1\n"
		"rolled after setup, commit, settle web-1\n");
}

/* Who depends on what is rolled, with restart: true, is started again when it is through; so are those that depend on that one, so. */
static void dependents_follow(void **state)
{
	struct plan_request resumed = up;
	struct fixture *f = *state;

	web(f, "order: start-first", "  api: {image: x, depends_on: {web: {condition: service_healthy, restart: true}}}\n"
				     "  top: {image: x, depends_on: {api: {condition: service_started, restart: true}}}\n"
				     "  calm: {image: x, depends_on: [web]}\n"
				     "  idle: {image: x, depends_on: {web: {condition: service_started, restart: true}}}\n");
	old(f, 1, "", "running");
	old(f, 2, "", "running");
	exists(f, "api", 1, "running");
	exists(f, "top", 1, "running");
	exists(f, "calm", 1, "running");
	exists(f, "idle", 1, "stopped");
	plan_has_lines(f, &up,
		"rolled after setup, commit, settle web-1, settle web-2\n"
		"stop api-1 (its dependency is replaced) after rolled, stop top-1\n"
		"prepare api-1 after stop api-1\n"
		"create api-1 after setup, prepare api-1\n"
		"start api-1 after create api-1\n"
		"stop top-1 (its dependency is replaced) after rolled\n"
		"prepare top-1 after stop top-1\n"
		"create top-1 after setup, prepare top-1\n"
		"start top-1 after start api-1, create top-1\n"
		"keep calm-1\n");
	/* killed when the last of web was replaced */
	resumed.rolling = true;
	map_done(&f->world.units, rec_free);
	f->world.units = (struct map)MAP_INIT;
	exists_at(f, "web", 1, "+b", "running")->created_ns = 20;
	exists_at(f, "web", 2, "+b", "running")->created_ns = 10;
	exists(f, "api", 1, "running")->started_ns = 15;
	exists(f, "top", 1, "running")->started_ns = 21;
	exists(f, "calm", 1, "running");
	exists(f, "idle", 1, "running")->started_ns = 30;
	plan_is(f, &resumed,
		"setup\n"
		"rolled after setup\n"
		"stop api-1 (its dependency is replaced) after rolled, stop top-1\n"
		"prepare api-1 after stop api-1\n"
		"create api-1 after setup, prepare api-1\n"
		"start api-1 after create api-1, healthy web-1+b, healthy web-2+b\n"
		"stop top-1 (its dependency is replaced) after rolled\n"
		"prepare top-1 after stop top-1\n"
		"create top-1 after setup, prepare top-1\n"
		"start top-1 after start api-1, create top-1\n"
		"healthy web-1+b\n"
		"healthy web-2+b\n"
		"keep web-1+b\n"
		"keep web-2+b\n"
		"keep calm-1\n"
		"keep idle-1\n");
}

/* A supervisor was killed when it had given the update up, before the old one ran again: it is not replaced in its place. */
static void what_was_stopped_to_roll_still_rolls(void **state)
{
	struct plan_request resumed = up;
	struct unit_rec *r;

	resumed.rolling = true;
	web(*state, "", "");
	r = old(*state, 1, "", "stopped");
	r->back = true;
	old(*state, 2, "", "running");
	plan_has_lines(*state, &resumed, "turn web-1+b (configuration changed; rolling, stop-first) after setup\n");
	r->manual_stop = true;
	plan_has_lines(*state, &resumed, "stop web-1 (configuration changed) after check\n");
}

/* An update that failed is taken back: what was new in its generation is nobody's orphan. */
static void what_it_had_made_goes_with_it(void **state)
{
	struct plan_request back = up;

	back.back = true;
	back.generation = 5;
	model(*state, "services: {web: {image: x}}\n");
	exists(*state, "web", 1, "running");
	exists(*state, "gone", 1, "running")->generation = 4;
	exists(*state, "new", 1, "running")->generation = 5;
	plan_is(*state, &back,
		"setup after remove new-1\n"
		"stop new-1 (undone)\n"
		"remove new-1 (undone) after stop new-1\n"
		"unmake after setup, remove new-1\n"
		"keep web-1\n"
		"orphan gone-1\n");
}

/* The other side of what was rolled does not wait for the others. */
static void what_was_rolled_goes_at_once(void **state)
{
	web(*state, "order: start-first", "");
	old(*state, 1, "", "running")->rotation = xstrdup(ROTATION_LEAVING);
	exists_at(*state, "web", 1, "+b", "running");
	old(*state, 2, "", "running");
	plan_is(*state, &up,
		"setup after remove web-1\n"
		"stop web-1 (left over) after drain web-1\n"
		"remove web-1 (left over) after stop web-1\n"
		"drain web-1 10000ms\n"
		"turn web-2+b (configuration changed; rolling, start-first) after setup\n"
		"prepare web-2+b (configuration changed) after turn web-2+b\n"
		"create web-2+b after setup, prepare web-2+b\n"
		"start web-2+b after create web-2+b\n"
		"monitor web-2+b 1000ms after start web-2+b\n"
		"switch web-2+b after monitor web-2+b\n"
		"drain web-2 10000ms after switch web-2+b\n"
		"stop web-2 after drain web-2\n"
		"settle web-2 after switch web-2+b, stop web-2\n"
		"remove web-2 after switch web-2+b, stop web-2\n"
		"keep web-1+b\n");
}

static void the_other_verbs_know_one_container(void **state)
{
	struct plan_request start = { .verb = PLAN_START }, down = { .verb = PLAN_DOWN };

	web(*state, "order: start-first", "");
	exists_at(*state, "web", 1, "", "stopped");
	old(*state, 1, "+b", "stopped")->rotation = xstrdup(ROTATION_HELD);
	plan_is(*state, &start,
		"setup\n"
		"prepare web-1\n"
		"create web-1 after setup, prepare web-1\n"
		"start web-1 after create web-1\n");
	plan_is(*state, &down,
		"stop web-1\n"
		"remove web-1 after stop web-1\n"
		"stop web-1+b\n"
		"remove web-1+b after stop web-1+b\n"
		"teardown after remove web-1, remove web-1+b\n");
}

/* Between the two of a stop-first update neither was meant to stay down. */
static void boot_in_the_middle(void **state)
{
	struct plan_request boot = { .verb = PLAN_BOOT };

	web(*state, "order: stop-first", "");
	old(*state, 1, "", "stopped")->rotation = xstrdup(ROTATION_LEAVING);
	exists_at(*state, "web", 1, "+b", "stopped")->rotation = xstrdup(ROTATION_HELD);
	plan_is(*state, &boot,
		"setup\n"
		"settle web-1\n"
		"prepare web-1\n"
		"create web-1 after setup, prepare web-1\n"
		"start web-1 after create web-1\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(stop_first_one_after_the_other), T(stop_first_serves_before_it_is_watched), T(start_first_with_a_check), T(what_was_interrupted_goes_on), T(what_is_over_is_left_alone),
		T(what_is_not_wanted_any_more_goes), T(not_without_room_for_two), T(the_other_verbs_know_one_container), T(boot_in_the_middle),
		T(what_leaves_waits_for_what_rolls), T(what_was_rolled_goes_at_once), T(what_it_had_made_goes_with_it),
		T(dependents_follow), T(what_was_stopped_to_roll_still_rolls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
