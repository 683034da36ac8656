/* conf.h - within src/reg: what registries.conf says, as places.c uses it. */
#pragma once

#include "../util/arena.h"
#include "places.h"

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
	size_t n_mirrors, cap_mirrors;
	struct reg_at at;
};
struct reg_conf {
	struct arena *texts;
	struct reg_table *v; /* no two of the same prefix */
	size_t n, cap;
	struct strs warnings;
};

/* The table with the longest match; NULL: none. name: "HOST/REPOSITORY[:TAG][@DIGEST]". *ret_len: how much of it the prefix is. */
const struct reg_table *reg_conf_find(const struct reg_conf *c, const char *name, size_t *ret_len);
