/* load_line.h - private to load: the lines around a mistake, as load_guess.c looks at them. */
#pragma once

#include "load_tree.h"

struct line {
	unsigned nr;
	const char *p; /* its first character */
	size_t len;    /* without blanks at its end */
	size_t indent; /* blanks before the first word */
};

/* Line nr of the file; false: there is none. */
bool line_at(const struct loader *l, unsigned nr, struct line *ret);
/* The nearest line above that is neither empty nor a comment; ret may be ln. */
bool line_above(const struct loader *l, const struct line *ln, struct line *ret);
struct pos line_place(const struct loader *l, const struct line *ln, size_t byte);
/* The byte that a column stands on, len when it is behind the end. */
size_t line_byte(const struct line *ln, unsigned col);
/* Whether the dash of a list item stands there. */
bool line_is_dash(const struct line *ln, size_t at);
/* Where the key or value starts, behind the dashes of list items. */
size_t line_content(const struct line *ln);
/* The ':' that ends a key, or len. */
size_t line_colon(const struct line *ln, size_t from);
/* The '#' of a comment behind something, or len. */
size_t line_comment(const struct line *ln);
/* Reports a mistake from one byte to another. Both may be behind the end: libyaml ends lines in more ways than we do. */
void line_fail(struct loader *l, const struct line *ln, size_t from, size_t to, const char *msg);
