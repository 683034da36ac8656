/* follow.h - the logs of several containers as one stream, merged by time: for `logs` and for `up` in the
 * foreground. Reads files only. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

struct follow_opts {
	bool timestamps, no_prefix, no_colour;
	bool apart; /* a container's standard error goes to ours; else all goes to standard output */
	int64_t since_ns, until_ns;      /* 0: unbounded */
	int64_t tail;                    /* last lines of each container, -1: all */
	void (*before)(void *arg);       /* called before anything is written, may be NULL */
	void *arg;
};

struct follow;
struct follow *follow_new(struct cli *c, const struct follow_opts *o);
void follow_free(struct follow *f);
/* From now on the slot's log takes part; known ones are left as they are. */
int follow_add(struct follow *f, const struct unit_rec *r, struct err *err);
/* Prints everything that is there. flush: also lines that have no end yet, of all slots or, with slot
 * given, of that one. */
int follow_pump(struct follow *f, bool flush, const char *slot, struct err *err);
/* "web-1 exited with code 0", in the slot's colour. */
void follow_say(struct follow *f, const char *slot, const char *text);
/* Adds what is to be polled to fds (room for follow_n()); each call of follow_pump() drains it. Returns
 * how many. */
size_t follow_n(const struct follow *f);
size_t follow_pollfds(struct follow *f, struct pollfd *fds);
/* "web-1", or the container's own name. Borrowed from the record. */
const char *follow_label(const struct cli *c, const struct unit_rec *r);
