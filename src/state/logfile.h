/* logfile.h - container logs: lossless, bounded, readable without a supervisor (DESIGN D11).
 *
 * STATE/projects/NAME/logs/SLOT/: segments SEQ.out, SEQ.err (the raw bytes of a stream) and SEQ.idx
 * (fixed-size records: wall time, stream, offset, length, each appended after its bytes). The writer rotates
 * when the two streams together reach max_bytes (from 7/8 on at a line's end; the index is bounded by the
 * same number) and keeps max_files segments (oldest dropped first). Bytes without an index record (the writer
 * was killed in between) get one at the next open, with the file's time. Readers follow rotation by SEQ, and
 * join lines that it cut. When the beginning of such a line was dropped, its rest is not given: a stream
 * begins with its first whole line (or after 1 MiB of the rest).
 *
 * A full disk: logw_move() fails with ENOSPC and the bytes stay in the pipe; call it again later, nothing is
 * lost. When the pipe is nearly full, logw_make_room() drops what is oldest, so that the container never waits.
 *
 * The wall clock may jump: lines come in the order in which they were taken, those of different slots compare by
 * key (logclock.h), and "5 minutes ago" is found by it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"

/* Beside the slots' directories: what the steady order of all of them counts from. */
#define LOG_CLOCK_FILE ".clock"

struct log_limits {
	int64_t max_bytes;  /* per segment; 0: 10 MiB */
	unsigned max_files; /* 0: 3 */
};

struct logw;
/* A full disk is no failure: what cannot be made now is made by a later logw_move(). */
int logw_open(
	int logs_fd, const char *slot, const struct log_limits *lim, struct logw **ret, struct err *err);
void logw_close(struct logw *w);
/* Moves what the (non-blocking) descriptor has now into the log of `stream` (1 or 2), by splice when it can,
 * at most 256 KiB a call so that the loop stays fair. 1: there may be more, 0: empty for now, LOGW_EOF, -1. */
enum { LOGW_EOF = 2 };
int logw_move(struct logw *w, int fd, int stream, struct err *err);
/* Floods take the way of logtee.h from now on; borrowed. */
struct logtee;
void logw_share(struct logw *w, struct logtee *tee);
/* Bytes that the last call of it moved. */
size_t logw_moved(const struct logw *w);
/* Whether it comes to drop segment seq with its next rotation. */
bool logw_would_drop(const struct logw *w, uint32_t seq);
/* After logw_move() said -1, and again after each of its -1: when the pipe is nearly full, drops the oldest segment, or when there is
 * none that is worth it (or room is not the trouble) the oldest bytes in the pipe. A line in stream 2 tells it as soon as it can.
 * True: something was dropped, move again; false: try again later. */
bool logw_make_room(struct logw *w, int fd, int stream);
/* Who wrote until now will write no more: what it left without a newline gets one, so that the next one's first line is its own. */
void logw_end_lines(struct logw *w);
/* Adds a line of our own to stream 2 (rare: "davit: log was full, 3 MB dropped"). */
int logw_note(struct logw *w, const char *text, struct err *err);
/* Removes the whole log of a slot. */
int log_remove(int logs_fd, const char *slot, struct err *err);

struct log_line {
	int64_t at_ns;	/* wall time when its first byte was taken from the pipe */
	int64_t key_ns; /* for comparing with lines of other slots */
	int stream;
	const char *text; /* without newline; binary is possible; borrowed until the next call */
	size_t len;
	bool partial; /* no newline yet (end of the log, or longer than 1 MiB) */
};

/* Which lines are wanted. A steady bound is compared with keys: "so long ago" by log_now_ns(); one that is not, with the time that
 * lines show. The bounds belong to what is wanted. */
struct log_range {
	int64_t since_ns, until_ns; /* 0: unbounded */
	bool since_steady, until_steady;
	int64_t tail; /* last lines, -1: all */
};
/* The key of this moment; wall time when nothing was logged since the machine started. */
int64_t log_now_ns(int logs_fd);

struct logr;
/* An absent log is empty. */
int logr_open(int logs_fd, const char *slot, const struct log_range *range, struct logr **ret, struct err *err);
void logr_close(struct logr *r);
/* 1: a line, 0: no more for now (call again after logr_fd() or a timeout), -1. flush: also give an unfinished
 * last line. */
int logr_next(struct logr *r, bool flush, struct log_line *ret, struct err *err);
/* inotify descriptor that becomes readable when the log grows; made at the first call (and readable then),
 * drained by logr_next(). -1 also when the user has no inotify instance left (128 by default): then look from
 * time to time. */
int logr_fd(struct logr *r, struct err *err);

/* Where a reader is, for one that goes on later, maybe in another process: per stream the end of the last line that was given.
 * All zero: at the beginning. */
struct log_cursor {
	struct {
		uint32_t seq;
		int64_t offset;
	} at[2];
};
/* Everything before it was given. */
void logr_cursor(const struct logr *r, struct log_cursor *ret);
/* Goes on there; the segments that were dropped meanwhile are counted by logr_missed(). */
int logr_resume(int logs_fd, const char *slot, const struct log_cursor *cursor, struct logr **ret, struct err *err);
/* How many segments were dropped unread before the last line given; zero again after the call. */
unsigned logr_missed(struct logr *r);
/* The end of what the log holds now. */
void log_end(int logs_fd, const char *slot, struct log_cursor *ret);
/* A cursor that is kept with the log. -1: there is no room for it (it then lives as long as the process). */
int log_cursor_open(int logs_fd, const char *slot, struct log_cursor *ret, bool *ret_found);
void log_cursor_save(int fd, const struct log_cursor *c); /* fd -1: nothing */
void log_cursor_forget(int logs_fd, const char *slot);
