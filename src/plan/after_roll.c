/* after_roll.c - what an `up` that rolls (roll.c) does when that is through, and does not when an update was given up: then all the others
 * stay as they are, too.
 *
 * What has no successor (scaled down, an orphan) goes. It runs on until then, so there is nothing to bring back when an update fails; but
 * who has a host port that something else of the request wants is stopped before that sets itself up, and only removed here: the way back
 * starts the same container again.
 *
 * Who depends on what is rolled, with restart: true, is started again. Killed between the two, the request goes on with it: such a container
 * is older than the other. */
#include <string.h>

#include "../../compose/graph.h"

#include "plan_ops.h"

static bool wants_port(const struct service *svc, const struct unit_port *has)
{
	for (size_t i = 0; i < svc->n_ports; i++) {
		const struct port *p = &svc->ports[i];
		if (p->published_min <= has->host && has->host <= p->published_max && STREQ(p->protocol ? p->protocol : "tcp", has->protocol))
			return true;
	}
	return false;
}

/* Containers of one service share its ports, or have each their own. */
static bool is_in_the_way(const struct ctx *c, const struct slot *s)
{
	each_slot(c, other) {
		bool comes = other->svc != OP_NONE && (other->op_prepare != OP_NONE || other->rolls);
		for (size_t i = 0; comes && !STREQ(other->service, s->service) && i < s->rec->n_ports; i++)
			if (wants_port(&c->model->services[other->svc], &s->rec->ports[i]))
				return true;
	}
	return false;
}

bool after_roll_takes(struct ctx *c, struct slot *s)
{
	if (!c->rolls || s->beside)      /* the other side of a slot that was rolled has to go for that to be whole */
		return false;
	s->goes_late = true;
	s->stops_early = is_in_the_way(c, s);
	return true;
}

static bool is_replaced(const struct ctx *c, const struct slot *dep, const struct slot *s)
{
	bool was = c->req->rolling && dep->wanted && dep->rec && dep->rec->created_ns > s->rec->started_ns;

	return dep->rolls || dep->follows || was;
}

bool after_roll_follows(struct ctx *c, const struct slot *s)
{
	const struct graph_vertex *v = &c->graph->v[s->svc];

	for (size_t i = 0; i < v->n_needs; i++)
		each_slot_of(c, dep, v->needs[i].to)
			if (v->needs[i].dep->restart && is_replaced(c, dep, s))
				return true;
	return false;
}

static size_t plan_rolled(struct ctx *c)
{
	size_t rolled = plan_add(c->plan, OP_ROLLED, NULL, NULL);

	plan_edge(c->plan, c->op_setup, rolled, false);
	plan_edge(c->plan, c->op_commit, rolled, false);
	for (size_t i = 0; i < rolled; i++)
		if (c->plan->ops[i].kind == OP_SETTLE && c->plan->ops[i].roll)
			plan_edge(c->plan, i, rolled, true);
	return rolled;
}

static void plan_leaving(struct ctx *c, struct slot *s, size_t rolled)
{
	size_t first = s->stops_early ? s->op_remove : s->op_drain != OP_NONE ? s->op_drain : s->op_stop;

	plan_edge(c->plan, rolled, first, false);
}

/* It may have been replaced before; what was planned for that is linked already. */
static void plan_following(struct ctx *c, struct slot *s, size_t rolled)
{
	slot_clear(s);
	s->again = true;
	s->op_stop = plan_add(c->plan, OP_STOP, s, "its dependency is replaced");
	plan_edge(c->plan, rolled, s->op_stop, false);
	plan_start(c, s, NULL);
}

static void link_following(struct ctx *c, struct slot *s)
{
	edges_of_stop(c, s);
	edges_of_start(c, s);
	if (c->req->wait)
		up_wait_for(c, s);
}

void after_roll_plan(struct ctx *c)
{
	size_t rolled = OP_NONE;

	each_slot(c, s) {
		if (!s->goes_late && !s->follows)
			continue;
		if (rolled == OP_NONE)
			rolled = plan_rolled(c);
		if (s->follows)
			plan_following(c, s, rolled);
		else
			plan_leaving(c, s, rolled);
	}
	each_slot(c, s)
		if (s->follows)
			link_following(c, s);
}
