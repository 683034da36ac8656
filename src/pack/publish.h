/* publish.h - gives what was staged its names, under the store's lock: blobs and layers first, then
 * index.json. */
#pragma once

#include "choose.h"

/* A layer that was unpacked into the staging directory. */
struct staged_layer {
	const struct pack_layer *layer;
	char *dir; /* its name in the staging directory */
	uint64_t bytes, entries;
};
int publish(const struct stage *s, const struct pack_images *images, const struct staged_layer *layers,
	size_t n_layers, struct err *err);
