/* content.h - within src/copy: the bytes of a file. */
#pragma once

#include <stdint.h>

#include "../util/err.h"

enum { CONTENT_ROOM = 256 << 10 };

/* Copies at most size bytes, from the beginning, of one regular file to another, empty one: shared where the file system can, holes as
 * holes. A file that has become shorter meanwhile ends there; one that grows is copied as far as it went at first, so there is an end to
 * it. room: CONTENT_ROOM bytes. */
int content_copy(int from, int to, uint64_t size, uint64_t blocks, char *room, uint64_t *ret_bytes, struct err *err);
/* The same to anything that takes bytes one after the other; *ret_bytes may be less than size. */
int content_send(int from, int to, uint64_t size, char *room, uint64_t *ret_bytes, struct err *err);
