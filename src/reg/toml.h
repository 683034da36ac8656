/* toml.h - the part of TOML 1.0 (toml.io) that configuration files use: tables, arrays of tables, dotted keys, strings of all four
 * kinds, integers, booleans, arrays, inline tables, comments. Numbers with a point and dates are refused. Pure.
 *
 * Foreign text: it must be UTF-8 without control characters, and no more than TOML_MAX bytes, TOML_NODES_MAX values, TOML_KEYS_MAX
 * keys a table and TOML_DEPTH_MAX levels. Every mistake is ERR_INPUT, "FILE:LINE:COLUMN: …", columns in characters, both from 1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/arena.h"
#include "../util/err.h"

enum { TOML_MAX = 1 << 20, TOML_NODES_MAX = 32768, TOML_KEYS_MAX = 4096, TOML_DEPTH_MAX = 32 };

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOLEAN, TOML_ARRAY, TOML_TABLE };
struct toml {
	enum toml_kind kind;
	const char *key;	   /* in a table; NULL in an array */
	const char *text;	   /* of a string */
	int64_t number;		   /* of an integer */
	bool truth;		   /* of a boolean */
	struct toml *first, *next; /* what a table or an array holds, in the order of the file; its neighbour */
	size_t n;		   /* how many that are */
	unsigned line;		   /* where it begins: its key, or in an array the value itself; a table where its header names it */
	size_t offset;
	/* while it is read */
	struct toml *last;
	enum toml_made { TOML_BY_HEADER, TOML_BY_LONGER_HEADER, TOML_BY_DOTS, TOML_WHOLE } made;
};
struct toml_doc {
	const char *file, *text; /* in the arena, as everything */
	const struct toml *root; /* a table */
};
int toml_parse(struct arena *a, const char *file, const char *text, size_t n, struct toml_doc *ret, struct err *err);
const struct toml *toml_get(const struct toml *table, const char *key); /* NULL: it has no such key */
const char *toml_kind_str(enum toml_kind kind);			/* "a string", "an array", … */

/* "FILE:LINE:COLUMN"; malloc'ed. */
char *toml_where(const struct toml_doc *d, const struct toml *at);
/* ERR_INPUT with the place before it. Returns -1. */
int toml_bad(const struct toml_doc *d, const struct toml *at, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define toml_each(parent, it) for (const struct toml *it = (parent)->first; it; it = it->next)
