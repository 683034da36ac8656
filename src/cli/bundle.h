/* bundle.h - what somebody needs who is to find out why an `up` failed, in one file: `up --bundle FILE` and `davit bundle`.
 *
 * A plain tar archive, mode 0600, written beside and renamed: about.txt (how it ended, versions), config.json (the model), plan.json,
 * containers.json, events, journal, supervisor.log (each one's end), health.txt, logs.txt (the last lines of each container) and doctor.json. No
 * secret is in it that davit knows of (masks.h): values whose names look like secrets, passwords in URLs, contents of secrets and inline
 * configs, of the files as they are and of the model that ran before. */
#pragma once

#include "cli.h"

struct bundle;
/* Nothing is read or written yet. path is borrowed. */
struct bundle *bundle_new(struct cli *c, const char *path);
/* Whether a file can be made there, before anything else is done. 0 or -1. */
int bundle_check(const char *path, struct err *err);
const char *bundle_path(const struct bundle *b);
void bundle_free(struct bundle *b);      /* NULL is fine */
/* Takes what can be seen of the containers now; once: later calls do nothing. */
void bundle_look(struct bundle *b);
/* Writes the archive, looking first when nobody has. how: the command's failure. 0 or -1. */
int bundle_write(struct bundle *b, const char *how, struct err *err);
