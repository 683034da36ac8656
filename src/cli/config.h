/* config.h - what cmd_config.c and config_views.c share: the options, and what is printed instead of the model. */
#pragma once

#include "cli.h"

struct config_opts {
	const char *format, *output;
	const char *hash;                /* "*", or names with commas between */
	bool quiet, strict, services, volumes, networks, images, profiles, models, environment, variables;
	bool no_interpolate, no_normalize, no_path_resolution, no_env_resolution, no_consistency;
	bool lock_digests, resolve_digests, hash_asked;
};

/* A list that was asked for. The first row that applies wins, whatever the order on the command line. */
struct config_view {
	size_t asked;                    /* the bool of struct config_opts that says so */
	bool modelless;                  /* it looks at the files by itself */
	bool takes_services;             /* else arguments mean nothing to it */
	bool reads_env_files;
	bool whole;                      /* without variables it is about all there is */
	int (*print)(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err);
};
/* NULL: the model is to be printed. */
const struct config_view *config_view_find(const struct config_opts *o);

/* config_digests.c: gives every image the digest that the image store has of it; to lock, nothing but the images stays in the tree.
 * All images without one are told, with their places. 0, CLI_PRINTED or -1. */
int config_pin_images(struct cli *c, const struct config_opts *o, struct err *err);
