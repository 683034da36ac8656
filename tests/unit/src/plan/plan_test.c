/* Plans: what follows from a model, a world and a request, as text. */
#include "modeled.h"

#include <string.h>

static const char chain[] = "services:\n"
			    "  db: {image: x, healthcheck: {test: [CMD, ok]}}\n"
			    "  job: {image: x, depends_on: {db: {condition: service_healthy}}}\n"
			    "  web: {image: x, depends_on: {db: {condition: service_started},"
			    " job: {condition: service_completed_successfully}}}\n";

static void new_project_starts_in_order(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, chain);
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1 (new)\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare job-1 (new)\ncreate job-1 after setup, prepare job-1\n"
		"start job-1 after create job-1, healthy db-1\n"
		"prepare web-1 (new)\ncreate web-1 after setup, prepare web-1\n"
		"start web-1 after start db-1, create web-1, completed job-1\n"
		"healthy db-1 after start db-1\ncompleted job-1 after start job-1\n");
}

static void second_up_changes_nothing(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };
	struct unit_rec *job;

	model(*state, chain);
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running");
	job = exists(*state, "job", 1, "stopped");
	job->started_ns = 1;
	plan_is(*state, &req, "setup\nkeep db-1\nkeep job-1\nkeep web-1\n");
	free(job->state);
	job->state = xstrdup("exited");          /* and is being cleared away */
	plan_is(*state, &req, "setup\nkeep db-1\nkeep job-1\nkeep web-1\n");
}

/* A container of `run`. */
static struct unit_rec *ran(struct fixture *f, const char *service, const char *unit_state)
{
	struct unit_rec *r = exists(f, service, 7, unit_state);

	r->run = json_object();
	return r;
}

static void run_waits_and_touches_nobody(void **state)
{
	struct plan_request req = { .verb = PLAN_RUN, .services = (const char *const[]){ "web", NULL }, .run_slot = "web-run-1" };

	model(*state, chain);
	exists(*state, "db", 1, "running")->config_hash[0] ^= 1;
	exists(*state, "job", 1, "running");
	plan_is(*state, &req,
		"setup\nprepare web-run-1 (new)\ncreate web-run-1 after setup, prepare web-run-1\n"
		"start web-run-1 after create web-run-1, completed job-1\ncompleted job-1\n");
	req.no_deps = true;
	plan_is(*state, &req,
		"setup\nprepare web-run-1 (new)\ncreate web-run-1 after setup, prepare web-run-1\nstart web-run-1 after create web-run-1\n");
}

static void containers_of_run_are_nobodys(void **state)
{
	struct plan_request up = { .verb = PLAN_UP, .services = (const char *const[]){ "db", NULL } }, stop = { .verb = PLAN_STOP },
			    restart = { .verb = PLAN_RESTART }, rm = { .verb = PLAN_REMOVE, .stop = true }, down = { .verb = PLAN_DOWN };

	model(*state, chain);
	exists(*state, "db", 1, "running");
	ran(*state, "web", "running");
	plan_is(*state, &up, "setup\nkeep db-1\n");
	plan_is(*state, &stop, "stop db-1\nports after stop db-1\n");
	plan_is(*state, &rm, "stop db-1\nremove db-1 after stop db-1\nports after remove db-1\n");
	plan_is(*state, &restart, "setup after stop db-1\nstop db-1\nprepare db-1 after stop db-1\n"
		"create db-1 after setup, prepare db-1\nstart db-1 after create db-1\n");
	stop.shutdown = true;
	plan_is(*state, &stop, "stop db-1\nstop web-7\nports after stop db-1, stop web-7\n");
	plan_is(*state, &down, "stop db-1\nremove db-1 after stop db-1\nstop web-7\nremove web-7 after stop web-7\n"
		"teardown after remove db-1, remove web-7\n");
}

static void ended_ones_are_left_over(void **state)
{
	struct plan_request up = { .verb = PLAN_UP, .services = (const char *const[]){ "db", NULL } };

	model(*state, chain);
	exists(*state, "db", 1, "running");
	ran(*state, "web", "stopped");
	plan_is(*state, &up, "setup\nkeep db-1\norphan web-7\n");
	up.remove_orphans = true;
	plan_is(*state, &up, "setup after remove web-7\nstop web-7 (orphan)\nremove web-7 (orphan) after stop web-7\nkeep db-1\n");
}

static bool optional(struct fixture *f, const struct plan_request *req, enum op_kind kind, const char *slot)
{
	struct plan p = { 0 };
	bool found = false;

	assert_int_equal(plan_make(f->model, &f->world, req, &p, NULL), 0);
	for (size_t i = 0; i < p.n; i++)
		if (p.ops[i].kind == kind && !strcmp(p.ops[i].slot, slot))
			found = op_is_optional(&p.ops[i]);
	plan_done(&p);
	return found;
}

static void what_nobody_requires_is_optional(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, "services:\n"
		      "  db: {image: x, healthcheck: {test: [CMD, ok]}}\n"
		      "  both: {image: x, healthcheck: {test: [CMD, ok]}}\n"
		      "  job: {image: x}\n"
		      "  one: {image: x, depends_on: {db: {condition: service_healthy, required: false},"
		      " both: {condition: service_healthy, required: false},"
		      " job: {condition: service_completed_successfully, required: false}}}\n"
		      "  two: {image: x, depends_on: {both: {condition: service_healthy}}}\n");
	assert_true(optional(*state, &req, OP_HEALTHY, "db-1"));
	assert_true(optional(*state, &req, OP_COMPLETED, "job-1"));
	assert_false(optional(*state, &req, OP_HEALTHY, "both-1"));
	assert_false(optional(*state, &req, OP_START, "db-1"));
	req.wait = true;
	req.has_health = some_have_health;
	assert_false(optional(*state, &req, OP_HEALTHY, "db-1"));
}

/* What comes back by itself is waited for, with a health check or without; what runs without one is not. */
static void wait_includes_those_that_are_held(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .wait = true, .has_health = some_have_health };

	model(*state, "services:\n"
		      "  db: {image: x, healthcheck: {test: [CMD, ok]}}\n"
		      "  held: {image: x}\n"
		      "  loop: {image: x}\n"
		      "  runs: {image: x}\n");
	exists(*state, "db", 1, "running");
	exists(*state, "held", 1, "waiting");
	exists(*state, "loop", 1, "backoff");
	exists(*state, "runs", 1, "running");
	plan_is(*state, &req, "setup\nhealthy db-1\nhealthy held-1\nhealthy loop-1\n"
			      "keep db-1\nkeep held-1\nkeep loop-1\nkeep runs-1\n");
}

/* As docker compose does; a job that is done is done, unless it is named. */
static void start_brings_what_is_needed(void **state)
{
	static const char *const web[] = { "web", NULL }, *const job[] = { "job", NULL };
	struct plan_request req = { .verb = PLAN_START, .services = web };

	model(*state, chain);
	exists(*state, "db", 1, "stopped")->manual_stop = true;
	exists(*state, "web", 1, "stopped");
	exists(*state, "job", 1, "stopped")->started_ns = 1;
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare web-1\ncreate web-1 after setup, prepare web-1\nstart web-1 after start db-1, create web-1\n"
		"keep job-1\n");
	req.services = job;
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare job-1\ncreate job-1 after setup, prepare job-1\nstart job-1 after create job-1, healthy db-1\n"
		"healthy db-1 after start db-1\n");
}

/* A supervisor died while post_start was being executed: who depends on it still waits. */
static void start_that_is_not_over_is_waited_for(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, "services:\n  a: {image: x}\n  b: {image: x, depends_on: [a]}\n");
	exists(*state, "a", 1, "running")->hooking = true;
	plan_is(*state, &req,
		"setup\nprepare a-1\ncreate a-1 after setup, prepare a-1\nstart a-1 after create a-1\n"
		"prepare b-1 (new)\ncreate b-1 after setup, prepare b-1\nstart b-1 after start a-1, create b-1\n");
}

static const char steps[] = "services:\n"
			    "  db: {image: x}\n"
			    "  web:\n"
			    "    {image: x, scale: 2, depends_on: [db],"
			    " pre_start: [{command: a}, {command: b, per_replica: true}]}\n";

/* The shared step runs before the first replica, after its dependencies; the other before each. */
static void steps_run_before_their_service(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, steps);
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1 (new)\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare web-1 (new)\n"
		"create web-1 after setup, prepare web-1, remove web-1.pre_start.1\n"
		"start web-1 after create web-1\n"
		"prepare web-2 (new)\n"
		"create web-2 after setup, prepare web-2, remove web-2.pre_start.1\n"
		"start web-2 after create web-2\n"
		"prepare web-1.pre_start.0 after setup, prepare web-1\n"
		"create web-1.pre_start.0 after prepare web-1.pre_start.0\n"
		"start web-1.pre_start.0 after start db-1, create web-1.pre_start.0\n"
		"completed web-1.pre_start.0 after start web-1.pre_start.0\n"
		"remove web-1.pre_start.0 after completed web-1.pre_start.0\n"
		"prepare web-1.pre_start.1 after setup, prepare web-1\n"
		"create web-1.pre_start.1 after remove web-1.pre_start.0, prepare web-1.pre_start.1\n"
		"start web-1.pre_start.1 after create web-1.pre_start.1\n"
		"completed web-1.pre_start.1 after start web-1.pre_start.1\n"
		"remove web-1.pre_start.1 after completed web-1.pre_start.1\n"
		"prepare web-2.pre_start.1 after setup, prepare web-2\n"
		"create web-2.pre_start.1 after remove web-1.pre_start.0, prepare web-2.pre_start.1\n"
		"start web-2.pre_start.1 after start db-1, create web-2.pre_start.1\n"
		"completed web-2.pre_start.1 after start web-2.pre_start.1\n"
		"remove web-2.pre_start.1 after completed web-2.pre_start.1\n");
}

/* One more replica: what was done for all is done; its own step is not. */
static void shared_step_is_not_repeated(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, steps);
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running")->started_ns = 1;
	plan_is(*state, &req,
		"setup\n"
		"prepare web-2 (new)\n"
		"create web-2 after setup, prepare web-2, remove web-2.pre_start.1\n"
		"start web-2 after create web-2\n"
		"prepare web-2.pre_start.1 after setup, prepare web-2\n"
		"create web-2.pre_start.1 after prepare web-2.pre_start.1\n"
		"start web-2.pre_start.1 after create web-2.pre_start.1\n"
		"completed web-2.pre_start.1 after start web-2.pre_start.1\n"
		"remove web-2.pre_start.1 after completed web-2.pre_start.1\n"
		"keep db-1\nkeep web-1\n");
}

static struct unit_rec *step_exists(struct fixture *f, unsigned step, const char *unit_state)
{
	struct unit_rec *r = exists(f, "web-1.pre_start", step, unit_state);

	map_remove(&f->world.units, r->slot);
	free(r->slot);
	r->slot = xasprintf("web-1.pre_start.%u", step);
	free(r->service);
	r->service = xstrdup("web");
	r->init_of = xstrdup("web-1");
	r->init_step = step;
	map_set(&f->world.units, r->slot, r);
	return r;
}

/* After a crash: what runs is waited for, what is left of the one before it goes, what was done is not done again. */
static void steps_go_on_where_they_were(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };
	struct unit_rec *web;

	model(*state, "services:\n  web: {image: x, pre_start: [{command: a}, {command: b}, {command: c}]}\n");
	web = exists(*state, "web", 1, "prepared");
	web->pre_started = 1;
	step_exists(*state, 0, "stopped");
	step_exists(*state, 1, "running");
	plan_is(*state, &req,
		"setup after remove web-1.pre_start.0\n"
		"prepare web-1\n"
		"create web-1 after setup, prepare web-1, remove web-1.pre_start.2\n"
		"start web-1 after create web-1\n"
		"completed web-1.pre_start.1\n"
		"remove web-1.pre_start.1 after completed web-1.pre_start.1\n"
		"prepare web-1.pre_start.2 after setup, prepare web-1\n"
		"create web-1.pre_start.2 after remove web-1.pre_start.1, prepare web-1.pre_start.2\n"
		"start web-1.pre_start.2 after create web-1.pre_start.2\n"
		"completed web-1.pre_start.2 after start web-1.pre_start.2\n"
		"remove web-1.pre_start.2 after completed web-1.pre_start.2\n"
		"stop web-1.pre_start.0\nremove web-1.pre_start.0 after stop web-1.pre_start.0\n");
}

/* A step that failed is made anew; a container that ran once has had them all. */
static void steps_and_start(void **state)
{
	struct plan_request req = { .verb = PLAN_START };
	struct unit_rec *web;

	model(*state, "services:\n  web: {image: x, pre_start: [{command: a}]}\n");
	web = exists(*state, "web", 1, "created");
	step_exists(*state, 0, "stopped")->exit_code = 1;
	plan_is(*state, &req,
		"setup\n"
		"prepare web-1 after stop web-1\n"
		"create web-1 after setup, prepare web-1, remove web-1.pre_start.0\n"
		"start web-1 after create web-1\n"
		"stop web-1\n"
		"stop web-1.pre_start.0\n"
		"remove web-1.pre_start.0 after stop web-1.pre_start.0\n"
		"prepare web-1.pre_start.0 after setup, prepare web-1, remove web-1.pre_start.0\n"
		"create web-1.pre_start.0 after prepare web-1.pre_start.0\n"
		"start web-1.pre_start.0 after create web-1.pre_start.0\n"
		"completed web-1.pre_start.0 after start web-1.pre_start.0\n"
		"remove web-1.pre_start.0 after completed web-1.pre_start.0\n");
	web->started_ns = 1;
	free(web->state);
	web->state = xstrdup("stopped");
	plan_is(*state, &req,
		"setup after remove web-1.pre_start.0\n"
		"prepare web-1\ncreate web-1 after setup, prepare web-1\nstart web-1 after create web-1\n"
		"stop web-1.pre_start.0\nremove web-1.pre_start.0 after stop web-1.pre_start.0\n");
}

static void failed_job_runs_again(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };
	struct unit_rec *job;

	model(*state, chain);
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running");
	job = exists(*state, "job", 1, "stopped");
	job->started_ns = 1;
	job->exit_code = 3;
	plan_is(*state, &req,
		"setup\nprepare job-1\ncreate job-1 after setup, prepare job-1\n"
		"start job-1 after create job-1, healthy db-1\nhealthy db-1\nkeep db-1\nkeep web-1\n");
}

static void changed_service_is_recreated(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };
	struct unit_rec *r;

	model(*state, "services:\n  a: {image: x}\n  b: {image: x}\n");
	exists(*state, "a", 1, "running");
	r = exists(*state, "b", 1, "running");
	free(r->config_hash);
	r->config_hash = xstrdup("other");
	plan_is(*state, &req,
		"setup after park b-1\nstop b-1 (configuration changed) after check\n"
		"park b-1 (configuration changed) after stop b-1\n"
		"prepare b-1 (configuration changed) after park b-1\n"
		"create b-1 after setup, prepare b-1\nstart b-1 after create b-1\n"
		"check\ncommit after start b-1\nforget after commit\nkeep a-1\n");
}

/* As with restart and down: who depends on it stops before it does. */
static void recreated_services_stop_in_order(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .force_recreate = true };

	model(*state, "services:\n  db: {image: x}\n  web: {image: x, depends_on: [db]}\n");
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running");
	plan_is(*state, &req,
		"setup after park db-1, park web-1\n"
		"stop db-1 (forced) after stop web-1, check\npark db-1 (forced) after stop db-1\n"
		"prepare db-1 (forced) after park db-1\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"stop web-1 (forced) after check\npark web-1 (forced) after stop web-1\n"
		"prepare web-1 (forced) after park web-1\ncreate web-1 after setup, prepare web-1\n"
		"start web-1 after start db-1, create web-1\n"
		"check\ncommit after start db-1, start web-1\nforget after commit\n");
}

static void other_config(struct unit_rec *r)
{
	free(r->config_hash);
	r->config_hash = xstrdup("other");
}

/* A container that is set aside, as of before `r`. */
static struct unit_rec *parks(struct unit_rec *r, bool back)
{
	r->parked = unit_rec_copy(r);
	r->parked->back = back;
	free(r->parked->id);
	r->parked->id = xstrdup("ba9876543210");
	return r;
}

/* Those that are replaced have to be healthy; those that are new, and those that stay, are nobody's way back. */
static void successors_have_to_be_healthy(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .has_health = some_have_health };

	model(*state, "services:\n"
		      "  a: {image: x, healthcheck: {test: [CMD, ok]}}\n"
		      "  b: {image: x, healthcheck: {test: [CMD, ok]}}\n"
		      "  c: {image: x, healthcheck: {test: [CMD, ok]}}\n");
	other_config(exists(*state, "a", 1, "running"));
	exists(*state, "b", 1, "running");
	plan_is(*state, &req,
		"setup after park a-1\n"
		"stop a-1 (configuration changed) after check\npark a-1 (configuration changed) after stop a-1\n"
		"prepare a-1 (configuration changed) after park a-1\ncreate a-1 after setup, prepare a-1\nstart a-1 after create a-1\n"
		"prepare c-1 (new) after check\ncreate c-1 after setup, prepare c-1\nstart c-1 after create c-1\n"
		"check\nhealthy a-1 after start a-1\ncommit after start a-1, start c-1, healthy a-1\nforget after commit\nkeep b-1\n");
	req.no_start = true;
	plan_is(*state, &req,
		"setup after park a-1\n"
		"stop a-1 (configuration changed) after check\npark a-1 (configuration changed) after stop a-1\n"
		"prepare a-1 (configuration changed) after park a-1\ncreate a-1 after setup, prepare a-1\n"
		"prepare c-1 (new) after check\ncreate c-1 after setup, prepare c-1\n"
		"check\ncommit after create a-1, create c-1\nforget after commit\nkeep b-1\n");
}

/* Stopped beforehand, as their ports may be wanted; removed when there is no way back. */
static void what_leaves_is_kept_until_the_rest_is_good(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .remove_orphans = true };

	model(*state, "services:\n  new: {image: x}\n");
	exists(*state, "old", 1, "running");
	plan_is(*state, &req,
		"setup after stop old-1\n"
		"prepare new-1 (new) after check\ncreate new-1 after setup, prepare new-1\nstart new-1 after create new-1\n"
		"stop old-1 (orphan) after check\nremove old-1 (orphan) after stop old-1, commit\n"
		"check\ncommit after start new-1\nforget after commit\n");
}

/* A supervisor was killed: the successor that there is goes on, one that is not there yet is made, nothing is recreated twice. */
static void an_up_is_gone_on_with(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .force_recreate = true, .has_health = some_have_health };
	struct unit_rec *b;

	model(*state, "services:\n  a: {image: x, healthcheck: {test: [CMD, ok]}}\n  b: {image: x}\n");
	parks(exists(*state, "a", 1, "running"), true);
	b = parks(exists(*state, "b", 1, "absent"), true);
	free(b->id);
	b->id = NULL;
	plan_is(*state, &req,
		"setup\nprepare b-1 (replaced) after check\ncreate b-1 after setup, prepare b-1\nstart b-1 after create b-1\n"
		"check\nhealthy a-1\ncommit after start b-1, healthy a-1\nforget after commit\nkeep a-1\n");
	req.committed = true;
	b->id = xstrdup("0123456789ab");
	free(b->state);
	b->state = xstrdup("running");
	plan_is(*state, &req, "setup\ncommit\nforget after commit\nkeep a-1\nkeep b-1\n");
}

/* Another `up` after one that came to no end: what was good last is still what there is to go back to. */
static void a_successor_that_was_never_good_is_removed(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, "services:\n  a: {image: x}\n");
	other_config(parks(exists(*state, "a", 1, "running"), true));
	plan_is(*state, &req,
		"setup after remove a-1\n"
		"stop a-1 (configuration changed) after check\nremove a-1 (configuration changed) after stop a-1\n"
		"prepare a-1 (configuration changed) after remove a-1\ncreate a-1 after setup, prepare a-1\nstart a-1 after create a-1\n"
		"check\ncommit after start a-1\nforget after commit\n");
}

/* It could not be removed when its successor was good: what there is to go back to is the successor. */
static void what_was_replaced_for_good_never_comes_back(void **state)
{
	struct plan_request req = { .verb = PLAN_UP, .has_health = some_have_health };
	struct unit_rec *a;

	model(*state, "services:\n  a: {image: x, healthcheck: {test: [CMD, ok]}}\n");
	a = parks(exists(*state, "a", 1, "running"), true);
	a->parked->replaced = true;
	plan_is(*state, &req, "setup\ncommit\nforget after commit\nkeep a-1\n");
	req.verb = PLAN_UNDO;
	plan_is(*state, &req, "setup\nunmake after setup\nkeep a-1\n");
	req.verb = PLAN_UP;
	req.force_recreate = true;
	plan_is(*state, &req,
		"setup after park a-1\n"
		"stop a-1 (forced) after check\npark a-1 (forced) after stop a-1\n"
		"prepare a-1 (forced) after park a-1\ncreate a-1 after setup, prepare a-1\nstart a-1 after create a-1\n"
		"check\nhealthy a-1 after start a-1\ncommit after start a-1, healthy a-1\nforget after commit\n");
}

/* a was replaced, b was replaced while it was stopped, c is new, d was stopped to be started again, e was not touched, f has no successor
 * yet. */
static void undoing_brings_back_what_ran(void **state)
{
	struct plan_request req = { .verb = PLAN_UNDO, .generation = 7 };
	struct unit_rec *f;

	model(*state, "services:\n  a: {image: x}\n  b: {image: x}\n  d: {image: x}\n  e: {image: x}\n  f: {image: x}\n");
	parks(exists(*state, "a", 1, "running"), true)->generation = 7;
	parks(exists(*state, "b", 1, "failed"), false)->generation = 7;
	exists(*state, "c", 1, "running")->generation = 7;
	exists(*state, "d", 1, "stopped")->back = true;
	exists(*state, "e", 1, "running");
	f = parks(exists(*state, "f", 1, "absent"), true);
	free(f->id);
	f->id = NULL;
	plan_is(*state, &req,
		"setup after restore a-1, restore b-1, restore f-1, remove c-1\n"
		"stop a-1 (undone)\nremove a-1 (undone) after stop a-1\nrestore a-1 after remove a-1\n"
		"prepare a-1 (undone) after restore a-1\ncreate a-1 after setup, prepare a-1\nstart a-1 after create a-1\n"
		"stop b-1 (undone)\nremove b-1 (undone) after stop b-1\nrestore b-1 after remove b-1\n"
		"prepare d-1 (undone)\ncreate d-1 after setup, prepare d-1\nstart d-1 after create d-1\n"
		"restore f-1\nprepare f-1 (undone) after restore f-1\ncreate f-1 after setup, prepare f-1\nstart f-1 after create f-1\n"
		"stop c-1 (undone)\nremove c-1 (undone) after stop c-1\n"
		"unmake after setup, remove a-1, remove b-1, remove c-1\nkeep e-1\n");
	req.no_start = true;
	plan_is(*state, &req,
		"setup after restore a-1, restore b-1, restore f-1, remove c-1\n"
		"stop a-1 (undone)\nremove a-1 (undone) after stop a-1\nrestore a-1 after remove a-1\n"
		"stop b-1 (undone)\nremove b-1 (undone) after stop b-1\nrestore b-1 after remove b-1\n"
		"restore f-1\nstop c-1 (undone)\nremove c-1 (undone) after stop c-1\n"
		"unmake after setup, remove a-1, remove b-1, remove c-1\nkeep d-1\nkeep e-1\n");
}

/* Of two that did not run before: one that was to run once more is stopped, one that never ran (--no-start) is as it was. */
static void undoing_stops_what_was_only_made_ready(void **state)
{
	struct plan_request req = { .verb = PLAN_UNDO, .generation = 7 };

	model(*state, "services:\n  job: {image: x}\n  new: {image: x}\n");
	exists(*state, "job", 1, "created")->started_ns = 1;
	exists(*state, "new", 1, "created");
	plan_is(*state, &req, "setup\nstop job-1 (undone)\nunmake after setup\nkeep new-1\n");
}

static void scaling_down_removes_the_surplus(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, "services:\n  a: {image: x, scale: 1}\n");
	exists(*state, "a", 1, "running");
	exists(*state, "a", 2, "running");
	plan_is(*state, &req, "setup after remove a-2\nstop a-2 (scaled down)\nremove a-2 (scaled down) after stop a-2\nkeep a-1\n");
}

static void orphans_stay_unless_told(void **state)
{
	struct plan_request req = { .verb = PLAN_UP };

	model(*state, "services:\n  a: {image: x}\n");
	exists(*state, "a", 1, "running");
	exists(*state, "old", 1, "running");
	plan_is(*state, &req, "setup\nkeep a-1\norphan old-1\n");
	req.remove_orphans = true;
	plan_is(*state, &req, "setup after remove old-1\nstop old-1 (orphan)\nremove old-1 (orphan) after stop old-1\nkeep a-1\n");
}

static void down_goes_backwards(void **state)
{
	struct plan_request req = { .verb = PLAN_DOWN, .volumes = true };

	model(*state, chain);
	exists(*state, "db", 1, "running");
	exists(*state, "job", 1, "stopped");
	exists(*state, "web", 1, "running");
	plan_is(*state, &req,
		"stop db-1 after stop job-1, stop web-1\nremove db-1 after stop db-1\n"
		"stop job-1 after stop web-1\nremove job-1 after stop job-1\n"
		"stop web-1\nremove web-1 after stop web-1\n"
		"teardown after remove db-1, remove job-1, remove web-1\nvolumes after teardown\n");
}

static void down_of_a_service_takes_its_volumes(void **state)
{
	const char *only[] = { "web", NULL };
	struct plan_request req = { .verb = PLAN_DOWN, .volumes = true, .services = only };

	model(*state, "services:\n  web: {image: x, volumes: [\"data:/a\", \"far:/b\", /c]}\n  db: {image: x, volumes: [\"theirs:/a\"]}\n"
		      "volumes: {data: , theirs: , far: {external: true, name: far}}\n");
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running");
	plan_is(*state, &req, "stop web-1\nremove web-1 after stop web-1\nports after remove web-1\nvolumes after ports\n");
	struct project *m = ((struct fixture *)*state)->model;
	for (size_t i = 0; i < m->n_volumes; i++) {
		const char *name = m->volumes[i].name, *key = m->volumes[i].key;
		assert_int_equal(plan_takes_volume(m, NULL, name), !STREQ(key, "far"));
		assert_int_equal(plan_takes_volume(m, only, name), STREQ(key, "data"));
	}
	assert_true(plan_takes_volume(m, NULL, "anonymous"));
	assert_false(plan_takes_volume(m, only, "anonymous"));
	assert_true(plan_takes_volume(NULL, NULL, "any"));
	assert_false(plan_takes_volume(NULL, only, "any"));
}

static void down_without_a_model(void **state)
{
	struct plan_request req = { .verb = PLAN_DOWN };

	exists(*state, "x", 1, "running");
	plan_is(*state, &req, "stop x-1\nremove x-1 after stop x-1\nteardown after remove x-1\n");
}

static void restart_takes_dependents_along(void **state)
{
	const char *only[] = { "db", NULL };
	struct plan_request req = { .verb = PLAN_RESTART, .services = only };

	model(*state, "services:\n  db: {image: x}\n  web: {image: x, depends_on: {db: {condition: service_started,"
		      " restart: true}}}\n  other: {image: x, depends_on: [db]}\n");
	exists(*state, "db", 1, "running");
	exists(*state, "web", 1, "running");
	exists(*state, "other", 1, "running");
	plan_is(*state, &req,
		"setup after stop db-1, stop web-1\nstop db-1 after stop web-1\nprepare db-1 after stop db-1\n"
		"create db-1 after setup, prepare db-1\nstart db-1 after create db-1\nstop web-1\n"
		"prepare web-1 after stop web-1\ncreate web-1 after setup, prepare web-1\n"
		"start web-1 after start db-1, create web-1\n");
}

static void named_services_bring_what_they_need(void **state)
{
	const char *only[] = { "job", NULL };
	struct plan_request req = { .verb = PLAN_UP, .services = only, .no_start = true };

	model(*state, chain);
	plan_is(*state, &req,
		"setup\nprepare db-1 (new)\ncreate db-1 after setup, prepare db-1\n"
		"prepare job-1 (new)\ncreate job-1 after setup, prepare job-1\n");
}

static void unknown_service_is_named(void **state)
{
	struct fixture *f = *state;
	const char *only[] = { "jbo", NULL };
	struct plan_request req = { .verb = PLAN_STOP, .services = only };
	auto_err struct err err = ERR_INIT;
	struct plan p = { 0 };

	model(f, chain);
	assert_int_equal(plan_make(f->model, &f->world, &req, &p, &err), -1);
	assert_string_equal(err_msg(&err), "no such service: 'jbo'");
	assert_string_equal(err.hint, "did you mean 'job'?");
}

/* A slot that ran when the host went down. */
static struct unit_rec *cut_off(struct fixture *f, const char *service)
{
	struct unit_rec *r = exists(f, service, 1, "stopped");

	r->resume = true;
	r->started_ns = 1;
	r->exit_code = -1;
	return r;
}

static void boot_brings_back_what_ran_in_order(void **state)
{
	struct plan_request req = { .verb = PLAN_BOOT };

	model(*state, chain);
	cut_off(*state, "db");
	cut_off(*state, "job");
	cut_off(*state, "web");
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare job-1\ncreate job-1 after setup, prepare job-1\n"
		"start job-1 after create job-1, healthy db-1\n"
		"prepare web-1\ncreate web-1 after setup, prepare web-1\n"
		"start web-1 after start db-1, create web-1, completed job-1\n"
		"healthy db-1 after start db-1\ncompleted job-1 after start job-1\n");
}

static void boot_leaves_finished_jobs_alone(void **state)
{
	struct plan_request req = { .verb = PLAN_BOOT };
	struct unit_rec *job;

	model(*state, chain);
	cut_off(*state, "db");
	cut_off(*state, "web");
	job = exists(*state, "job", 1, "stopped");
	job->started_ns = 1;
	plan_is(*state, &req,
		"setup\n"
		"prepare db-1\ncreate db-1 after setup, prepare db-1\nstart db-1 after create db-1\n"
		"prepare web-1\ncreate web-1 after setup, prepare web-1\nstart web-1 after start db-1, create web-1\n");
}

static void boot_waits_for_nothing_that_was_stopped(void **state)
{
	struct plan_request req = { .verb = PLAN_BOOT };
	struct unit_rec *db;

	model(*state, chain);
	db = cut_off(*state, "db");
	db->manual_stop = true;
	cut_off(*state, "job");
	plan_is(*state, &req,
		"setup\nprepare job-1\ncreate job-1 after setup, prepare job-1\nstart job-1 after create job-1\n");
}

static void boot_keeps_what_runs_and_waits_for_its_condition(void **state)
{
	struct plan_request req = { .verb = PLAN_BOOT };

	model(*state, chain);
	exists(*state, "db", 1, "running");
	cut_off(*state, "job");
	exists(*state, "web", 1, "stopped");
	plan_is(*state, &req,
		"setup\nprepare job-1\ncreate job-1 after setup, prepare job-1\n"
		"start job-1 after create job-1, healthy db-1\nhealthy db-1\nkeep db-1\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(run_waits_and_touches_nobody),
		T(containers_of_run_are_nobodys),
		T(ended_ones_are_left_over),
		T(new_project_starts_in_order), T(second_up_changes_nothing), T(what_nobody_requires_is_optional),
		T(wait_includes_those_that_are_held), T(failed_job_runs_again), T(start_that_is_not_over_is_waited_for),
		T(start_brings_what_is_needed),
		T(steps_run_before_their_service), T(shared_step_is_not_repeated), T(steps_go_on_where_they_were), T(steps_and_start),
		T(changed_service_is_recreated), T(recreated_services_stop_in_order), T(scaling_down_removes_the_surplus), T(orphans_stay_unless_told),
		T(successors_have_to_be_healthy), T(what_leaves_is_kept_until_the_rest_is_good), T(an_up_is_gone_on_with),
		T(a_successor_that_was_never_good_is_removed), T(what_was_replaced_for_good_never_comes_back),
		T(undoing_brings_back_what_ran), T(undoing_stops_what_was_only_made_ready),
		T(down_goes_backwards), T(down_of_a_service_takes_its_volumes),
		T(down_goes_backwards), T(down_of_a_service_takes_its_volumes), T(down_without_a_model), T(restart_takes_dependents_along),
		T(named_services_bring_what_they_need), T(unknown_service_is_named),
		T(boot_brings_back_what_ran_in_order), T(boot_leaves_finished_jobs_alone),
		T(boot_waits_for_nothing_that_was_stopped), T(boot_keeps_what_runs_and_waits_for_its_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
