/* reach.h - what of the store is referred to: by its index, and by the containers that are made of an image. */
#pragma once

#include "../image/store.h"
#include "../util/map.h"
#include "uses.h"

struct reach {
	struct map blobs;  /* hex digits of their digests */
	struct map chains; /* names below layers/ */
	struct map ids;	   /* "sha256:…" of the images in the index */
	char *doubt;	   /* which image somebody uses, but cannot be read, so that its layers are not known; NULL: none */
};
/* Documents that are missing or no JSON lead nowhere; other failures (the disk's) are failures. */
int reach_find(const struct image_store *s, const json_t *index, const struct pack_uses *uses, struct reach *ret, struct err *err);
void reach_done(struct reach *r);
