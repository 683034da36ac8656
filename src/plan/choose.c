/* choose.c - which services and slots a request is about. */
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "plan_ops.h"

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
int choose(struct ctx *c, bool with_needs, struct err *err)
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

bool is_named(const struct ctx *c, const char *service)
{
	for (const char *const *v = c->req->services; v && *v; v++)
		if (STREQ(*v, service))
			return true;
	return false;
}
