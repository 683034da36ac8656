/* stream.h - a tar archive behind a source: plain, gzip or zstd.
 *
 * Two libarchive readers: the first undoes the compression, so that the plain bytes can be counted and hashed
 * (a layer's diff_id), the second takes these bytes as tar and nothing else. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/hash.h"
#include "source.h"

struct stream;
/* Fails after more than max_bytes of plain bytes. from is copied; what it refers to is borrowed. */
int stream_open(const struct source *from, uint64_t max_bytes, bool hash, struct stream **ret, struct err *err);
void stream_close(struct stream *s);
/* 1 and the next entry (borrowed until the next call), 0 at the end, -1. */
int stream_next(struct stream *s, struct archive_entry **ret, struct err *err);
/* 1 and a piece of the entry's content at its offset (holes are left out), 0 at the end, -1. */
int stream_data(struct stream *s, const void **ret, size_t *ret_n, int64_t *ret_offset, struct err *err);
/* Reads what follows the tar's end mark; ret is the hash of everything when it was asked for. */
int stream_finish(struct stream *s, char ret[static HASH_HEX_LEN + 1], struct err *err);
