/* plan_ops.h - private to src/plan: slots and how operations are added. */
#pragma once

#include "plan.h"

#define OP_NONE ((size_t)-1)

struct slot {                     /* a place for a container: an existing one or one that the model wants */
	char *name, *service;
	unsigned index;
	size_t svc;               /* index in model->services, OP_NONE: an orphan */
	const struct unit_rec *rec;   /* NULL: nothing there yet */
	bool wanted;              /* by the model: index <= replicas */
	bool chosen;              /* by the request */
	const char *recreate;     /* why, NULL: it stays */
	/* the operations that were planned for it */
	size_t op_prepare, op_create, op_start, op_healthy, op_completed, op_stop, op_remove;
};

size_t plan_add(struct plan *p, enum op_kind kind, const struct slot *slot, const char *why);
void plan_edge(struct plan *p, size_t from, size_t to, bool soft);
