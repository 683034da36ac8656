/* touch.h - a name of the store was found to be its image's still. */
#pragma once

#include "../util/err.h"

enum { TOUCH_LOST = 1 };
/* Notes that the registry has nothing newer than the manifest `digest` by the (normalised) name `ref` now: PULLED_AT of store.h.
 * TOUCH_LOST: the store has it by that name no more. */
int pack_touch(const char *state_dir, const char *ref, const char *digest, struct err *err);
