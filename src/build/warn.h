/* warn.h - what the builder in use does without. */
#pragma once

#include "spec.h"

/* Calls fn for each thing that was asked for and has no effect; where: the place in the service ("build/cache_to/0", src/cli/place.h). */
void build_warnings(const struct build_spec *b, void (*fn)(void *arg, const char *where, const char *text), void *arg);
