/* pull.h - images from registries into the store.
 *
 * One process, one event loop for all images that are asked for. An image's manifest comes first, through an index if the registry has one,
 * then its config, which says what its layers must hash to unpacked, then the layers of all images at once: each into a file of the
 * staging directory, hashed on the way (src/reg), and at the same time unpacked from that growing file by a confined worker (src/pack), so that
 * a slow unpack never holds up a download. What two images share is fetched once. Each image is published for itself as soon as it is
 * whole: until then the store has the old one. What the store has already is not fetched. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"

enum pull_policy {
	PULL_ALWAYS,  /* the registry is asked whether it has another one than the store */
	PULL_MISSING, /* only when the store has none, nor an index by which it could be known */
};
struct pull_image {
	const char *ref;      /* as the user wrote it */
	const char *platform; /* NULL: this machine's */
	enum pull_policy policy;
	bool optional; /* it can be had in another way: who does not answer is asked once, and not for long */
	int64_t newer_than_ns; /* what the store has and found to be right since then (image.h, pulled_ns) is not asked about; 0: it is */
};

enum { PULL_PARALLEL = 6, PULL_PARALLEL_MAX = 64 };

struct pull {
	const char *state_dir;
	const struct pull_image *images;
	size_t n_images;
	bool no_verify;	   /* --tls-verify=false */
	unsigned parallel; /* downloads at a time; 0: PULL_PARALLEL */
	unsigned images_at_once; /* further images wait until one has come to its end; 0: all */
	bool quiet;	   /* no events of layers */
	/* The events that src/verb/verb_pull.c documents; borrowed by the callee. */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
};
/* Blocks until every image is pulled or has failed; each of them ends in an event. -1 when one has failed: *err is what became of the first
 * of them. */
int pull_run(const struct pull *what, struct err *err);
