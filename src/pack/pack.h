/* pack.h - the image store, write side: archives in. Everything that parses foreign tar or compressed bytes
 * runs in a confined child (confine.h); this process reads JSON only. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../image/filter.h"
#include "../image/platform.h"
#include "../util/err.h"
#include "uses.h"

struct pack_limits {
	uint64_t entries; /* in one layer */
	uint64_t bytes;	  /* of one layer's tar, or of the whole archive */
	uint64_t file;	  /* of one file in a layer, holes included */
};
#define PACK_LIMITS ((struct pack_limits){ .entries = 1000000, .bytes = 64ULL << 30, .file = 64ULL << 30 })

struct pack_load {
	const char *state_dir;
	int fd;		  /* the archive, from its beginning; borrowed */
	const char *name; /* what messages call it: the file's name, "standard input" */
	struct pack_limits limits;
	/* {"ev":"layer","digest","state":"unpacked"|"present"}, {"ev":"warn","msg"}, and at last for each
	 * name
	 * {"ev":"loaded","ref","id"} (without ref when the image has none). Borrowed by the callee. */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
	const struct platform *platform; /* the one that is taken of several; NULL: this machine's. Borrowed */
};
/* Loads every image of a docker-archive or OCI archive. All or nothing: on failure the store is as it was. */
int pack_load(const struct pack_load *req, struct err *err);

struct pack_unpack {
	const char *state_dir;
	const char *const *manifests; /* digests of manifests in the store, n_manifests of them */
	size_t n_manifests;
	struct pack_limits limits;
	void (*on_event)(void *arg, const json_t *ev); /* {"ev":"layer","digest","state":"unpacked"} for each that was missing */
	void *arg;
};
/* Unpacks the layers of these images that are not unpacked yet, from their blobs: skopeo and others write blobs and index.json only. */
int pack_unpack(const struct pack_unpack *req, struct err *err);

struct pack_remove {
	const char *state_dir;
	const char *const *names; /* names, digests or ids, n_names of them; none: what nobody uses, which is a prune (with partial.h's, without a filter) */
	size_t n_names;
	bool force;		  /* also what is in use loses its names, and images that are named more than once go by their id */
	bool all;		  /* prune: also images that have names; else only those that have none */
	struct image_filter filter;
	pack_uses_fn *uses;
	void *uses_arg;
	/* {"ev":"untagged","name"} · {"ev":"deleted","digest"}: an image, then layers · {"ev":"refused","kind","msg","hint"}: not this one ·
	 * {"ev":"reclaimed","bytes"} */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
};
enum { PACK_REFUSED = 1 };
/* Takes names away, and removes the images that have none left and that nobody uses, with all in the store that nobody refers to.
 * PACK_REFUSED: some of the names were not taken, and it was said why; the others were. */
int pack_remove(const struct pack_remove *req, struct err *err);

/* Gives an image (a name, a digest or an id) another name, which leaves the one it stood for. */
int pack_tag(const char *state_dir, const char *source, const char *target, struct err *err);

struct pack_save {
	const char *state_dir;
	const char *const *names; /* names or ids, n_names of them */
	size_t n_names;
	const char *platform;	  /* as of image_find() */
	int fd;			  /* where the archive goes; borrowed */
};
/* Writes images as a tar archive that docker, podman, skopeo and davit load. On failure the archive is not whole. */
int pack_save(const struct pack_save *req, struct err *err);

struct pack_import {
	const char *state_dir;
	int fd;			/* the tar archive, in whatever compression; borrowed */
	const char *name;	/* what messages call it */
	const char *ref;	/* the image's name, normalised; NULL: none */
	const char *message;	/* its comment; NULL: where it is from */
	const char *const *changes; /* lines of a Dockerfile (instruction.h), n_changes of them */
	size_t n_changes;
	struct platform platform;
	struct pack_limits limits;
	void (*on_event)(void *arg, const json_t *ev); /* {"ev":"warn","msg"}, at last {"ev":"imported","id"} */
	void *arg;
};
/* Makes an image of a root file system. All or nothing. */
int pack_import(const struct pack_import *req, struct err *err);

struct pack_check {
	const char *state_dir;
	bool repair, quick; /* quick: layers are not compared with their blobs */
	struct pack_limits limits;
	pack_uses_fn *uses;
	void *uses_arg;
	/* {"ev":"checked","what":"blob"|"layer","digest","bytes"} · {"ev":"problem","msg","repaired","hint"}: hint may be absent ·
	 * {"ev":"warn","msg"}: what could not be looked at · at last
	 * {"ev":"summary","images","blobs","layers","bytes","problems","repaired"} */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
};
/* Verifies the store: digests of blobs, what the index names, unpacked layers. repair: removes what is damaged, so that the next pull or load
 * brings it, and what nobody refers to, and unpacks anew what differs from its blob. Problems are no failure. */
int pack_check(const struct pack_check *req, struct err *err);

struct pack_usage {
	const char *state_dir;
	pack_uses_fn *uses;
	void *uses_arg;
	/* For each image {"ev":"image","id","bytes","unique","containers"}: unique is what no other image has · at last
	 * {"ev":"images","count","active","bytes","reclaimable"}: bytes of all there is, reclaimable what no image in use needs; what pulls
	 * have begun (partial.h) is among both */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
};
/* What images take: blobs and the content of unpacked layers. */
int pack_usage(const struct pack_usage *req, struct err *err);
