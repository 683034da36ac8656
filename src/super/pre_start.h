/* pre_start.h - private to src/super: the containers that run to completion before that of a service is created.
 *
 * A step is a unit like any other, with a slot, a record, a root and a control group of its own (src/plan/pre_start.c says which and in
 * what order), so that it outlives the supervisor and is taken over as all containers are. What is different about it is here: it is made
 * from the service with what the step says instead, it lives in its container's network namespace, shares its anonymous volumes, writes to
 * its log, publishes no ports, is never restarted, and is killed, not stopped, when nobody wants it any more. */
#pragma once

#include "sup.h"

/* The container that it is a step of, NULL: it is none, or that one is gone. */
struct unit *pre_start_owner(const struct unit *u);
/* "pre_start[1]", NULL: it is no step; malloc'ed. */
char *pre_start_attr(const struct unit *u);
/* An operation's unit, which may be new. */
void pre_start_note(struct unit *u, const struct op *op);
/* up_new_container() is through: what a step's record has instead. */
void pre_start_new(struct unit *u, const struct service *svc);
/* What the container of a step is to be made from: in the worker that makes it, as this is never released. NULL: the file has no such
 * step any more. */
const struct service *pre_start_service(const struct unit *u, const struct service *svc);
/* It ended: one that succeeded will not run again for this container. */
void pre_start_ended(struct unit *u, int status);
/* About to be removed: of its anonymous volumes, those of its container stay. */
void pre_start_leave(struct unit *u);
/* 1: it succeeded, 0: not yet, -1: it failed, *err says how. */
int pre_start_verdict(const struct unit *u, struct err *err);
