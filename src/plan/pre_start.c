/* pre_start.c - the steps of pre_start: containers that run to completion, one after the other, before that of the service is created.
 *
 * Each is a slot of its own, "web-1.pre_start.0", which nobody sees but the supervisor; no service's slot can be called so, as theirs end in
 * a dash and a number. A step is due until it has succeeded for the container that is to be started; a container that ever ran had them all.
 * One that is not per_replica is due once for all containers of a service that are made together, and runs before the first of them. What
 * is left of a step, because it failed or nobody waited for it, is removed when the next one begins or when it is not due any more. */
#include <string.h>

#include "../util/mem.h"
#include "plan_ops.h"

void pre_start_slots(struct ctx *c, size_t svc, unsigned index)
{
	const struct service *service = &c->model->services[svc];
	const char *of = c->slots[c->n - 1].name;        /* the container's slot was the last one */

	for (size_t i = 0; i < service->n_pre_start; i++) {
		struct slot *s = slot_add(c, xasprintf("%s.pre_start.%zu", of, i), service->name, index, OP_NONE);
		s->init_of = of;
		s->init_step = (unsigned)i;
	}
}

static bool succeeded(const struct slot *s, unsigned step)
{
	return s->rec && s->rec->id && s->op_remove == OP_NONE && s->op_park == OP_NONE && (s->rec->started_ns || s->rec->pre_started > step);
}

/* The first of the service that this plan starts. */
static bool leads(struct ctx *c, const struct slot *slot)
{
	each_slot_of(c, s, slot->svc)
		if (s->op_start != OP_NONE)
			return s == slot;
	return false;
}

static bool is_due(struct ctx *c, const struct slot *slot, unsigned step)
{
	if (c->model->services[slot->svc].pre_start[step].per_replica)
		return !succeeded(slot, step);
	if (!leads(c, slot))
		return false;
	each_slot_of(c, s, slot->svc)
		if (succeeded(s, step))
			return false;
	return true;
}

static struct slot *step_of(struct ctx *c, const struct slot *slot, unsigned step)
{
	each_slot(c, s)
		if (s->init_of && s->init_step == step && STREQ(s->init_of, slot->name))
			return s;
	return NULL;
}

/* After `before`: a log has one writer at a time, from creation on. One that runs, as a supervisor died meanwhile, is only waited for.
 * Returns its last operation. */
static size_t plan_step(struct ctx *c, const struct slot *slot, struct slot *s, size_t before)
{
	if (s->rec && plan_rec_running(s->rec)) {
		s->op_gate = s->op_completed = plan_add(c->plan, OP_COMPLETED, s, NULL);
		plan_edge(c->plan, before, s->op_completed, false);
	} else {
		if (s->rec)
			plan_stop_remove(c, s, NULL);
		s->op_prepare = plan_add(c->plan, OP_PREPARE, s, NULL);
		plan_edge(c->plan, s->op_remove, s->op_prepare, false);
		plan_edge(c->plan, slot->op_prepare, s->op_prepare, false);      /* it has its volumes and its namespace */
		plan_edge(c->plan, c->op_setup, s->op_prepare, false);
		s->op_create = plan_add(c->plan, OP_CREATE, s, NULL);
		plan_edge(c->plan, s->op_prepare, s->op_create, false);
		plan_edge(c->plan, before, s->op_create, false);
		s->op_gate = s->op_start = plan_add(c->plan, OP_START, s, NULL);
		plan_edge(c->plan, s->op_create, s->op_start, false);
		s->op_completed = plan_add(c->plan, OP_COMPLETED, s, NULL);
		plan_edge(c->plan, s->op_start, s->op_completed, false);
	}
	s->op_remove = plan_add(c->plan, OP_REMOVE, s, NULL);
	plan_edge(c->plan, s->op_completed, s->op_remove, false);
	return s->op_remove;
}

/* It was created before the steps are: it holds the log that they write to. */
static void uncreate(struct ctx *c, struct slot *slot)
{
	if (slot->op_stop != OP_NONE || !slot->rec || !slot->rec->state || !STREQ(slot->rec->state, "created"))
		return;
	slot->op_stop = plan_add(c->plan, OP_STOP, slot, NULL);
	plan_edge(c->plan, slot->op_stop, slot->op_prepare, false);
}

/* Returns the last operation of what the service's other containers have to wait for. */
static size_t plan_steps(struct ctx *c, struct slot *slot, size_t leader_done)
{
	const struct service *service = &c->model->services[slot->svc];
	size_t last = leader_done, shared = leader_done;

	for (unsigned i = 0; i < service->n_pre_start; i++) {
		struct slot *s = is_due(c, slot, i) ? step_of(c, slot, i) : NULL;
		if (!s)
			continue;
		uncreate(c, slot);
		last = plan_step(c, slot, s, last);
		if (slot->op_gate == slot->op_start)
			slot->op_gate = s->op_gate;
		if (!service->pre_start[i].per_replica)
			shared = last;
	}
	plan_edge(c->plan, last, last == leader_done ? slot->op_start : slot->op_create, false);
	return shared;
}

/* Of a step that failed, or that nobody waits for any more; one that runs is somebody's until its service is chosen. */
static void remove_leftover(struct ctx *c, struct slot *s)
{
	bool touched = s->op_completed != OP_NONE || s->op_remove != OP_NONE;

	if (!s->init_of || !s->rec || touched || (plan_rec_running(s->rec) && !s->chosen))
		return;
	plan_stop_remove(c, s, NULL);
	plan_edge(c->plan, s->op_remove, c->op_setup, true);
}

void pre_start_plan(struct ctx *c)
{
	for (size_t i = 0; i < c->model->n_services; i++) {
		size_t shared = OP_NONE;
		each_slot_of(c, s, i)
			if (s->op_start != OP_NONE && c->model->services[i].n_pre_start)
				shared = plan_steps(c, s, shared);
	}
	each_slot(c, s)
		remove_leftover(c, s);
}
