/* spool.h - the outer archive, taken apart: each of its files becomes a file in the staging directory, hashed
 * on the way. */
#pragma once

#include "../util/hash.h"
#include "../util/map.h"
#include "pack.h"
#include "stage.h"

enum spool_kind { SPOOL_PLAIN, SPOOL_GZIP, SPOOL_ZSTD };

struct spooled {
	char *link; /* a link inside the archive: the clean name it leads to; nothing else is set then */
	char *file; /* its name in the staging directory */
	char hex[HASH_HEX_LEN + 1];
	uint64_t size;
	enum spool_kind kind;
};
/* name in the archive → struct spooled. Runs a confined child that can do nothing but write into the staging
 * directory. */
int spool_run(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err);
void spool_done(struct map *m);
/* The file behind a name, through links; NULL: the archive does not have it. */
const struct spooled *spool_get(const struct map *m, const char *name);
