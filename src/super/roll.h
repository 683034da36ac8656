/* roll.h - private to src/super: the operations of a rolling update (plan/roll.c), as they are executed. */
#pragma once

#include "txn.h"

/* True: it is one of them, and begun. */
bool roll_begin(struct txn *t, size_t i);
/* OP_ROLLED */
void roll_all_through(struct txn *t, size_t i);
/* As op_verdict(), for those that a unit's transition may end. */
int roll_verdict(struct txn *t, size_t i, struct unit *u, struct err *err);
/* A part of an update has failed. True: that many failures are tolerated, and it is told; else the update is paused, goes on or back as
 * its failure_action says, and the failure is the request's. When all have failed nothing is updated: no ratio tolerates that. */
bool roll_tolerates(struct txn *t, size_t i, const struct err *err);
/* The container that was just made is a successor: it has a name of its own for now, and what it takes over. */
void roll_new_container(struct txn *t, struct unit *u);
/* Whether an operation on this unit may be over when that one has moved: they are sides of one slot. */
bool roll_concerns(const struct op *op, const struct unit *u);
/* The request is given up: true: this one, which has begun or not, is not done then. What is done of a turn that has come is what leaves its slot
 * with one container; somebody who supersedes the request sees to that himself, and does not wait for what takes its time. */
bool roll_ends_with(const struct txn *t, size_t i);
/* An update was given up, and is to be undone. */
bool roll_goes_back(const struct txn *t);
/* roll_look.c: whether this OP_MONITOR, whose time is up, is over only when its container listens; looks that end operations begin. */
bool roll_must_listen(struct txn *t, size_t i);
void roll_look_soon(struct txn *t);

/* roll_record.c */
/* The update was given up, or this slot's part of it has failed before: no turn. The request has failed then, if that made it fail. */
bool roll_is_settled(struct txn *t, const struct op *turn);
/* service NULL: whether any was. */
bool roll_is_given_up(const struct txn *t, const char *service);
/* One more has failed: how many have, of so many. */
size_t roll_note_failed(struct txn *t, const struct op *op, size_t *ret_total);
/* … and that is the request's failure. */
void roll_note_failure(struct txn *t, const char *service, const struct err *err, bool gives_up);
/* What was noted goes to disk. */
void roll_record(struct txn *t);
/* For another update in the same request, the way back. */
void roll_forget(struct txn *t);
