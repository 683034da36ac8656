/* check.h - what the parts of `system check` share. */
#pragma once

#include "../image/store.h"
#include "../util/map.h"
#include "change.h"
#include "jobs.h"
#include "later.h"
#include "pack.h"

/* A layer of some image in the index. */
struct check_layer {
	struct pack_layer layer; /* blob is NULL */
	char blob[HASH_HEX_LEN + 1];
	char *image;		 /* which has it, for messages; owned */
	char *why;		 /* how it differs from its blob; NULL: it does not, or is not unpacked */
	ino_t ino;		 /* of the directory that was looked at */
};
struct check {
	const struct pack_check *req;
	struct stage stage;
	struct image_store store; /* borrows from stage */
	char *index_why;	  /* why the index cannot be read; NULL: it can */
	struct map damaged;	  /* hex of a blob → malloc'ed struct check_blob */
	struct map layers;	  /* chain → malloc'ed struct check_layer */
	struct jobs jobs;
	struct map images;		  /* digests of manifests in the index */
	size_t n_blobs, n_layers;	  /* how many were looked at */
	uint64_t bytes;
	unsigned problems, repaired;
	struct later later; /* of problems, */
	bool locked;	    /* while this is so */
};
struct check_blob {
	char have[HASH_HEX_LEN + 1]; /* "": it cannot be read */
	ino_t ino;
};

/* {"ev":"problem","msg","repaired","hint"}: hint may be NULL. */
void check_problem(struct check *c, bool repaired, const char *hint, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* What messages call an image of the index; malloc'ed. */
char *check_image_name(const json_t *desc);
/* {"ev":"checked","what","digest","bytes"} */
void check_progress(const struct check *c, const char *what, const char *hex, uint64_t bytes);

/* What was looked at without the lock is there still. */
bool check_is_still(const struct check *c, const char *dir, const char *name, ino_t ino);

/* check_index.c: the index, or one made of the blobs where it is lost or damaged (index_why). */
int check_index(struct check *c, json_t **ret, struct err *err);
/* Says so, under the lock, gives those their names that somebody uses, and repairs it. */
int check_tell_index(struct check *c, struct change *g, const struct pack_uses *uses, struct err *err);
/* check_blobs.c: fills damaged. */
int check_blobs(struct check *c, struct err *err);
/* check_layers.c: fills layers; those that are unpacked, and whose blobs are good, are compared with what comes out of these now. Fresh ones
 * of those that differ stay in the staging directory. */
int check_layers(struct check *c, struct err *err);
/* Puts them in place of those that differ, unless containers are made of them. */
int check_mend_layers(struct check *c, struct err *err);
/* check_used.c: says, under the lock, which layers differ, and takes those away that no container is made of. *uses is read anew. */
int check_tell_layers(struct check *c, struct change *g, struct pack_uses *uses, struct err *err);
