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
	uint64_t plan_no;                /* no other plan that this supervisor runs has it; 0: it does not run yet */
	enum op_state *st;               /* plan.n of them; NULL: it does not run yet */
	int64_t *began_ns;               /* monotonic time at which an operation was started */
	size_t n_left;                   /* neither done, failed nor skipped */
	struct err err;                  /* the first failure */
	char *err_service, *err_attr;
	const char *culprit;             /* slot of the container that an operation of the project has failed for; the unit's */
	bool failed_to_run;              /* it is about making or starting something, not about waiting for it */
	bool fresh;                      /* there was no container before: a failed `up` leaves nothing behind */
	bool rollback;                   /* the operations are those that undo it */
	bool superseded;
	bool untouched;                  /* … of which there is nothing: it was refused before anything but setting up had begun */
	bool undo_failed;                /* … and some of it could not be undone */
	bool undo_again;                 /* … which was tried a second time */
	bool doomed;                     /* … by a `down` of everything: no use going back */
	bool held;                       /* exec_hold_starts() came */
	bool recorded;                   /* it is in txn.json */
	bool committed;                  /* OP_COMMIT is over: no way back */
	bool rolling;                    /* a rolling update has begun: what it replaced is gone, one by one; the way back is another one */
	bool told_end;                   /* its generation says how it ended */
	int64_t generation, from;        /* the one that it makes (0: none), and the one that was in force */
	json_t *new_images;              /* of the generation it makes */
	bool pumping, pump_again;
	bool over;                       /* every operation of the plan has ended, and what follows has begun */
	struct strs new_volumes, new_networks;
	struct map images;               /* service → struct image * */
	struct map foreign_names;        /* of other projects' containers → that project, malloc'ed; once they … */
	bool knows_foreign_names;        /* … were read (up_check.c) */
	bool model_is_stored;            /* model_text is what model.json has */
	char *model_text;                /* the new model while it is not on disk yet; super.model is it already … */
	struct project *last_model;      /* … and this was the one before */
	struct event *evidence;          /* up --bundle: what has failed waits to be looked at; NULL: not yet */
	struct event *deadline;          /* wait_timeout_s */
	bool looking;                    /* roll_look.c: it is about to */
	bool going_back;                 /* an update failed: the last good generation comes back */
	struct txn *next;
};

struct ticket {                          /* whose result a worker's, or a timer's, is */
	struct super *s;
	struct txn *t;
	uint64_t plan_no;
	size_t i;
};
struct ticket *ticket(struct txn *t, size_t i);      /* malloc'ed */
/* Whether there is that plan still: another request may be where that one was, and a request may have another plan, its undoing. */
bool ticket_holds(const struct ticket *k);

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
/* `up --wait` of one without a health check: how long it has to run on to be believed; 0: long enough. One that its policy has brought
 * back is believed: it may need what comes up beside it. */
int64_t op_settles_ms(const struct unit *u);
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
/* Its label is that of the service as it is defined now. False: it is already. */
bool up_label_hash(struct unit *u, const struct service *svc);
void up_new_container(struct txn *t, struct unit *u, const struct service *svc);
/* evidence.c: true: the undoing waits until who asked has seen what there is. */
bool evidence_wait(struct txn *t);
/* He has, or will not. t may be NULL. */
void evidence_seen(struct txn *t);
/* The project line of the journal says which generation is in force. */
void up_note_project(struct txn *t);
/* Parses the wire form of a model of this project. */
int up_parse_model(struct super *s, const char *text, struct project **ret, struct err *err);
/* Reads STATE/…/model.json, malloc'ed; NULL: there is none. */
char *up_stored_model(const struct super *s);
/* t->model_text goes to disk and s->model with it, whatever is there: for the way back. */
void up_force_model(struct txn *t, network_done_fn *done);

/* txn_generation.c: what an `up` makes of generation.h. */
/* With the model and the images known: a new one is written when they differ from what is in force. */
int txn_generation_begin(struct txn *t, struct err *err);
/* The model of this generation goes on being tried after a crash: its text, malloc'ed; NULL: there is none. */
char *txn_generation_model(struct super *s, int64_t n);
/* It is in force: called when its model is stored. */
void txn_generation_in_force(struct super *s, int64_t n, json_t *images);
/* How it ended; why NULL: well. */
void txn_generation_end(struct txn *t, const struct err *why);
/* The id that the request wants for a service's image, whatever its name stands for; NULL: none. */
const char *txn_pinned_image(const struct txn *t, const char *service);

/* txn_tell.c: the step that failed first, and what the container (may be NULL) said last, to who asked. */
void txn_tell_failure(struct txn *t, enum op_kind kind, struct unit *u);

/* txn_undo.c: the way back. */
/* Whether what has failed is to be undone. */
bool txn_rolls_back(const struct txn *t);
void txn_undo(struct txn *t);
/* Whether the way back has ended before everything was there again, for the first time. */
bool txn_undo_failed_once(const struct txn *t);
void txn_undo_again(struct txn *t);
/* Whether a rolling update failed that is to be taken back by another one. */
bool txn_goes_back(const struct txn *t);
void txn_go_back(struct txn *t);
/* A supervisor was killed on the way back: it goes on. */
int txn_undo_resume(struct txn *t, struct err *err);
/* When it is over: the event that says so; NULL: nothing was undone. */
json_t *txn_undo_told(const struct txn *t);

/* txn_answer.c: how the request ended, for who asked. */
/* What he is told goes to disk when he may not get to hear it. */
void answer_keep(const struct txn *t);
/* What did not end the project is answered. stays: who asked goes on listening. */
void answer_give(struct txn *t, bool stays);

/* txn_commit.c: OP_CHECK, OP_COMMIT, OP_FORGET, OP_UNMAKE. */
void begin_check(struct txn *t, size_t self);
void begin_commit(struct txn *t, size_t self);
void begin_forget(struct txn *t, size_t self);
void begin_unmake(struct txn *t, size_t self);
/* txn_precheck.c: a worker_fn: what OP_CHECK looks at in the file system. *ret: {} or {"failed", "kind", "hint", "service", "attr"}. */
int precheck_work(void *super, json_t **ret, struct err *err);
/* A rolling update begins. */
void txn_note_rolling(struct txn *t);
/* What the request will make and could have to take back, into the request. */
void txn_note_new(struct txn *t);

/* txn.c: the request as it is now is written to txn.json. */
int txn_record(struct txn *t, struct err *err);
int txn_make_plan(struct txn *t, enum plan_verb verb, struct err *err);
void txn_make_units(struct txn *t);
void txn_finish(struct txn *t);
/* Operations of a plan that has nothing of its own any more but what goes: what would be started is not. */
void exec_hold_starts(struct txn *t);
/* super.c: the project is gone: its directories too. */
void project_forget(struct super *s);
/* The loop ends, with status 0, when the clients have heard it. */
void super_finish(struct super *s);

/* txn_crash.c: a request that ends one supervisor after another is given up. */
/* It is about to be gone on with: one more, on disk. */
void crash_count(struct super *s, json_t *req);
/* This supervisor makes room for another: that is not the doing of the request in progress. */
void crash_uncount(struct super *s);
/* For what comes now in its place, the way back. */
void crash_count_anew(struct txn *t);
/* There is a plan: whether it shows that something was done. */
void crash_note_plan(struct txn *t);
/* -1: no more of it, *err says why; t is as the undoing needs it, and it is on record. */
int crash_check(struct txn *t, struct err *err);
/* It has ended well: it may be what was given up once. */
void crash_settled(const struct txn *t);

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
/* txn_queue.c: whether a request that supersedes this one is to stop or to remove the service's containers. */
bool txn_is_taken_away(const struct txn *t, const char *service);
/* Every operation has ended: the answer, or the undoing. */
void txn_plan_over(struct txn *t);
