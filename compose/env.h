/* env.h - variables and where they were set; the syntax of .env files and env_files.
 *
 * An env is the list that interpolation looks into. The first setting of a name wins unless env_put() is told
 * otherwise: the process' environment is added first, then the files. All texts live in the arena. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../src/util/map.h"
#include "pos.h"

struct arena;
struct diag;

struct env_var {
	const char *name;
	const char *value; /* NULL: named without a value, and set nowhere */
	struct pos pos;    /* in the file that set it; file NULL: the environment of the caller */
};

/* Bytes of files, at most ENV_MAX_TOTAL; the variables set there, at most ENV_MAX_VARS; and the bytes that variables made of them,
 * at most INTERP_MAX_SPENT. */
struct env_growth {
	size_t read, vars, spent;
};

struct env {
	struct arena *arena;
	struct map vars;         /* name → struct env_var, in order of insertion */
	const struct env *first; /* asked before this one; borrowed, usually NULL */
	bool partial;            /* a file could not be read wholly: what is not here may be there */
	struct env_growth growth;
};

void env_init(struct env *e, struct arena *a);
void env_done(struct env *e);
const struct env_var *env_find(const struct env *e, const char *name);
bool env_is_partial(const struct env *e); /* with those asked before it */
/* One that has a value and nearly that name; NULL: none. */
const struct env_var *env_nearest(const struct env *e, const char *name);
const char *env_value(const struct env *e, const char *name); /* NULL: not set */
void env_put(struct env *e, const char *name, const char *value, struct pos pos, bool overwrite);
/* Texts that are in the arena already are not copied; replaces what was there. */
void env_set(struct env *e, const char *name, const char *value, struct pos pos);
/* NAME=value list, NULL-terminated. */
void env_put_list(struct env *e, const char *const *list, bool overwrite);
/* Every variable of `from`, which has the same arena. */
void env_put_all(struct env *e, const struct env *from, bool overwrite);
/* "WEB_PORT is set in .env:3" or "WEB_PORT is set in the environment", in the arena. */
const char *env_origin(struct arena *a, const struct env_var *v);

/* Reads the syntax of .env: NAME=value, NAME: value, quotes, comments, `export`, several lines in quotes;
 * unquoted and double-quoted values may use variables, first of `lookup` (may be NULL), then of what the file
 * said before; a bare NAME takes its value from `lookup`. Adds to `into`, later ones over earlier ones. 0, or
 * -1 with the reasons in d. raw: NAME=value lines, taken literally. */
int env_parse(struct env *into, const struct env *lookup, struct diag *d, const char *file, const char *text,
	size_t len, bool raw);
enum { ENV_MAX_BYTES = 4 << 20, ENV_MAX_TOTAL = 32 << 20, ENV_MAX_VARS = 500000, ENV_ABSENT = 1 };
/* Reads a file with env_parse(). ENV_ABSENT: there is none (nothing in d); 0; -1. `shown` is the name in
 * messages. Once the files have become too many (reported), no other is read. */
int env_load(struct env *into, const struct env *lookup, struct diag *d, const char *path, const char *shown,
	bool raw);
