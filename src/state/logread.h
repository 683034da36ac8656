/* logread.h - the reader's inside, shared by logr.c (forwards), logr_seek.c (where to start) and logr_open.c. */
#pragma once

#include "logfile.h"
#include "logseg.h"

enum { LOG_LINE_MAX = 1 << 20, LOG_WINDOW = 256 * 1024, LOG_IDX_BLOCK = 2048 };

/* One stream. buf holds the file's bytes up to `file_end`: those of the unfinished line from head, of which
 * up to scan are known to hold no newline, then what was read ahead. A line may have begun in an earlier
 * segment. */
struct log_stream {
	int fd;
	char *buf;
	size_t cap, len, head, scan;
	int64_t file_end; /* offset in the segment's file of what follows buf */
	int64_t covered;  /* index records were taken up to here */
	int64_t line_at, line_key;
	uint32_t begin_seq; /* where the line at head begins */
	int64_t begin_at;
	int64_t skip; /* so many bytes, or to a newline, are the rest of a line whose beginning was dropped */
	bool in_line; /* something of the line was seen; line_at is set */
	bool flushed; /* the line was given without its end */
	bool stale;   /* nothing was taken since the start, which is after its unfinished line */
	bool broken;  /* the segment's file cannot be read */
};

struct logr {
	int logs_fd, dir_fd; /* dir_fd -1: there is no log */
	char *slot;
	struct log_range range;
	uint64_t drop;		   /* complete lines still to be left out */
	struct log_cursor resumed; /* what ends before was given by another reader */
	unsigned missed;	   /* segments */
	int64_t skew;		   /* from wall time to keys, where the index is read */

	uint32_t seq; /* 0: no segment is open */
	bool lost;    /* it could not be opened: what comes next does not follow what was read */
	int idx_fd;
	int64_t idx_at;	      /* where the next block of the index is read */
	struct log_rec *recs; /* LOG_IDX_BLOCK of them */
	size_t n_recs, next_rec;
	struct log_stream st[LOG_STREAMS];

	int cur; /* stream of the current record, -1: none */
	int64_t cur_end, cur_at, cur_key;
	int flushing; /* next stream to flush; LOG_STREAMS: none */

	int ino, dir_wd, idx_wd;
};

/* Opens a segment at its beginning. False: it is gone. */
bool logr_open_segment(struct logr *r, uint32_t seq);
void logr_close_segment(struct logr *r);
/* Moves the start to where the last `tail` lines (-1: all) not older than since_ns begin. */
int logr_seek(struct logr *r, int64_t tail, struct err *err);
/* Whether what was taken then is asked for. */
bool logr_in_range(const struct logr *r, int64_t at_ns, int64_t key_ns);
/* Offset in the segment's file of what is looked at next. */
int64_t log_scan_at(const struct log_stream *st);
/* Makes room for n bytes behind len. */
void log_stream_room(struct log_stream *st, size_t n);
