/* verb.h - what davit-image can be asked for: one file and one row each.
 *
 * `davit-image VERB REQUEST-FD [OUTPUT-FD]`: the request is a JSON object, read from the first descriptor to its end; an archive to be written
 * goes to the second. What happens is told on standard output, one JSON object a line, {"ev":WORD,…}; a failure is the last of them,
 * {"ev":"error","kind","msg","hint"}, and exit status 1. Each verb's file says what its request and its events hold; every request has
 * "state_dir". davit is the one who asks (src/cli/imager.h). */
#pragma once

#include <jansson.h>

#include "../util/err.h"

struct verb {
	const char *name;
	int (*run)(const json_t *request, int output_fd, struct err *err);   /* output_fd: -1 when none is given; borrowed */
};

extern const struct verb verb_check;
extern const struct verb verb_extract;
extern const struct verb verb_import;
extern const struct verb verb_load;
extern const struct verb verb_login;
extern const struct verb verb_logout;
extern const struct verb verb_pull;
extern const struct verb verb_push;
extern const struct verb verb_remove;
extern const struct verb verb_save;
extern const struct verb verb_tag;
extern const struct verb verb_take;
extern const struct verb verb_unpack;
extern const struct verb verb_usage;

/* Tells an event; takes it. */
void verb_emit(json_t *ev);
/* The same as a callback of the rooms below, which keep theirs. */
void verb_on_event(void *arg, const json_t *ev);
/* Reads the request, runs the verb. Returns the exit status. */
int verb_main(int argc, char **argv);
