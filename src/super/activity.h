/* activity.h - private to src/super: what a unit has in flight. E_OK or E_FAIL is posted at its end; u->fail then says why. */
#pragma once

#include "sup.h"

/* fn(job) in a worker; job's memory is inherited by it. */
void activity_worker(struct unit *u, enum activity act, worker_fn *fn, void *job);
/* The runtime's create (with the container's stdio), start or delete; 0, -1: it could not even be run, and E_FAIL is posted. */
int activity_call(struct unit *u, enum activity act, const int stdio[3]);
/* Everything in the container's cgroup goes, then the runtime's `delete`. */
void activity_clean(struct unit *u);
/* Posts E_FAIL about an attribute (NULL: none in particular). */
void activity_fail(struct unit *u, const char *attr);
/* This process is about to make room: what would be at work beside the next supervisor, for the same container, is ended. */
void activity_cut_short(struct unit *u);

/* act.c: what a preparation reported. */
void act_note_prepared(struct unit *u, const json_t *j);
void act_note_anonymous(struct unit *u, const json_t *j);
