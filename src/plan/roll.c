/* roll.c - containers of a service replaced a few at a time, while the others serve: deploy.update_config.
 *
 * Each slot that is rolled has its successor on the other side. A turn comes when as many of those before it are through as
 * `parallelism` allows, after `delay`; when the update was given up meanwhile, it does not come, and what waits for it is left out. Then
 *
 *   start-first: prepare, create, start, healthy, monitor the new one; switch; drain, stop, remove the old one
 *   stop-first:  drain and stop the old one; start, healthy, switch, monitor the new one; remove the old one
 *
 * (without a health check it is monitored before the switch there, too, as long as others serve: that tells whether it can)
 *
 * and `settle`, which comes in any case: when the new one did not make it, it goes, and the old one has its slot as before. A plan that is
 * made anew, after a crash, finds what there is: a successor that still is what is wanted goes on from where it was.
 *
 * All of this is after the rest of the request: what can be undone in one piece is through by then. */
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "plan_ops.h"

enum { DEFAULT_GRACE_MS = 10000, NO_CHECK_MONITOR_MS = 1000 };

static bool has_host_port(const struct service *svc)
{
	for (size_t i = 0; i < svc->n_ports; i++)
		if (svc->ports[i].published_min && svc->ports[i].published_min == svc->ports[i].published_max)
			return true;
	return false;
}

static bool names_service(const char *mode, const char *name)
{
	return mode && str_starts(mode, "service:") && STREQ(mode + strlen("service:"), name);
}

static bool is_joined(const struct project *m, const char *name)
{
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = &m->services[i];
		if (names_service(s->network_mode, name) || names_service(s->pid, name) || names_service(s->ipc, name))
			return true;
	}
	return false;
}

/* Why two containers of one slot cannot be there at once, NULL: they can. */
static const char *obstacle(const struct project *m, const struct service *svc)
{
	if (svc->network_mode && !STREQ(svc->network_mode, "bridge") && !STREQ(svc->network_mode, "default"))
		return "network_mode";
	if (svc->mac_address)
		return "mac_address";
	for (size_t i = 0; i < svc->n_networks; i++)
		if (svc->networks[i].ipv4_address || svc->networks[i].mac_address)
			return svc->networks[i].mac_address ? "mac_address" : "ipv4_address";
	if (svc->n_pre_start)
		return "pre_start";
	return is_joined(m, svc->name) ? "that others join its namespaces" : NULL;
}

static void warn_obstacle(struct ctx *c, const struct service *svc, const char *what)
{
	auto_free char *text = xasprintf("service '%s' is replaced stop-first, in its place: with %s there cannot be two of a container at once",
					 svc->name, what);

	if (svc->update.start_first && !strs_has(&c->plan->warnings, text))
		strs_add(&c->plan->warnings, text);
}

/* By the supervisor that was killed: when it had given the update up, it runs again. */
static bool was_stopped_to_roll(const struct ctx *c, const struct unit_rec *r)
{
	return c->req->rolling && r->back && !r->manual_stop;
}

bool roll_takes(struct ctx *c, const struct slot *s)
{
	const struct service *svc = &c->model->services[s->svc];
	auto_free char *side = plan_other_side(s->name);
	const struct unit_rec *beside = map_get(&c->world->units, side);
	const char *what;

	if (c->req->no_start || !(plan_rec_running(s->rec) || was_stopped_to_roll(c, s->rec) || (beside && beside->id && plan_is_held(beside))))
		return false;
	if (svc->update.given ? svc->replicas < 2 && !svc->update.start_first : svc->replicas < 2 || !has_host_port(svc))
		return false;
	what = obstacle(c->model, svc);
	if (what)
		warn_obstacle(c, svc, what);
	return !what;
}

static int64_t grace_ms(const struct service *svc)
{
	return svc->stop_grace_ns >= 0 ? svc->stop_grace_ns / 1000000 : DEFAULT_GRACE_MS;
}

void roll_end(struct ctx *c, const struct slot *s)
{
	if (s->rec && s->rec->id && s->rec->rotation)
		plan_add(c->plan, OP_SETTLE, s, NULL);
}

void roll_drain(struct ctx *c, struct slot *s)
{
	const struct service *svc = &c->model->services[s->svc];

	if (!s->rec || !plan_rec_running(s->rec) || plan_is_held(s->rec) || !(s->rec->rotation || (has_host_port(svc) && svc->replicas)))
		return;
	s->op_drain = plan_add(c->plan, OP_DRAIN, s, NULL);
	c->plan->ops[s->op_drain].wait_ms = grace_ms(svc);
	plan_edge(c->plan, s->op_drain, s->op_stop, false);
}

/* ------------------------------------------------------------------ one slot */

struct pair {
	struct slot *old, next;
	const struct update_config *how;
	size_t turn, drain, stop, settle;
};

static size_t add_after(struct ctx *c, size_t before, enum op_kind kind, const struct slot *s, int64_t ms)
{
	size_t op = plan_add(c->plan, kind, s, NULL);

	c->plan->ops[op].wait_ms = ms;
	plan_edge(c->plan, before, op, false);
	return op;
}

static bool still_wanted(const struct ctx *c, const struct slot *next)
{
	return next->rec && next->rec->id && plan_is_held(next->rec) && !what_changed(c, next->rec, &c->model->services[next->svc]);
}

static bool is_checked(const struct ctx *c, const struct service *svc)
{
	return c->req->has_health && c->req->has_health(c->req->ctx, svc);
}

static int64_t monitor_ms(const struct ctx *c, const struct pair *p, const struct service *svc)
{
	if (p->how->monitor_ns >= 0)
		return p->how->monitor_ns / 1000000;
	return is_checked(c, svc) ? 0 : NO_CHECK_MONITOR_MS;
}

/* The old one goes out of rotation, and when its conversations are over it is stopped. With nobody else to serve there is no use in that. */
static void plan_leaving(struct ctx *c, struct pair *p, const struct service *svc, size_t after)
{
	bool others = p->how->start_first || svc->replicas > 1;

	p->drain = others ? add_after(c, after, OP_DRAIN, p->old, grace_ms(svc)) : after;
	p->stop = add_after(c, p->drain, OP_STOP, p->old, 0);
}

/* Whether it has to prove itself before it serves. */
static bool is_watched_first(const struct ctx *c, const struct pair *p, const struct service *svc)
{
	bool others = p->how->parallelism && p->how->parallelism < svc->replicas;

	return p->how->start_first || (others && !is_checked(c, svc));
}

static size_t plan_healthy(struct ctx *c, struct pair *p, const struct service *svc)
{
	return is_checked(c, svc) ? add_after(c, p->next.op_start, OP_HEALTHY, &p->next, 0) : p->next.op_start;
}

/* The switch, and what it takes; the last of it. */
static size_t plan_proof(struct ctx *c, struct pair *p, const struct service *svc)
{
	size_t last = plan_healthy(c, p, svc);
	int64_t ms = monitor_ms(c, p, svc);

	if (is_watched_first(c, p, svc))
		return add_after(c, add_after(c, last, OP_MONITOR, &p->next, ms), OP_SWITCH, &p->next, 0);
	return add_after(c, add_after(c, last, OP_SWITCH, &p->next, 0), OP_MONITOR, &p->next, ms);
}

static void plan_pair(struct ctx *c, struct pair *p, const struct service *svc, int64_t delay_ms)
{
	auto_free char *why = xasprintf("%s; rolling, %s", p->old->rolls, p->how->start_first ? "start-first" : "stop-first");
	size_t last;

	if (p->next.rec && p->next.rec->id && !still_wanted(c, &p->next))
		plan_stop_remove(c, &p->next, "left over");
	p->turn = plan_add(c->plan, OP_TURN, &p->next, why);
	c->plan->ops[p->turn].wait_ms = delay_ms;
	plan_edge(c->plan, c->op_setup, p->turn, false);
	plan_start(c, &p->next, p->old->rolls);
	plan_edge(c->plan, p->turn, p->next.op_prepare, false);
	p->next.op_gate = p->turn;
	if (!p->how->start_first) {
		plan_leaving(c, p, svc, p->next.op_create);
		plan_edge(c->plan, p->stop, p->next.op_start, false);
	}
	last = plan_proof(c, p, svc);
	if (p->how->start_first)
		plan_leaving(c, p, svc, last);
	p->settle = plan_add(c->plan, OP_SETTLE, p->old, NULL);
	plan_edge(c->plan, last, p->settle, true);
	plan_edge(c->plan, p->stop, p->settle, true);
	plan_edge(c->plan, last, add_after(c, p->stop, OP_REMOVE, p->old, 0), false);
}

/* ------------------------------------------------------------------ one service */

static void roll_service(struct ctx *c, size_t svc_index)
{
	const struct service *svc = &c->model->services[svc_index];
	const struct update_config *how = c->req->back && svc->rollback.given ? &svc->rollback : &svc->update;
	struct pair *pairs = xcalloc(c->n + 1, sizeof *pairs);
	size_t n = 0;

	each_slot_of(c, s, svc_index) {
		struct pair *p = &pairs[n], *before = how->parallelism && n >= how->parallelism ? &pairs[n - how->parallelism] : NULL;
		size_t first = c->plan->n;
		if (!s->rolls)
			continue;
		*p = (struct pair){ .old = s, .next = *s, .how = how };
		slot_clear(&p->next);
		p->next.name = plan_other_side(s->name);
		p->next.rec = map_get(&c->world->units, p->next.name);
		plan_pair(c, p, svc, before ? how->delay_ns / 1000000 : 0);
		for (size_t i = first; i < c->plan->n; i++)
			c->plan->ops[i].roll = true;
		plan_edge(c->plan, c->op_commit, p->turn, false);
		if (before)
			plan_edge(c->plan, before->settle, p->turn, true);
		edges_of_start(c, &p->next);
		n++;
	}
	for (size_t i = 0; i < n; i++)
		free(pairs[i].next.name);
	free(pairs);
}

void roll_plan(struct ctx *c)
{
	for (size_t k = 0; c->graph && k < c->model->n_services; k++)
		roll_service(c, c->graph->order[k]);
}
