/* transfer.h - images on their way from or to registries: one davit-image for all of them (src/verb/verb_pull.c, verb_push.c), shown as progress. */
#pragma once

#include "cli.h"

struct transfer_item {
	const char *ref, *platform;      /* borrowed; platform NULL: this machine's */
	const char *policy;              /* of a pull: "always", or "missing": what is there is not asked for */
	bool optional;                   /* of a pull: it can be built; a failure is shown as a warning, and comes soon */
	bool absent;                     /* afterwards, of a push: davit's store does not have it */
	struct err err;                  /* afterwards: why it failed; kind ERR_NONE: it did not */
};

struct transfer {
	const char *verb;                /* "pull", "push" */
	struct transfer_item *items;
	size_t n;
	bool no_verify;                  /* --tls-verify=false */
	struct progress *progress;       /* borrowed; NULL: nothing is shown but warnings */
};

/* Returns when all of them have come to their end, well or not. -1 with *err: what kept davit-image from its work on the rest; those that
 * failed for reasons of their own have those. transfer_done() is called in any case. */
int transfer_run(struct cli *c, struct transfer *t, struct err *err);
void transfer_done(struct transfer *t);
