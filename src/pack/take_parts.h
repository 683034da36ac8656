/* take_parts.h - within take*.c only: one image of those that a builder made. */
#pragma once

#include <jansson.h>

#include "stage.h"
#include "spool.h"

struct taken {
	const struct stage *stage; /* borrowed */
	size_t number;             /* which of them: its files in the stage are named so */
	int dir_fd;                /* of the layout, borrowed */
	json_t *manifest;          /* of the layout; NULL: nobody wrote one, the store has all layers */
	json_t *config;
	json_t *known;             /* descriptors of the layers that the store has */
	struct staged_blob config_blob;
	struct staged_blob *layers;
	size_t n_layers;
};

/* The manifests of all images in a layout, through indexes, without attestations: an array with one at least. */
int layout_manifests(int dir_fd, json_t **ret, struct err *err);
/* Brings what the store lacks of it into the stage. config: its text, NULL: the layout's. */
int taken_read(struct taken *t, const char *config, struct err *err);
void taken_done(struct taken *t);
