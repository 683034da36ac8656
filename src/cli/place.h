/* place.h - where the user's files speak of what a command finds wrong later than reading them. */
#pragma once

#include "cli.h"

struct place {
	struct pos pos;
	unsigned span;                   /* columns; 0: not known */
	const char *origin;              /* "TAG is set in .env:3"; NULL: the text is the user's own */
};

/* The user's text at `where` of a service ("image", "pre_start/0/image"), as deep as the path leads: what he did not write has no place.
 * is_key: of the last word, not of its value. */
struct place place_of(const struct project *p, const struct service *s, const char *where, bool is_key);
/* An error or a warning there: "service 'web': " and err's message, with its hint. */
void place_say(struct diag *found, enum diag_level level, const struct place *at, const struct service *s, const struct err *why);
/* Prints what was found, sorted, with the lines of the files. Returns 0, or CLI_PRINTED when there is an error among it. Empties `found`. */
int place_print(struct cli *c, struct diag *found);
