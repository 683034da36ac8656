/* unpack.h - one layer blob → one directory, in a confined child. */
#pragma once

#include "../util/hash.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "grow.h"
#include "pack.h"

/* A layer that is still in the archive: where, and what it shall be. */
struct unpack_part {
	uint64_t at, size;
	const char *file; /* it is copied to there, a new file beside the target; NULL: it is not */
	const char *hex;  /* its hash */
	bool plain;	  /* not compressed: the same is its diff_id */
};
struct unpack {
	int stage_fd;	      /* the directory that has the blob and the target; borrowed */
	const char *blob;     /* its name there; NULL: it is open already, */
	int blob_fd;	      /* at its beginning; borrowed; of a part: the archive's, */
	const struct unpack_part *part; /* borrowed; NULL: it is no part */
	struct grow *growing; /* it is still being written; borrowed; NULL: it is not */
	const char *dir;      /* the target's name there, empty */
	bool hash_only;	      /* nothing is written into it: the blob is only compared with diff_hex */
	const char *diff_hex; /* what the plain bytes must hash to; NULL: that is known already */
	struct pack_limits limits;
};
/* A worker's function (arg: struct unpack); its answer is for unpack_result(). */
int unpack_work(void *arg, json_t **ret, struct err *err);
/* In the parent: sets what the child could not, and reads the counts. ret_implied (empty before) gets the directories that
 * the layer has no entry for, but things in them ("": its top), parents first: see inherit.h. */
int unpack_result(const struct unpack *u, const json_t *answer, uint64_t *ret_bytes, uint64_t *ret_entries,
	struct strs *ret_implied, struct err *err);
