/* edges.c - who waits for whom, from the dependency graph: forwards between starts, backwards between stops. */
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "plan_ops.h"

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
void need_condition(struct ctx *c, struct slot *dep, enum dep_condition cond)
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

void edges_of_start(struct ctx *c, struct slot *s)
{
	const struct graph_vertex *v;

	if (s->op_start == OP_NONE || s->svc == OP_NONE || !c->graph)
		return;
	v = &c->graph->v[s->svc];
	for (size_t i = 0; i < v->n_needs; i++) {
		const struct dependency *d = v->needs[i].dep;
		/* on the way back one that does not come keeps nobody else from coming */
		bool soft = !d->required || c->req->verb == PLAN_UNDO;
		if (c->req->no_deps && !c->chosen[v->needs[i].to])
			continue;
		each_slot_of(c, dep, v->needs[i].to) {
			if ((c->req->verb == PLAN_BOOT && stays_ended(dep)) || (s->again && dep->rolls))
				continue;        /* it does not come; it has come by then */
			need_condition(c, dep, d->condition);
			plan_edge(c->plan, op_for_condition(dep, d->condition), s->op_gate, soft);
			if (joins(&c->model->services[s->svc], dep->service))
				plan_edge(c->plan, dep->op_start, s->op_prepare, false);
			if (takes_volumes_from(&c->model->services[s->svc], dep->service))
				plan_edge(c->plan, dep->op_prepare, s->op_prepare, false);
		}
	}
}

void edges_of_stop(struct ctx *c, struct slot *s)
{
	const struct graph_vertex *v;

	if (s->op_stop == OP_NONE || s->svc == OP_NONE || !c->graph)
		return;
	v = &c->graph->v[s->svc];
	for (size_t i = 0; i < v->n_needed; i++)
		each_slot_of(c, dependent, v->needed[i].to)
			plan_edge(c->plan, dependent->op_stop, s->op_stop, true);
}
