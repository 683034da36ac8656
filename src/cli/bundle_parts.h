/* bundle_parts.h - private to bundle*.c: where what is in a bundle comes from. All of it is bounded. */
#pragma once

#include "bundle.h"
#include "masks.h"

enum { PART_MAX = 1 << 20 };     /* bytes of each, the last ones */

/* What this davit prints with these words (NULL-terminated) behind the options that choose the project; the whole command line's when
 * `with_files`, else its name alone. Waits 10 s at most; what goes wrong is in the text. */
void bundle_ask(const struct cli *c, const char *const *words, bool with_files, struct buf *out);
/* The end of a file of the project's state directory. */
void bundle_tail(const struct cli *c, const char *name, struct buf *out);
/* "web-1 unhealthy (3 failures): …" for each container that has a health check. */
void bundle_health(const struct cli *c, struct buf *out);
/* The model as `config` prints it, masked. */
void bundle_config(const struct cli *c, struct buf *out);
void bundle_versions(const struct cli *c, struct buf *out);
/* All secrets of the project that are known, from its files and its variables. */
/* Those that lines of JSON tell of, what 'run' was given with -e and -l: text is the journal's or of events. */
void bundle_secrets_told(const struct buf *text, struct masks *m);
void bundle_secrets(const struct cli *c, struct masks *m);
/* Those of the model that is in force, and of the generations before. */
void bundle_secrets_stored(const struct cli *c, struct masks *m);
