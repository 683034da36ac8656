/* lograw.h - a container's output as it came, for who is attached to it: the bytes of each stream, without lines, times or an order between
 * the two. Reads the segments of logfile.h; the writer is never waited for, nor does it wait. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../util/err.h"

struct lograw;
/* from_end: only what comes from now on; else from the beginning. The log need not be there yet. -1: it can never be. */
int lograw_open(int logs_fd, const char *slot, int from_end, struct lograw **ret, struct err *err);
void lograw_close(struct lograw *r);
/* Up to n bytes of stream 1 or 2; 0: no more for now. */
size_t lograw_read(struct lograw *r, int stream, void *data, size_t n);
/* Readable when there may be more; -1: the user has no inotify instance left: look from time to time. lograw_heard() before reading. */
int lograw_fd(const struct lograw *r);
void lograw_heard(struct lograw *r);
/* The lowest segment that something is read of; 0: none yet. */
uint32_t lograw_segment(const struct lograw *r);
/* How many segments were dropped before they were read. */
unsigned lograw_missed(const struct lograw *r);
