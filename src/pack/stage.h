/* stage.h - where a load works before anything has its name: STATE/images/.load-RANDOM, whose flock tells the
 * living from the dead. And the store's lock.
 *
 * What is left in it of blobs that a pull has fetched is kept when it is removed, by its owner or as a dead one's (partial.h). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/hash.h"

enum blob_kind { BLOB_UNKNOWN, BLOB_PLAIN, BLOB_GZIP, BLOB_ZSTD }; /* by its first bytes, whatever somebody calls it */
/* A file of the staging directory that is to become a blob. */
struct staged_blob {
	char *file; /* its name there, owned; NULL: the store has it already, or it is in an archive still */
	char hex[HASH_HEX_LEN + 1];
	uint64_t size;
	enum blob_kind kind; /* of layers */
	bool part;	     /* it comes out of an archive, from `at` on; its hex is what the image says, "": nobody has said it yet, */
	uint64_t at;	     /* and is compared when it is taken out */
};

struct stage {
	char *images_path;
	int images_fd; /* of STATE/images */
	int fd;	       /* of the staging directory, flock held */
	char name[32];
	bool readonly; /* nothing can be written, see stage_look() */
	unsigned swept; /* directories of the dead that were removed when it was opened */
};
/* What helps when something of an image is missing or damaged. */
#define AGAIN "pull or load the image again"

/* Makes the store when there is none, with an index from its beginning, removes what the dead have left, and makes a staging directory. */
int stage_open(const char *state_dir, struct stage *ret, struct err *err);
/* The same without a staging directory. */
int stage_store(const char *state_dir, struct stage *ret, struct err *err);
/* For who only looks, where nothing can be written, too: the store is as it is then, and images_fd is -1 where there is none. */
int stage_look(const char *state_dir, struct stage *ret, struct err *err);
/* A directory STATE/images/.gone-RANDOM for what is to be removed: its flock says that it is at work. ret is as large as stage.name. */
int stage_gone(const struct stage *s, char *ret, int *ret_fd, struct err *err);
/* Removes the staging directory. */
void stage_close(struct stage *s);

/* Whether the store has it: "layers" CHAIN, "blobs/sha256" HEX. */
bool stage_has(const struct stage *s, const char *dir, const char *name);
/* The names in a directory of the store. An absent one has none. */
struct strs;
int stage_list(const struct stage *s, const char *dir, struct strs *ret, struct err *err);
/* The file by which other tools know an image layout, written where it is missing. */
int stage_layout(const struct stage *s, struct err *err);

/* The index as it is; there has to be one before there are blobs, lest they look as if it was lost, so it is written where there is none. Under
 * the lock. */
int stage_index(const struct stage *s, json_t **ret, struct err *err);

/* The store's lock; waits at most 10 s. *ret_fd releases it; -1: nothing can be written, and nobody has ever had it. */
int stage_lock(const struct stage *s, int *ret_fd, struct err *err);
