/* take.h - what a builder made becomes an image of the store. */
#pragma once

#include "pack.h"

struct pack_take {
	const char *state_dir;
	const char *dir;    /* an OCI layout with one image, made by a builder; its blobs are moved out of it */
	const char *config; /* text of the image's config, whose digest is its id; NULL: the layout's */
	const char *const *refs; /* what it is called, NULL-terminated */
	struct pack_limits limits;
	void (*on_event)(void *arg, const json_t *ev); /* as pack_load's */
	void *arg;
};
/* Takes it over without a copy where the directory is on the store's file system. The lowest layers that the store has
 * (image_known_layers()) need not be in the layout: they are not looked for there. All or nothing. */
int pack_take(const struct pack_take *req, struct err *err);
