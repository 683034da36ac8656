/* publish.h - gives what was staged its names, under the store's lock: blobs and layers first, then
 * index.json. */
#pragma once

#include "choose.h"

/* A layer that was unpacked into the staging directory. */
struct staged_layer {
	const struct pack_layer *layer;
	char *dir; /* its name in the staging directory */
	uint64_t bytes, entries;
	struct strs implied; /* see unpack.h */
};
enum { PUBLISH_LOST = 1 };
/* PUBLISH_LOST: of the layers that are not among those given, or of the blobs without a file, because the store had them, one was removed meanwhile; nothing was
 * published: look again, and unpack it. The images are in the index when the lock is released, so nobody removes them unasked from
 * then on. */
int publish(const struct stage *s, const struct pack_images *images, const struct staged_layer *layers,
	size_t n_layers, struct err *err);
/* Layers alone, of images that are in the store already. */
int publish_layers(const struct stage *s, const struct staged_layer *layers, size_t n_layers, struct err *err);
