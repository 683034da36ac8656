/* conf.h - within src/reg: what registries.conf says, as places.c uses it. */
#pragma once

#include "../util/arena.h"
#include "places.h"

enum { CONF_TABLES_MAX = 4096, CONF_DROP_INS_MAX = 256, CONF_MIRRORS_MAX = 64 };

enum mirror_use { MIRROR_ALL, MIRROR_DIGEST_ONLY, MIRROR_TAG_ONLY };

struct reg_at { /* a line of a file */
	const char *file;
	unsigned line;
};
struct reg_mirror {
	const char *location;
	bool insecure;
	enum mirror_use use;
	struct reg_at at;
};
struct reg_table {
	const char *prefix;   /* HOST[:PORT][/PATH[:TAG|@DIGEST]] or *.DOMAIN */
	const char *location; /* the same; "": as the user wrote it (only with *.DOMAIN) */
	bool insecure, blocked;
	struct reg_mirror *mirrors;
	size_t n_mirrors;
	struct reg_at at;
};
struct reg_tables {
	struct reg_table *v; /* texts and mirrors are the arena's */
	size_t n, cap;
};
struct reg_conf {
	struct arena *arena;
	struct reg_tables tables; /* no two of the same prefix */
	struct strs warnings;
};

/* What one file says. `drop_in`: version 1 is refused there. The tables are added to those that ret has. */
int conf_file(struct reg_conf *c, const char *file, const char *text, size_t n, bool drop_in, struct reg_tables *ret, struct err *err);

/* The table with the longest match; NULL: none. name: "HOST/REPOSITORY[:TAG][@DIGEST]". *ret_len: how much of it the prefix is. */
const struct reg_table *conf_find(const struct reg_conf *c, const char *name, size_t *ret_len);
