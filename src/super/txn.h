/* txn.h - private to src/super: one request that acts, from its arrival to its last event. */
#pragma once

#include "sup.h"

enum op_state { OP_PENDING, OP_RUNNING, OP_DONE, OP_FAILED, OP_SKIPPED };

struct txn {
	struct super *s;
	struct client *c;                /* NULL: it went away, or nobody asked (resumed after a crash) */
	json_t *req;                     /* without the model once that is stored */
	enum plan_verb verb;
	char **services;                 /* NULL-terminated, NULL: all */
	struct plan plan;
	enum op_state *st;               /* plan.n of them */
	int64_t *began_ns;               /* monotonic time at which an operation was started */
	size_t n_left;                   /* neither done, failed nor skipped */
	struct err err;                  /* the first failure */
	char *err_service, *err_attr;
	bool failed_to_run;              /* it is about making or starting something, not about waiting for it */
	bool fresh;                      /* there was no container before: a failed `up` leaves nothing behind */
	bool rollback;                   /* the operations are those that undo it */
	bool superseded;
	bool pumping, pump_again;
	struct strs new_volumes, new_networks;
	struct map images;               /* service → struct image * */
	char *model_text;                /* the new model while it is not on disk yet; super.model is it already … */
	struct project *last_model;      /* … and this was the one before */
	struct event *evidence;          /* up --bundle: what has failed waits to be looked at; NULL: not yet */
	struct event *deadline;          /* wait_timeout_s */
	struct roll *rolls;              /* roll.c: updates of this request */
	bool draining;                   /* roll.c: it is about to look whose conversations are over */
	bool going_back;                 /* an update failed: the last good generation comes back */
	struct txn *next;
};

struct ticket {                          /* whose result a worker's, or a timer's, is */
	struct super *s;
	struct txn *t;
	size_t i;
};
struct ticket *ticket(struct txn *t, size_t i);      /* malloc'ed */

/* txn_op.c: what each kind of operation starts. */
void op_begin(struct txn *t, size_t i);
/* The unit that it is about; NULL: it went away. */
struct unit *op_subject(struct txn *t, size_t i);
/* txn_project.c: true: it is the project's, and begun. */
bool op_begin_project(struct txn *t, size_t i);
/* txn_volumes.c */
void op_begin_volumes(struct txn *t, size_t i);
/* txn_verdict.c: whether one on a container is over. 1: done, 0: not yet, -1: failed, *err says why. */
int op_verdict(struct txn *t, size_t i, struct unit *u, struct err *err);
/* It runs and is not on its way out. */
bool op_runs(const struct unit *u);
void op_announce(struct txn *t, size_t i, bool begins);
/* exec_plan.c: called by whoever learns that an operation is over. err NULL: done. */
void op_end(struct txn *t, size_t i, const struct err *err, const char *attr);
/* It is not done, nor what waits for it. */
void op_skip(struct txn *t, size_t i);

/* txn_up.c: what `up` needs before there can be a plan: the model, its images, its books. */
int up_accept_model(struct txn *t, struct err *err);
/* The model goes to disk, synced, once everything that can be checked beforehand is right: what a boot brings back is always one that could
 * be tried. True: a worker is at it, and `done` is called; then, if that went well, up_model_stored() is to be. */
bool up_store_model(struct txn *t, network_done_fn *done);
void up_model_stored(struct txn *t);
/* Instead: the one before is in force again. */
void up_drop_model(struct txn *t);
int up_check_images(struct txn *t, struct err *err);
/* up_check.c: what the service asks for that this host cannot do. */
int up_check_service(struct txn *t, const struct service *svc, struct err *err);
/* After the plan and its units are made: two of ours cannot have one host port; found before the one that has it is stopped. */
int up_check_ports(struct txn *t, struct err *err);
void up_new_container(struct txn *t, struct unit *u, const struct service *svc);
/* evidence.c: true: the undoing waits until who asked has seen what there is. */
bool evidence_wait(struct txn *t);
/* He has, or will not. t may be NULL. */
void evidence_seen(struct txn *t);
/* super.c: the project is gone: its directories too. */
void project_forget(struct super *s);
/* The loop ends, with status 0, when the clients have heard it. */
void super_finish(struct super *s);

/* txn_run.c: what is different about `run` */
int txn_run_check(struct txn *t, struct err *err);
/* The container that it is about, once it has a unit. */
struct unit *txn_run_unit(const struct txn *t);
/* The service as the operation's unit is to have it: of the model, or what `run` makes of it, in the arena. */
const struct service *txn_service_of(const struct unit *u, const struct service *svc, struct arena *a);
/* The request is over, and its answer is to be given: true: a client was told, and stays. */
bool txn_run_over(struct txn *t);

/* exec_plan.c */
void exec_start(struct txn *t);
/* Nothing more is begun, what waits waits no longer; what is in flight comes to its end. */
void exec_give_up(struct txn *t, const struct err *why);
/* txn.c: the first of those that wait begins, if none is in progress. */
void txn_next(struct super *s);
void txn_free(struct txn *t);
/* Every operation has ended: the answer, or the undoing. */
void txn_plan_over(struct txn *t);
bool txn_rolls_back(const struct txn *t);
