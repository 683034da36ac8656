/* expand.h - a tar archive in whatever compression becomes a plain file, in a confined child. */
#pragma once

#include "stage.h"

/* Reads fd (borrowed) to its end and writes what comes out to a new file in the staging directory; gzip, bzip2, xz, lzma and zstd are
 * undone. More than max_bytes are refused. *ret: the file, hashed and counted. */
int expand(const struct stage *s, int fd, uint64_t max_bytes, struct staged_blob *ret, struct err *err);
