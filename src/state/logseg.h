/* logseg.h - what a log looks like on disk; private to logw.c, logr.c and logr_seek.c.
 *
 * A slot's directory has segments, numbered upwards: SEQ.out and SEQ.err are bytes as they came, SEQ.idx says
 * when. The .idx is made last and removed first, so whoever sees it finds the others. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../util/err.h"

enum { LOG_STREAMS = 2 }; /* index 0: out, 1: err; the public numbers are one more */

/* One move of bytes: [offset, offset + len) of the stream's file were taken from the pipe at at_ns. */
struct log_rec {
	int64_t at_ns; /* wall */
	uint64_t offset; /* in a LOG_CLOCK record: how far the key is from the wall time (a signed number) */
	uint32_t len;
	uint8_t stream;
	uint8_t cuts; /* in a mark: bit s is set when stream s begins within a line; else 0 */
	uint16_t sum; /* of the rest: tells a record from rubbish */
};
static_assert(sizeof(struct log_rec) == 24, "records have one size");

/* The index of a segment with a predecessor begins with a mark: a record without bytes (hence no valid one)
 * of stream LOG_MARK, written before the oldest segment is dropped. Segments of older writers have none. */
enum { LOG_MARK = LOG_STREAMS };
/* Before the first record that a writer adds to a segment, and wherever the wall clock jumped, stands a record without bytes of
 * stream LOG_CLOCK (logclock.h). Older readers pass over it. */
enum { LOG_CLOCK = LOG_STREAMS + 1 };

void log_rec_seal(struct log_rec *r);
bool log_rec_valid(const struct log_rec *r);
/* For a LOG_CLOCK record: true and how far keys are from wall time from here on. */
bool log_rec_clock(const struct log_rec *r, int64_t *ret_skew);

/* The directory of a slot. -1 with errno; ERR_USAGE's EINVAL for a name that is no single path component. */
int seg_open_dir(int logs_fd, const char *slot);
/* Opens a segment's file; stream -1 is the index. -1 with errno. */
int seg_open(int dir_fd, uint32_t seq, int stream, int flags);
void seg_remove(int dir_fd, uint32_t seq);
/* Numbers of all segments, upwards; *ret is malloc'ed, NULL when there is none. -1 with errno. */
int seg_list(int dir_fd, uint32_t **ret, size_t *ret_n);
/* Where the last valid record of the stream ends, in the first size bytes of the index; 0: it has none. */
int64_t seg_indexed(int idx_fd, int64_t size, int stream);
/* The skew that holds at offset `upto` of the index. False: none is known. */
bool seg_skew(int idx_fd, int64_t upto, int64_t *ret);
/* The key of the index's last record. False: it has none. */
bool seg_last_key(int idx_fd, int64_t *ret);
/* What a power cut may have left at the end of a segment is taken away: half records and zeros behind the index, records of bytes
 * that are not there (their bytes, if any, get new ones); with `zeros` also 16 or more zero bytes that a stream ends with, since
 * some file systems keep a file's size when its last bytes were lost. Returns how many of those. */
int64_t seg_repair(int dir_fd, uint32_t seq, bool zeros);
/* The cuts of the mark that the index begins with. False: it has none, *ret is 0. */
bool seg_mark(int idx_fd, unsigned *ret);
/* The cuts of segment seq, by its mark or by the segments before it. */
unsigned seg_cuts(int dir_fd, uint32_t seq);
/* The lowest one above seq, 0: there is none. */
uint32_t seg_after(int dir_fd, uint32_t seq);
