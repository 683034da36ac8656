/* take.h - what a builder made becomes images of the store. */
#pragma once

#include "pack.h"

struct take_layout {
	const char *dir;    /* an OCI layout made by a builder, of which nobody else knows: its blobs become the store's as they are */
	const char *config; /* text of the config of its one image, whose digest is its id; NULL: those of all images in it */
};
struct pack_take {
	const char *state_dir;
	const struct take_layout *layouts;
	size_t n;
	/* What all images are called, NULL-terminated: several are one image for several platforms. What the names stood for loses them, also on
	 * platforms that are not among these. */
	const char *const *refs;
	struct pack_limits limits;
	void (*on_event)(void *arg, const json_t *ev); /* as pack_load's */
	void *arg;
};
/* Takes them over without a copy where the directories are on the store's file system. The lowest layers that the store has
 * (image_known_layers()) need not be in a layout: they are not looked for there. Several images get an OCI index, which their descriptors
 * name (INDEX_DIGEST): what a push sends. All or nothing; ERR_INPUT, too, when two are for the same platform. */
int pack_take(const struct pack_take *req, struct err *err);
