/* toml_parts.h - within toml*.c: the reader. Its text ends with a NUL and has none before. */
#pragma once

#include "toml.h"

struct toml_reader {
	struct arena *arena;
	const char *file, *text;
	const char *p;
	unsigned line;
	size_t nodes;
	int depth;
	struct err *err;
};

int toml_fail(struct toml_reader *r, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void toml_blanks(struct toml_reader *r);	      /* blanks and tabs */
void toml_lines(struct toml_reader *r);		      /* and newlines and comments */
bool toml_newline(struct toml_reader *r);
/* A new value that begins where the reader stands; NULL: there are too many. */
struct toml *toml_new(struct toml_reader *r, enum toml_kind kind);
int toml_append(struct toml_reader *r, struct toml *parent, struct toml *child); /* too many keys: -1 */

bool toml_at_string(const struct toml_reader *r);
int toml_string(struct toml_reader *r, bool one_line, const char **ret);
int toml_value(struct toml_reader *r, struct toml **ret);
/* KEY = VALUE, where the key may be dotted, into a table. */
int toml_pair(struct toml_reader *r, struct toml *table);
/* One part of a key. */
int toml_key(struct toml_reader *r, const char **ret);
