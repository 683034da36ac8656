/* generation.h - what the project was to be, each time that changed: STATE/projects/NAME/generations/N.json.
 *
 * {"n", "at": wall ns, "command": "up", "model": wire form, "images": {service: {"ref", "id"}}, "services": [names, absent for all],
 *  "contents": [SHA-256],
 *  "outcome": "good"|"failed"|"unfinished", "why"}
 *
 * A new one is written, "unfinished", before the first operation of an `up` whose model or images differ from those in force; which one is
 * in force stands in the journal's project line ("generation"). A failed one that was undone never is. One of an older davit, which knew no
 * generations, becomes number 1 with the first `up` that changes something. Files are small and written beside and renamed, unsynced: one
 * that a power cut has torn is as good as absent. They live as long as the project: `down` ends the history.
 *
 * Kept are the last GENERATIONS_KEPT good ones, those after the oldest of these, as far as they are among the last GENERATIONS_MAX: who tries
 * again and again in vain fills no disk; and those that made a container which still lives. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"

enum { GENERATIONS_KEPT = 10, GENERATIONS_MAX = 30 };

enum generation_outcome { GENERATION_UNFINISHED, GENERATION_GOOD, GENERATION_FAILED };
const char *generation_outcome_str(enum generation_outcome o);

struct generation {
	int64_t n;               /* from 1 */
	int64_t at_ns;           /* wall */
	char *command;           /* "up", "rollback 3" */
	json_t *model, *images;  /* objects */
	json_t *services;        /* array of names, NULL: all */
	json_t *contents;        /* array of digests: what was in the files of configs and secrets (contents.h); NULL: not known */
	enum generation_outcome outcome;
	char *why;               /* it failed; NULL */
};
void generation_done(struct generation *g);

/* ERR_NOT_FOUND: there is none of that number. */
int generation_read(int state_fd, int64_t n, struct generation *ret, struct err *err);
int generation_write(int state_fd, const struct generation *g, struct err *err);
/* Reads, changes, writes. why may be NULL. */
int generation_end(int state_fd, int64_t n, enum generation_outcome o, const char *why, struct err *err);

struct generations {
	struct generation *v;    /* ascending by n */
	size_t n;
};
/* Those that can be read; none at all is fine. state_fd -1: none. */
void generations_list(int state_fd, struct generations *ret);
void generations_done(struct generations *l);
/* The newest good one before n; NULL: there is none. */
const struct generation *generations_good_before(const struct generations *l, int64_t n);
/* The highest number that is used, 0: none. Reads names only. */
int64_t generation_last(int state_fd);
/* Whether some of them may be too many. Reads names only. */
bool generations_are_many(int state_fd);
/* Removes those that are not kept. made_something: whether a container lives that generation n made. */
void generations_prune(int state_fd, int64_t in_force, bool (*made_something)(void *arg, int64_t n), void *arg);

/* {service: {"ref", "id"}} → the id, NULL: not known. */
const char *generation_image(const json_t *images, const char *service);
