/* spool.h - the outer archive, taken apart: what its files are, and where. */
#pragma once

#include "../util/hash.h"
#include "../util/map.h"
#include "pack.h"
#include "stage.h"

struct spooled {
	char *link; /* a link inside the archive: the clean name it leads to; nothing else is set then */
	struct staged_blob blob;
};
/* Both: name in the archive → struct spooled. They run a confined child that can do nothing but write into the staging directory. */
/* Of an archive that is a file and not compressed: its documents become files in the staging directory, hashed; everything else stays where it
 * is (blob.part), to be taken out by who needs it. -1: it is no such archive, or something is wrong with it: spool_run() knows what. */
int spool_outline(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err);
/* Of any archive: each of its files becomes one in the staging directory, hashed on the way. */
int spool_run(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err);
void spool_done(struct map *m);
/* The file behind a name, through links; NULL: the archive does not have it. */
struct staged_blob *spool_get(const struct map *m, const char *name);
/* How the n first bytes of a file say that it is compressed. */
enum blob_kind spool_kind(const unsigned char *p, size_t n);
