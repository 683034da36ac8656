/* plan.h - what to do, as data: model × world × request → operations with prerequisites.
 *
 * plan_make() is pure: no system call, same input, same plan. The supervisor starts every operation whose count of unmet prerequisites is
 * zero; success (or, along a soft edge, also failure) decrements the counts of those it wakes. `down` is the dependency graph backwards.
 * Every plan has a text form, so that it can be shown and tested.
 *
 * `up` is a transaction. When it replaces or removes something and makes something, nothing is stopped or made before OP_CHECK, which looks
 * at all that is to be made. A container that is replaced is set aside (stop, park), the successor takes its slot; OP_COMMIT waits until
 * everything that the request starts has started, and until successors with a health check are healthy. Only then what was set aside is
 * removed (forget), and so is what has no successor (scaled down, an orphan); where something rolls, that comes after it (after_roll.c).
 * When anything fails before OP_COMMIT, the executor makes a plan for PLAN_UNDO and runs that. A replaced container whose successor never
 * came to a commit (a supervisor was killed) is in unit_rec.parked: the next `up` goes on with the successor, or makes another one, and has
 * the same container to go back to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../compose/model.h"
#include "../../netdrv/net.h"
#include "../state/journal.h"
#include "../util/buf.h"
#include "../util/err.h"
#include "../util/str.h"

enum op_kind {
	OP_SETUP,        /* volumes, networks, slots, ports: one operation for the whole project */
	OP_PREPARE,      /* root file system, volumes' first content, bundle of a slot */
	OP_CREATE,       /* runtime: create */
	OP_START,        /* runtime: start */
	OP_HEALTHY,      /* wait until the slot is healthy */
	OP_COMPLETED,    /* wait until the slot has exited with 0 */
	OP_STOP,
	OP_PARK,         /* of a slot whose container is replaced: it is set aside as it is, the slot is free for its successor */
	OP_REMOVE,       /* the container of a slot and its anonymous files */
	OP_RESTORE,      /* what was set aside is the slot's container again */
	/* a rolling update (roll.c); all are about the successor but OP_DRAIN and OP_SETTLE, which are about what it replaces */
	OP_TURN,         /* wait until it is this slot's turn; it never comes when the update is given up */
	OP_MONITOR,      /* look at the successor for so long: it has to keep running, and healthy */
	OP_SWITCH,       /* the slot's name and its part of the host ports go to the successor */
	OP_DRAIN,        /* out of rotation, until its conversations are over */
	OP_SETTLE,       /* when the successor did not make it: it goes, and the slot is the old one's as before */
	OP_ROLLED,       /* all that rolls is through, and no update was given up: else what waits for it is left out */
	OP_CHECK,        /* what is to be made is looked at as far as that goes beforehand: while everything that is to be stopped still runs */
	OP_COMMIT,       /* all successors are started, and healthy when they have a check: there is no way back from here, nor a need of one */
	OP_FORGET,       /* what was set aside is removed */
	OP_UNMAKE,       /* networks and volumes that the request which is undone had made go */
	OP_PORTS,        /* host ports and rules are those of what runs now */
	OP_TEARDOWN,     /* networks, slots, rules, cgroups: what OP_SETUP made */
	OP_VOLUMES,      /* remove the project's named and anonymous volumes */
	OP_NKINDS
};

struct op_edge {
	size_t to;       /* index of the operation that waits */
	bool soft;       /* it may go on when this one fails (depends_on required: false) */
};

struct op {
	enum op_kind kind;
	char *slot, *service;     /* NULL for those of the project */
	unsigned index;           /* of the slot, from 1 */
	char *init_of;            /* NULL, or the slot before whose start this one runs: a step of pre_start … */
	unsigned init_step;       /* … with this index */
	char *why;                /* "new", "image changed", … */
	bool roll;                /* part of a rolling update */
	int64_t wait_ms;          /* OP_TURN, OP_MONITOR: for so long; OP_DRAIN: no longer */
	bool asked;               /* OP_HEALTHY: up --wait waits for it, whether or not others do; without a health check for it to run */
	struct op_edge *wakes;
	size_t n_wakes, cap_wakes;
	size_t n_unmet;
};

struct plan {
	struct op *ops;
	size_t n, cap;
	struct strs kept;         /* slots that run already and stay as they are */
	struct strs warnings;     /* what will be done in another way than the file says */
	struct strs orphans;      /* slots of services that the model does not have and that stay */
};

enum plan_verb {
	PLAN_UP, PLAN_DOWN, PLAN_START, PLAN_STOP, PLAN_RESTART, PLAN_REMOVE,
	PLAN_RUN,        /* `davit run`: the one container of plan_request.run_slot, when what its service needs is as it asks for */
	PLAN_UNDO,       /* an `up` that failed: what it set aside comes back, and runs again if it did; what it made goes; what it stopped to
			    start it again is started. The model is that from before it */
	PLAN_BOOT        /* after a boot: what ran before it (unit_rec.resume), in the order of dependencies with their conditions. What its
			    user had stopped, and what had ended by itself, stays so, and nobody waits for it */
};

struct plan_request {
	enum plan_verb verb;
	const char *const *services;      /* NULL-terminated; NULL: all */
	bool no_start, force_recreate, no_recreate, always_recreate_deps, remove_orphans, no_deps;
	bool back;                        /* up: the way back from an update that failed: rollback_config holds */
	bool volumes;                     /* down -v */
	bool stop;                        /* rm -s */
	bool shutdown;                    /* stop: the host goes down; containers of `run` stop, too */
	const char *run_slot;             /* PLAN_RUN: of its one service */
	bool committed;                   /* up, gone on with: its OP_COMMIT was over, successors are not waited for once more */
	bool rolling;                     /* up, gone on with: its rolling updates had begun */
	int64_t generation;               /* undo, back: the generation that failed, by which its containers are known; 0: it made none */
	bool wait;                        /* up --wait: also OP_HEALTHY for everything with a health check, or that is to run again by itself */
	/* Image id ("sha256:…") that the service would run now; NULL: not known, no reason to recreate. */
	const char *(*image_id)(void *ctx, const struct service *svc);
	/* Whether the service has a health check (its own or its image's). */
	bool (*has_health)(void *ctx, const struct service *svc);
	void *ctx;
};

/* "up", "rm" …: what a request calls it. False: that is no verb of a plan. */
const char *plan_verb_str(enum plan_verb verb);
bool plan_verb_parse(const char *op, enum plan_verb *ret);
/* What a request of the control socket says, but for its services and the questions, which are the caller's. */
void plan_request_read(const json_t *req, enum plan_verb verb, struct plan_request *ret);

/* model may be NULL for PLAN_DOWN of a project whose model is lost: then there is no order. world: what exists. 0 or -1 (an unknown
 * service: ERR_NOT_FOUND with a hint). */
int plan_make(const struct project *model, const struct world *world, const struct plan_request *req,
	      struct plan *ret, struct err *err);
void plan_done(struct plan *p);
/* The other side of a slot, "web-1+b" of "web-1" and back; malloc'ed. */
char *plan_other_side(const char *slot);
/* Of the records of a slot's two sides, first and second (either may be NULL): whether the first has its container. */
bool plan_has_the_slot(const struct unit_rec *a, const struct unit_rec *b);
bool plan_is_held(const struct unit_rec *r);         /* a successor that does not serve yet */
/* Whether it is waited for, but only by services that do without it, too (required: false). */
bool op_is_optional(const struct op *op);
const char *op_kind_str(enum op_kind kind);
/* One line per operation: "start web-1 (new) after setup, create web-1, healthy db-1". */
void plan_print(const struct plan *p, struct buf *out);

/* Whether there is such an operation on the slot (NULL: on the project). */
bool plan_has(const struct plan *p, enum op_kind kind, const char *slot);
/* Whether an OP_PREPARE is of a container that does not exist yet or is removed first: then the model says what it is to be; else its own
 * record and bundle do. */
bool plan_makes_anew(const struct plan *p, const struct op *prepare, const struct unit_rec *r);

/* What a container of the service is called: "demo-web-1", or its container_name; malloc'ed. */
char *plan_container_name(const struct project *model, const struct service *svc, unsigned index);

/* Whether `down -v` of these services (NULL-terminated; NULL: of all) is about the volume of that name. One that is external by now never is,
 * though the project made it once; with services it is one that they mount. model may be NULL. */
bool plan_takes_volume(const struct project *model, const char *const *services, const char *name);

/* A network as the address book is asked for it; borrows from both. */
struct net_spec plan_net_spec(const struct project *p, const struct network *n);

/* What the states of a journal record mean to a plan. */
bool plan_rec_running(const struct unit_rec *r);     /* runs, or is on its way to run again */
bool plan_rec_finished(const struct unit_rec *r);    /* ended by itself with 0 */
