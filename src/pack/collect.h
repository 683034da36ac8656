/* collect.h - what nobody refers to leaves the store: blobs, layers, what is known of them, and their short names. */
#pragma once

#include <stdint.h>

#include "../util/str.h"
#include "change.h"
#include "uses.h"

struct collected {
	uint64_t bytes;	      /* of blobs, and of the files in layers */
	size_t blobs, layers; /* how many */
	struct strs chains;   /* of the layers that went */
};
/* Under the lock, with the index already on the disk. Images that containers are made of and another tool has dropped from the index come
 * back into it, without a name. A load or pull at work loses nothing for good: what it counted on is looked for again when it publishes
 * (publish.h). dry: nothing is touched, only counted. */
int collect(struct change *c, const struct pack_uses *uses, bool dry, struct collected *ret, struct err *err);
void collected_done(struct collected *l);
