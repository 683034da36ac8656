/* tarhead.h - one entry's header of a tar archive, in the pax interchange format (POSIX.1-2017, pax, "ustar Interchange Format" and
 * "pax Header Block"). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "../util/buf.h"

enum { TAR_BLOCK = 512 };

struct tarhead {
	const char *path;            /* without the slash that a directory gets */
	const char *link;            /* of a symbolic or hard link: where it leads; NULL: neither */
	bool hard;
	struct stat st;              /* kind, mode, owner, size of a regular file, time (whole seconds), device */
	struct buf records;          /* further pax records: tarhead_record() */
};

/* Adds "LEN KEY=VALUE\n". */
void tarhead_record(struct buf *records, const char *key, const void *value, size_t n);
/* Appends the blocks before the content. What ustar has no room for (long names, names that are no UTF-8, large numbers) is in a pax header
 * before it. */
void tarhead(const struct tarhead *h, struct buf *out);
/* How many bytes fill up the last block of a content. */
size_t tar_padding(uint64_t size);
