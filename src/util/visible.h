/* visible.h - foreign text for a terminal. What could steer it, hides itself or is no UTF-8 is written out: \x1b, \u202e, \xff. */
#pragma once

#include <stddef.h>

struct buf;

/* Appends the first character of the n bytes at s (n > 0) and tells how many of them it is and how many columns it takes. A tab
 * stays as it is and counts as one column. `out` may be NULL. */
size_t visible_char(struct buf *out, const char *s, size_t n, size_t *ret_columns);
/* Appends all of it; returns the columns. */
size_t visible(struct buf *out, const char *s, size_t n);
/* A text of its own, malloc'ed; NULL for NULL. */
char *visible_copy(const char *s);
