/* plan_ops.h - private to src/plan: slots and how operations are added. */
#pragma once

#include "plan.h"

#define OP_NONE ((size_t)-1)

struct ctx;

struct slot {                     /* a place for a container: an existing one or one that the model wants */
	char *name, *service;
	unsigned index;
	size_t svc;               /* index in model->services, OP_NONE: an orphan */
	const struct unit_rec *rec;   /* NULL: nothing there yet */
	const char *init_of;      /* name of the slot before whose start it runs: a step of pre_start; its svc is OP_NONE */
	unsigned init_step;
	bool is_run;              /* a container of `davit run`; its svc is OP_NONE but while it is the one to be made */
	bool wanted;              /* by the model: index <= replicas */
	bool beside;              /* the other side of one that is wanted: a successor or a predecessor (sides.c) */
	const char *rolls;        /* its container is replaced by roll.c: why; NULL: it is not */
	bool chosen;              /* by the request */
	bool goes_late;           /* it leaves when all that rolls is through (after_roll.c) … */
	bool stops_early;         /* … but is stopped before that, for its host ports */
	bool follows, again;      /* it is started again then, because of what it depends on; the operations below are those of then */
	const char *recreate;     /* why, NULL: it stays */
	/* the operations that were planned for it */
	size_t op_prepare, op_create, op_start, op_healthy, op_completed, op_drain, op_stop, op_park, op_remove, op_restore;
	size_t op_gate;           /* what waits for its dependencies: the first step of pre_start, else op_start */
};

struct ctx {                      /* a plan in the making */
	const struct project *model;
	const struct graph *graph;
	const struct world *world;
	const struct plan_request *req;
	struct plan *plan;
	struct slot *slots;
	size_t n, cap;
	char *chosen;             /* per service of the model */
	bool rolls;               /* something does (roll.c) */
	size_t op_setup, op_commit;
};

#define each_slot(c, s) for (struct slot *s = (c)->slots; s && s < (c)->slots + (c)->n; s++)
#define each_slot_of(c, s, svc_index) each_slot(c, s) if (s->svc == (svc_index))

/* slots.c */
size_t service_index(const struct project *m, const char *name);     /* OP_NONE: it has none of that name */
struct slot *slot_add(struct ctx *c, char *name, const char *service, unsigned index, size_t svc);   /* takes the name */
void slot_clear(struct slot *s);                                     /* no operation is planned for it */
void slots_list(struct ctx *c);
void slots_done(struct ctx *c);

/* choose.c: marks the services of the request and, with_needs, those they need; then their slots. -1: an unknown one is asked for */
int choose(struct ctx *c, bool with_needs, struct err *err);
bool is_named(const struct ctx *c, const char *service);             /* by the request; nobody is when it is about all */

/* steps.c */
bool is_started(const struct unit_rec *r);
bool somebody_waits_for_completion(const struct ctx *c, size_t svc);
void plan_stop_remove(struct ctx *c, struct slot *s, const char *why);
void plan_replace(struct ctx *c, struct slot *s, const char *why);   /* stop and set aside; plan_start() makes the successor */
void plan_start(struct ctx *c, struct slot *s, const char *why);     /* prepare, create and (unless no_start) start, after what makes room */

/* edges.c: between the operations that were planned so far */
void need_condition(struct ctx *c, struct slot *dep, enum dep_condition cond);
void edges_of_start(struct ctx *c, struct slot *s);
void edges_of_stop(struct ctx *c, struct slot *s);

/* commit.c: what makes a transaction of the operations of an `up` */
void commit_plan(struct ctx *c);

/* up.c, undo.c, verbs.c */
void plan_leave(struct ctx *c, struct slot *s, const char *why);     /* it goes; of an `up` commit.c says when */
void up_surplus(struct ctx *c, struct slot *s);                      /* of a slot that the model does not want */
const char *what_changed(const struct ctx *c, const struct unit_rec *r, const struct service *svc);  /* NULL: the container is as wanted */
void up_wait_for(struct ctx *c, struct slot *s);                     /* --wait: for its health, or for it to run */
int make_up(struct ctx *c, struct err *err);
bool was_made_by_it(const struct ctx *c, const struct unit_rec *r);  /* by the generation that failed */
int make_undo(struct ctx *c, struct err *err);
int make_down(struct ctx *c, struct err *err);
int make_stop(struct ctx *c, struct err *err);
int make_start(struct ctx *c, bool restart, struct err *err);
int make_boot(struct ctx *c, struct err *err);
int make_remove(struct ctx *c, struct err *err);

/* run.c: `davit run`, and what the other verbs make of its containers */
int make_run(struct ctx *c, struct err *err);
/* `up`: one that runs is its user's business; one that has ended is left over. */
void run_surplus(struct ctx *c, struct slot *s);
/* sides.c: which of its sides has the container of (service, index); malloc'ed */
char *plan_side_in_force(const struct world *w, const char *service, unsigned index);

/* roll.c: whether a container that is to be replaced is so with a successor beside it; what is planned for those, once all else is */
bool roll_takes(struct ctx *c, const struct slot *s);
void roll_plan(struct ctx *c);
/* Its slot's container was being replaced, and is not any more. */
void roll_end(struct ctx *c, const struct slot *s);
/* One that was being replaced, or is scaled down, ends when its conversations are over; its stop is planned. */
void roll_drain(struct ctx *c, struct slot *s);

/* after_roll.c: whether what leaves does so only then; what is planned for that time */
bool after_roll_takes(struct ctx *c, struct slot *s);
/* Whether what runs is started again then. */
bool after_roll_follows(struct ctx *c, const struct slot *s);
void after_roll_plan(struct ctx *c);

/* pre_start.c: the slots of a service's steps, and what is to be done about them once all else is planned */
void pre_start_slots(struct ctx *c, size_t svc, unsigned index);
void pre_start_plan(struct ctx *c);

size_t plan_add(struct plan *p, enum op_kind kind, const struct slot *slot, const char *why);
void plan_edge(struct plan *p, size_t from, size_t to, bool soft);
