/* follow.h - the logs of several containers as one stream, merged in the order they were logged in: for `logs` and for `up` in the
 * foreground. Reads files only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../state/logfile.h"
#include "cli.h"

struct follow_opts {
	bool timestamps, no_prefix, no_colour;
	bool live;                       /* what is logged from now on is wanted, too: follow_fd() */
	bool apart; /* a container's standard error goes to ours; else all goes to standard output */
	struct log_range range;          /* of each container; tail -1: all lines */
	void (*before)(void *arg);       /* called before anything is written, may be NULL */
	void *arg;
};

struct follow;
/* This moment as a steady bound of a range. */
int64_t follow_now(const struct cli *c);
struct follow *follow_new(struct cli *c, const struct follow_opts *o);
void follow_free(struct follow *f);
/* From now on the slot's log takes part; known ones are left as they are. */
int follow_add(struct follow *f, const struct unit_rec *r, struct err *err);
/* Prints everything that is there. flush: also lines that have no end yet, of all slots or, with slot
 * given, of that one. */
int follow_pump(struct follow *f, bool flush, const char *slot, struct err *err);
/* "web-1 exited with code 0", in the slot's colour. */
void follow_say(struct follow *f, const char *slot, const char *text);
/* Readable when any of the logs has grown; each follow_pump() drains it. -1 when not live. */
int follow_fd(const struct follow *f);
/* "web-1", or the container's own name. Borrowed from the record. */
const char *follow_label(const struct cli *c, const struct unit_rec *r);
