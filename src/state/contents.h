/* contents.h - what was in the files of configs and secrets when containers were made of them: STATE/projects/NAME/contents/SHA-256.
 *
 * Such a file is bound into its container as it is, so that what is written there is seen. When an `up` that brought another one is undone,
 * or rolled back, the containers from before it have to see what they saw; so a copy is kept beside the generations, with its owner and
 * mode, as long as one of these names it. Files of more than CONTENTS_MAX are not kept. Nothing here fails: who finds no copy does without. */
#pragma once

#include <stdbool.h>

enum { CONTENTS_MAX = 4 << 20 };

/* digest: as the model has it (project_digest_contents()); nothing is kept when the file is another one already. */
void contents_keep(int state_fd, const char *digest, const char *file);
bool contents_are_kept(int state_fd, const char *digest);
/* "contents/…" below the state directory, where there is what `file` had inside and does not have any more; malloc'ed. NULL: it still has, or
 * nothing was kept. */
char *contents_instead(int state_fd, const char *digest, const char *file);
/* Those that no generation names go. Reads all generations. */
void contents_prune(int state_fd);
