/* joined_keys.h - the keys that let go of a container's terminal, found in what is typed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../util/err.h"

enum { KEYS_MAX = 16 };
struct keys {
	char seq[KEYS_MAX];
	size_t n, seen;                  /* seen: so many of them were the last that were typed, and are held back */
};

/* "ctrl-p,ctrl-q" (ctrl- with a letter or one of @[\]^_), "a,b"; NULL: ctrl-p,ctrl-q. ERR_USAGE when it is none. */
int keys_parse(const char *text, struct keys *ret, struct err *err);
/* Moves n typed bytes to `out` (room for n + KEYS_MAX), without what may be the beginning of the keys, and with what was held back and is
 * none after all. True: they were pressed; what came behind them is dropped. */
bool keys_filter(struct keys *k, const char *typed, size_t n, char *out, size_t *ret_n);
