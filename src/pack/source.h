/* source.h - where the bytes of an archive come from: a descriptor, a file that is still being written, or a part of a file, which is
 * hashed and copied on the way. */
#pragma once

#include <nettle/sha2.h>
#include <stdint.h>
#include <sys/types.h>

#include "../util/err.h"
#include "../util/hash.h"

/* The bytes of a file from `at` on. Whoever else reads it is not disturbed: no offset moves. */
struct source_part {
	uint64_t at, left;
	int copy_fd; /* borrowed; each byte goes there as it is read; -1: nowhere */
	uint64_t copied, told;
	struct sha256_ctx sha;
};
struct source {
	int fd;		      /* borrowed */
	struct grow *growing; /* borrowed; it is still being written (grow.h); NULL: it ends where it ends */
	struct source_part *part; /* borrowed; NULL: all of it */
	uint64_t taken, told; /* of a growing file */
};
void source_part_init(struct source_part *p, uint64_t at, uint64_t size, int copy_fd);
/* Some bytes, at most n; 0 at the end, -1 with *err: also when a pipe is silent for 5 minutes. */
ssize_t source_read(struct source *s, void *p, size_t n, struct err *err);
/* Reads what is left of a part; ret is the hash of the whole part. */
int source_part_end(int fd, struct source_part *p, char ret[static HASH_HEX_LEN + 1], struct err *err);
