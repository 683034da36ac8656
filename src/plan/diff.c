/* diff.c - model × world → operations.
 *
 * First all slots are listed: those that exist (world) and those that are wanted (model). Then each verb plans for its chosen slots, and
 * edges are drawn from the dependency graph: forwards between starts, backwards between stops. */
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "plan_ops.h"

bool plan_rec_running(const struct unit_rec *r)
{
	static const char *const up[] = { "running", "starting", "backoff", "waiting" };

	for (size_t i = 0; i < ARRAY_LEN(up); i++)
		if (r->state && STREQ(r->state, up[i]))
			return !r->manual_stop;
	return false;
}

bool plan_rec_finished(const struct unit_rec *r)
{
	return r->state && STREQ(r->state, "stopped") && r->started_ns && r->exit_code == 0 && !r->manual_stop;
}

/* Runs, and those that depend on it need not wait any more. */
static bool is_started(const struct unit_rec *r)
{
	return plan_rec_running(r) && !r->hooking;
}

/* ------------------------------------------------------------------ slots */

static size_t service_index(const struct project *m, const char *name)
{
	for (size_t i = 0; m && i < m->n_services; i++)
		if (STREQ(m->services[i].name, name))
			return i;
	return OP_NONE;
}

struct slot *slot_add(struct ctx *c, char *name, const char *service, unsigned index, size_t svc)
{
	struct slot *s = XGROW(c->slots, c->n, c->cap);

	s->name = name;
	s->service = xstrdup(service);
	s->index = index;
	s->svc = svc;
	s->rec = map_get(&c->world->units, name);
	s->op_prepare = s->op_create = s->op_start = s->op_healthy = s->op_gate = OP_NONE;
	s->op_completed = s->op_stop = s->op_remove = OP_NONE;
	return s;
}

static void list_slots(struct ctx *c)
{
	struct map seen = MAP_INIT;

	for (size_t i = 0; c->model && i < c->model->n_services; i++)
		for (unsigned k = 1; k <= c->model->services[i].replicas; k++) {
			const char *service = c->model->services[i].name;
			slot_add(c, xasprintf("%s-%u", service, k), service, k, i)->wanted = true;
			pre_start_slots(c, i, k);
		}
	each_slot(c, s)
		map_set(&seen, s->name, (void *)s->service);
	map_each(&c->world->units, it) {
		const struct unit_rec *r = it->value;
		struct slot *s;
		if (map_has(&seen, it->key))
			continue;
		s = slot_add(c, xstrdup(it->key), r->service, r->index, r->init_of ? OP_NONE : service_index(c->model, r->service));
		s->init_of = r->init_of;
		s->init_step = r->init_step;
	}
	map_done(&seen, NULL);
}

static void slots_done(struct ctx *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->slots[i].name);
		free(c->slots[i].service);
	}
	free(c->slots);
	free(c->chosen);
}

/* ------------------------------------------------------------------ which services */

static bool world_has_service(const struct world *w, const char *name)
{
	map_each(&w->units, it)
		if (STREQ(((struct unit_rec *)it->value)->service, name))
			return true;
	return false;
}

static int unknown_service(const struct ctx *c, const char *name, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	const char *near;

	for (size_t i = 0; c->model && i < c->model->n_services; i++)
		strs_add(&names, c->model->services[i].name);
	near = names.n ? str_nearest(name, (const char *const *)names.v) : NULL;
	err_set(err, ERR_NOT_FOUND, "no such service: '%s'", name);
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return -1;
}

/* Marks the services of the request and, where the verb asks for it, those they need; then their slots. */
static int choose(struct ctx *c, bool with_needs, struct err *err)
{
	const char *const *want = c->req->services;
	size_t n = c->model ? c->model->n_services : 0;

	c->chosen = xcalloc(n + 1, 1);
	for (size_t i = 0; !want && i < n; i++)
		c->chosen[i] = 1;
	for (size_t i = 0; want && want[i]; i++) {
		size_t svc = service_index(c->model, want[i]);
		if (svc == OP_NONE && !world_has_service(c->world, want[i]))
			return unknown_service(c, want[i], err);
		if (svc != OP_NONE)
			c->chosen[svc] = 1;
	}
	if (with_needs && want && c->graph)
		graph_closure_needs(c->graph, c->chosen);
	each_slot(c, s) {
		s->chosen = s->svc != OP_NONE ? c->chosen[s->svc] : !want;
		for (size_t i = 0; want && want[i] && s->svc == OP_NONE; i++)
			if (STREQ(want[i], s->service))
				s->chosen = true;
	}
	return 0;
}

/* ------------------------------------------------------------------ edges from the graph */

static size_t op_for_condition(struct slot *dep, enum dep_condition cond)
{
	if (cond == DEP_HEALTHY)
		return dep->op_healthy;
	if (cond == DEP_COMPLETED)
		return dep->op_completed;
	return dep->op_start;
}

/* Waiting for a condition is an operation of its own, made when first needed. A dependency that runs already has no start to
 * wait for, but its condition may still have to come true. */
static void need_condition(struct ctx *c, struct slot *dep, enum dep_condition cond)
{
	size_t *op = cond == DEP_HEALTHY ? &dep->op_healthy : &dep->op_completed;

	if (cond == DEP_STARTED || *op != OP_NONE || !dep->wanted)
		return;
	if (cond == DEP_COMPLETED && dep->op_start == OP_NONE && dep->rec && plan_rec_finished(dep->rec))
		return;
	*op = plan_add(c->plan, cond == DEP_HEALTHY ? OP_HEALTHY : OP_COMPLETED, dep, NULL);
	plan_edge(c->plan, dep->op_start, *op, false);
}

/* Whoever joins another's namespace can only be prepared when that one runs. */
static bool joins(const struct service *svc, const char *name)
{
	const char *const modes[] = { svc->pid, svc->ipc };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i] && str_starts(modes[i], "service:") && STREQ(modes[i] + strlen("service:"), name))
			return true;
	return false;
}

/* The other's anonymous volumes have to exist. */
static bool takes_volumes_from(const struct service *svc, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < svc->volumes_from.n; i++)
		if (!strncmp(svc->volumes_from.v[i], name, n) &&
		    (!svc->volumes_from.v[i][n] || svc->volumes_from.v[i][n] == ':'))
			return true;
	return false;
}

/* It neither runs nor is about to. */
static bool stays_ended(const struct slot *s)
{
	return s->op_start == OP_NONE && !(s->rec && plan_rec_running(s->rec));
}

static void edges_of_start(struct ctx *c, struct slot *s)
{
	const struct graph_vertex *v;

	if (s->op_start == OP_NONE || s->svc == OP_NONE || !c->graph)
		return;
	v = &c->graph->v[s->svc];
	for (size_t i = 0; i < v->n_needs; i++) {
		const struct dependency *d = v->needs[i].dep;
		if (c->req->no_deps && !c->chosen[v->needs[i].to])
			continue;
		each_slot_of(c, dep, v->needs[i].to) {
			if (c->req->verb == PLAN_BOOT && stays_ended(dep))
				continue;
			need_condition(c, dep, d->condition);
			plan_edge(c->plan, op_for_condition(dep, d->condition), s->op_gate, !d->required);
			if (joins(&c->model->services[s->svc], dep->service))
				plan_edge(c->plan, dep->op_start, s->op_prepare, false);
			if (takes_volumes_from(&c->model->services[s->svc], dep->service))
				plan_edge(c->plan, dep->op_prepare, s->op_prepare, false);
		}
	}
}

static void edges_of_stop(struct ctx *c, struct slot *s)
{
	const struct graph_vertex *v;

	if (s->op_stop == OP_NONE || s->svc == OP_NONE || !c->graph)
		return;
	v = &c->graph->v[s->svc];
	for (size_t i = 0; i < v->n_needed; i++)
		each_slot_of(c, dependent, v->needed[i].to)
			plan_edge(c->plan, dependent->op_stop, s->op_stop, true);
}

/* ------------------------------------------------------------------ up */

static bool somebody_waits_for_completion(const struct ctx *c, size_t svc)
{
	for (size_t i = 0; c->graph && i < c->graph->v[svc].n_needed; i++)
		if (c->graph->v[svc].needed[i].dep->condition == DEP_COMPLETED)
			return true;
	return false;
}

static const char *why_recreate(const struct ctx *c, const struct slot *s)
{
	const struct service *svc = &c->model->services[s->svc];
	const char *image = c->req->image_id ? c->req->image_id(c->req->ctx, svc) : NULL;

	if (!s->rec || !s->rec->id || c->req->no_recreate)
		return NULL;
	if (!str_eq(s->rec->config_hash, svc->config_hash))
		return "configuration changed";
	if (image && s->rec->image_id && !STREQ(image, s->rec->image_id))
		return "image changed";
	return NULL;
}

static bool named(const struct plan_request *req, const char *service)
{
	for (size_t i = 0; req->services && req->services[i]; i++)
		if (STREQ(req->services[i], service))
			return true;
	return !req->services;
}

/* depends_on with restart: true, over everything that is recreated now. Dependencies come first in graph->order. */
static const char *why_restart(struct ctx *c, const struct slot *s)
{
	const struct graph_vertex *v = &c->graph->v[s->svc];

	for (size_t i = 0; i < v->n_needs; i++) {
		if (!v->needs[i].dep->restart)
			continue;
		each_slot_of(c, dep, v->needs[i].to)
			if (dep->op_stop != OP_NONE)
				return "its dependency restarts";
	}
	return NULL;
}

void plan_stop_remove(struct ctx *c, struct slot *s, const char *why)
{
	s->op_stop = plan_add(c->plan, OP_STOP, s, why);
	s->op_remove = plan_add(c->plan, OP_REMOVE, s, why);
	plan_edge(c->plan, s->op_stop, s->op_remove, false);
}

static void plan_start(struct ctx *c, struct slot *s, const char *why)
{
	size_t before = s->op_remove != OP_NONE ? s->op_remove : s->op_stop;

	s->op_prepare = plan_add(c->plan, OP_PREPARE, s, why);
	plan_edge(c->plan, before, s->op_prepare, false);
	if (before != OP_NONE && c->op_setup != OP_NONE)
		plan_edge(c->plan, before, c->op_setup, true);
	s->op_create = plan_add(c->plan, OP_CREATE, s, NULL);
	plan_edge(c->plan, s->op_prepare, s->op_create, false);
	plan_edge(c->plan, c->op_setup, s->op_create, false);
	if (c->req->no_start)
		return;
	s->op_start = s->op_gate = plan_add(c->plan, OP_START, s, NULL);
	plan_edge(c->plan, s->op_create, s->op_start, false);
}

static void up_slot(struct ctx *c, struct slot *s)
{
	const char *why = why_recreate(c, s);
	bool exists = s->rec && s->rec->id;

	if (exists && c->req->force_recreate &&
	    (named(c->req, s->service) || c->req->always_recreate_deps))
		why = "forced";
	if (exists && why) {
		plan_stop_remove(c, s, why);
		plan_start(c, s, why);
		return;
	}
	if (exists && is_started(s->rec)) {
		const char *restart = why_restart(c, s);
		if (!restart) {
			strs_add(&c->plan->kept, s->name);
			return;
		}
		s->op_stop = plan_add(c->plan, OP_STOP, s, restart);
		plan_start(c, s, restart);
		return;
	}
	if (exists && plan_rec_finished(s->rec) && somebody_waits_for_completion(c, s->svc)) {
		strs_add(&c->plan->kept, s->name);
		return;
	}
	plan_start(c, s, exists ? NULL : "new");
}

/* What it held, host ports above all, is free before others set themselves up. */
static void plan_leave(struct ctx *c, struct slot *s, const char *why)
{
	plan_stop_remove(c, s, why);
	plan_edge(c->plan, s->op_remove, c->op_setup, true);
}

/* Its profile is off: nobody's orphan, nobody's business now. */
static bool is_disabled(const struct project *m, const char *service)
{
	for (size_t i = 0; i < m->n_disabled; i++)
		if (STREQ(m->disabled[i].name, service))
			return true;
	return false;
}

static void up_surplus(struct ctx *c, struct slot *s)
{
	if (s->init_of) {                /* pre_start_plan's */
		return;
	} else if (s->svc != OP_NONE) {
		if (s->chosen)
			plan_leave(c, s, "scaled down");
	} else if (is_disabled(c->model, s->service)) {
		return;
	} else if (c->req->remove_orphans) {
		plan_leave(c, s, "orphan");
	} else {
		strs_add(&c->plan->orphans, s->name);
	}
}

/* It is kept, and starts by itself when a pause is over or what it depends on allows. */
static bool is_held(const struct slot *s)
{
	return s->op_start == OP_NONE && s->rec && plan_rec_running(s->rec) && !STREQ(s->rec->state, "running");
}

static void up_wait(struct ctx *c)
{
	each_slot(c, s) {
		if (!s->chosen || !s->wanted || !c->req->wait || !c->req->has_health)
			continue;
		if (!is_held(s) && !c->req->has_health(c->req->ctx, &c->model->services[s->svc]))
			continue;
		need_condition(c, s, DEP_HEALTHY);
		c->plan->ops[s->op_healthy].asked = true;
	}
}

static int make_up(struct ctx *c, struct err *err)
{
	if (choose(c, !c->req->no_deps, err) < 0)
		return -1;
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	for (size_t k = 0; k < c->model->n_services; k++)
		each_slot_of(c, s, c->graph->order[k])
			if (s->wanted && s->chosen)
				up_slot(c, s);
	each_slot(c, s)
		if (!s->wanted)
			up_surplus(c, s);
	pre_start_plan(c);
	each_slot(c, s) {
		edges_of_stop(c, s);
		edges_of_start(c, s);
	}
	up_wait(c);
	return 0;
}

/* ------------------------------------------------------------------ the other verbs */

static int make_down(struct ctx *c, struct err *err)
{
	size_t last, volumes;
	bool all = !c->req->services;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s) {
		if (!s->rec || !s->chosen)
			continue;
		/* without a model of the service there is no telling whether somebody else still wants it: all goes */
		plan_stop_remove(c, s, NULL);
	}
	each_slot(c, s)
		edges_of_stop(c, s);
	last = plan_add(c->plan, all ? OP_TEARDOWN : OP_PORTS, NULL, NULL);
	each_slot(c, s)
		plan_edge(c->plan, s->op_remove, last, false);
	if (all && c->req->volumes) {
		volumes = plan_add(c->plan, OP_VOLUMES, NULL, NULL);
		plan_edge(c->plan, last, volumes, false);
	}
	return 0;
}

static int make_stop(struct ctx *c, struct err *err)
{
	size_t ports;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s)
		if (s->rec && s->chosen)
			s->op_stop = plan_add(c->plan, OP_STOP, s, NULL);
	each_slot(c, s)
		edges_of_stop(c, s);
	ports = plan_add(c->plan, OP_PORTS, NULL, NULL);
	each_slot(c, s)
		plan_edge(c->plan, s->op_stop, ports, true);
	return 0;
}

static void restart_dependents(struct ctx *c)
{
	for (size_t k = 0; c->graph && k < c->model->n_services; k++) {
		size_t svc = c->graph->order[k];
		for (size_t i = 0; i < c->graph->v[svc].n_needs && !c->req->no_deps; i++)
			if (c->graph->v[svc].needs[i].dep->restart && c->chosen[c->graph->v[svc].needs[i].to])
				c->chosen[svc] = 1;
	}
	each_slot(c, s)
		if (s->svc != OP_NONE)
			s->chosen = c->chosen[s->svc];
}

static bool is_named(const struct ctx *c, const char *service)
{
	for (const char *const *v = c->req->services; v && *v; v++)
		if (STREQ(*v, service))
			return true;
	return false;
}

/* What runs needs no start; a job that is done is done, unless it is asked for by its name. */
static bool stays(const struct ctx *c, const struct slot *s, bool restart)
{
	if (!restart && is_started(s->rec))
		return true;
	return !is_named(c, s->service) && plan_rec_finished(s->rec) && somebody_waits_for_completion(c, s->svc);
}

/* `start` starts what a service needs, too, as in docker compose; `restart` restarts those that follow it. */
static int make_start(struct ctx *c, bool restart, struct err *err)
{
	if (choose(c, !restart, err) < 0)
		return -1;
	if (restart)
		restart_dependents(c);
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	each_slot(c, s) {
		if (!s->rec || !s->rec->id || !s->chosen || s->svc == OP_NONE)
			continue;
		if (stays(c, s, restart)) {
			strs_add(&c->plan->kept, s->name);
			continue;
		}
		if (restart)
			s->op_stop = plan_add(c->plan, OP_STOP, s, NULL);
		plan_start(c, s, NULL);
	}
	pre_start_plan(c);
	each_slot(c, s) {
		edges_of_stop(c, s);
		edges_of_start(c, s);
	}
	return 0;
}

static int make_boot(struct ctx *c, struct err *err)
{
	if (choose(c, false, err) < 0)
		return -1;
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	for (size_t k = 0; k < c->model->n_services; k++)
		each_slot_of(c, s, c->graph->order[k]) {
			if (!s->rec || !s->rec->id)
				continue;
			if (plan_rec_running(s->rec))
				strs_add(&c->plan->kept, s->name);
			else if (s->rec->resume && !s->rec->manual_stop)
				plan_start(c, s, NULL);
		}
	each_slot(c, s)
		edges_of_start(c, s);
	return 0;
}

static int make_remove(struct ctx *c, struct err *err)
{
	size_t ports;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s) {
		if (!s->rec || !s->chosen)
			continue;
		if (c->req->stop)
			plan_stop_remove(c, s, NULL);
		else if (!plan_rec_running(s->rec))
			s->op_remove = plan_add(c->plan, OP_REMOVE, s, NULL);
	}
	ports = plan_add(c->plan, OP_PORTS, NULL, NULL);
	each_slot(c, s) {
		edges_of_stop(c, s);
		plan_edge(c->plan, s->op_remove, ports, true);
	}
	return 0;
}

int plan_make(const struct project *model, const struct world *world, const struct plan_request *req,
	      struct plan *ret, struct err *err)
{
	struct plan plan = { 0 };
	struct ctx c = { .model = model, .world = world, .req = req, .plan = &plan, .op_setup = OP_NONE };
	int r = -1;

	if (!model && req->verb != PLAN_DOWN && req->verb != PLAN_STOP && req->verb != PLAN_REMOVE)
		return err_set(err, ERR_NOT_FOUND, "the project was never brought up");
	c.graph = model ? graph_new(model) : NULL;
	list_slots(&c);
	switch (req->verb) {
	case PLAN_UP:
		r = make_up(&c, err);
		break;
	case PLAN_DOWN:
		r = make_down(&c, err);
		break;
	case PLAN_START:
		r = make_start(&c, false, err);
		break;
	case PLAN_RESTART:
		r = make_start(&c, true, err);
		break;
	case PLAN_STOP:
		r = make_stop(&c, err);
		break;
	case PLAN_REMOVE:
		r = make_remove(&c, err);
		break;
	case PLAN_BOOT:
		r = make_boot(&c, err);
		break;
	}
	slots_done(&c);
	if (r < 0)
		plan_done(&plan);
	else
		*ret = plan;
	return r;
}
