/* spool.h - the outer archive, taken apart: each of its files becomes a file in the staging directory, hashed
 * on the way. */
#pragma once

#include "../util/hash.h"
#include "../util/map.h"
#include "pack.h"
#include "stage.h"

struct spooled {
	char *link; /* a link inside the archive: the clean name it leads to; nothing else is set then */
	struct staged_blob blob;
};
/* name in the archive → struct spooled. Runs a confined child that can do nothing but write into the staging
 * directory. */
int spool_run(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err);
void spool_done(struct map *m);
/* The file behind a name, through links; NULL: the archive does not have it. */
const struct staged_blob *spool_get(const struct map *m, const char *name);
/* How the n first bytes of a file say that it is compressed. */
enum blob_kind spool_kind(const unsigned char *p, size_t n);
