/* park.h - private to src/super: a container that is replaced, set aside until its successor is known to be good.
 *
 * It stays as it is on disk (containers/ID with what it wrote, bundle/ID), and in the record of its unit as `parked`; what it had by its
 * slot's name in the run directory, which the successor gets for itself (copies of secrets, pinned sub-paths), goes by its id meanwhile.
 * Address, namespace, ports and log are the slot's and stay in use. */
#pragma once

#include "sup.h"

/* A worker_fn for a unit whose container has ended: frees the slot. May be done again by a next supervisor. What is set aside there already,
 * replaced for good, goes; what cannot be removed of it is left to park_forget_all(). */
int park_work(void *unit, json_t **ret, struct err *err);
/* Afterwards, in the loop: the record says so with the next unit_save(). */
void park_note(struct unit *u);
/* What is set aside is the slot's container again, stopped; whatever it was replaced by has gone. Saved. */
void park_restore(struct unit *u);
/* (worker) Before a container is started as it was made: takes back what park_work() put out of its successor's way. */
int park_take_back(struct super *s, const struct unit *u, struct err *err);
/* (worker) What a container has in the run directory by this name, its slot's or, when it was put out of the way, its own, goes. */
int park_drop_pins(struct super *s, const char *name, struct err *err);
/* (worker) What is set aside goes for good; its anonymous volumes as far as the slot's container has not taken them over. */
int park_drop(struct super *s, const struct unit *u, bool volumes, struct err *err);
/* All that is set aside beside a successor is replaced for good: a later `up` that fails never brings it back. Saved. */
void park_note_replaced(struct super *s);
/* All of that goes; volumes: also the anonymous ones, which were renewed. So does what is in containers/ and nobody's any more. done:
 * afterwards; what could not be removed is still in its unit's record, or where it was. A killed worker is followed by one more. */
void park_forget_all(struct super *s, bool volumes, network_done_fn *done, void *arg);
