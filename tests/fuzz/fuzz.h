/* fuzz.h - what targets share: one that reads small texts gets its input as a string. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../src/util/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops the run: a promise of a header does not hold for this input. */
static inline void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static inline char *fuzz_text(struct arena *a, const uint8_t *data, size_t size)
{
	return arena_strndup(a, size ? (const char *)data : "", size);
}
