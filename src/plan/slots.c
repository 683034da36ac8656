/* slots.c - the places for containers: those that are wanted (model) and those that exist (world). */
#include <string.h>

#include "../util/map.h"
#include "../util/mem.h"
#include "plan_ops.h"

size_t service_index(const struct project *m, const char *name)
{
	for (size_t i = 0; m && i < m->n_services; i++)
		if (STREQ(m->services[i].name, name))
			return i;
	return OP_NONE;
}

void slot_clear(struct slot *s)
{
	s->op_prepare = s->op_create = s->op_start = s->op_healthy = s->op_gate = OP_NONE;
	s->op_completed = s->op_drain = s->op_stop = s->op_park = s->op_remove = s->op_restore = OP_NONE;
}

struct slot *slot_add(struct ctx *c, char *name, const char *service, unsigned index, size_t svc)
{
	struct slot *s = XGROW(c->slots, c->n, c->cap);

	s->name = name;
	s->service = xstrdup(service);
	s->index = index;
	s->svc = svc;
	s->rec = map_get(&c->world->units, name);
	slot_clear(s);
	return s;
}

void slots_list(struct ctx *c)
{
	struct map seen = MAP_INIT;

	for (size_t i = 0; c->model && i < c->model->n_services; i++)
		for (unsigned k = 1; k <= c->model->services[i].replicas; k++) {
			const char *service = c->model->services[i].name;
			slot_add(c, plan_side_in_force(c->world, service, k), service, k, i)->wanted = true;
			pre_start_slots(c, i, k);
		}
	each_slot(c, s)
		map_set(&seen, s->name, (void *)s->service);
	map_each(&c->world->units, it) {
		const struct unit_rec *r = it->value;
		struct slot *s;
		if (map_has(&seen, it->key))
			continue;
		s = slot_add(c, xstrdup(it->key), r->service, r->index, r->init_of || r->run ? OP_NONE : service_index(c->model, r->service));
		s->init_of = r->init_of;
		s->beside = s->svc != OP_NONE && r->index <= c->model->services[s->svc].replicas;
		s->init_step = r->init_step;
		s->is_run = r->run;
	}
	map_done(&seen, NULL);
}

void slots_done(struct ctx *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->slots[i].name);
		free(c->slots[i].service);
	}
	free(c->slots);
	free(c->chosen);
}
