/* outline.h - where in an archive its files are, without reading them: only what may be a document is taken out at once. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../util/err.h"

/* In a confined child, whose directory takes the documents: entries of a plain tar archive that is a file and is read from its beginning on,
 * as spool.c lists them; those that are not taken out have "at" and "size" instead of "file" and "hex". The file's offset does not move.
 * -1: it is another kind of archive, or something is wrong with it: who reads all of it will know. */
int outline_read(int fd, uint64_t max_bytes, json_t **ret, struct err *err);
