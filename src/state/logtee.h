/* logtee.h - a flood from a FIFO into a log, without the writer waiting for the disk.
 *
 * splice(2) holds the pipe's lock for as long as the file system takes to write: the writer stands still meanwhile. So, when much waits
 * in a FIFO, its pages are shared (tee(2), consumes nothing) with a pipe of our own and written from there, and only then what was
 * written is taken off the FIFO, which is quick. At no moment bytes are in this process only: those that it has not written are still
 * in the FIFO, whoever is killed.
 *
 * What was written and not yet taken is on record: the file LOG_TEE_FILE beside the FIFOs, which goes with the machine's boot as they do,
 * says of which FIFO, from which place of which segment, and how much. Who comes after a kill takes it off the FIFO, so that no line comes
 * twice. One record serves all streams, as only one is moved at a time. See logtee_recover() for the moment that a record cannot tell.
 *
 * FIFOs only: they are found again by inode number in their directory. Linux 2.6.17 (tee, splice); one that refuses is not asked twice. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "../util/err.h"

#define LOG_TEE_FILE ".tee"

struct logtee;
/* A pipe, both ends in one descriptor, for what is taken off FIFOs. Who gives it to somebody that outlives this process leaves its successor
 * no doubt what was taken. -1 with errno. */
int logtee_taken_pipe(void);
/* fifo_fd: the directory of the FIFOs, borrowed for as long as it lives. taken_fd: an empty pipe of the above, owned from now on; -1: it
 * makes one. Nothing else is opened before the first flood. */
struct logtee *logtee_new(int fifo_fd, int taken_fd);
void logtee_free(struct logtee *t);

/* Where bytes go. */
struct logtee_to {
	const char *slot; /* of the log */
	uint32_t seq;	  /* of the segment */
	int stream;	  /* index: 0 or 1 */
	int fd;		  /* the segment's file, positioned at its end */
	int64_t size;	  /* which is there */
};
/* Moves up to max bytes. 0: this is no flood, or no FIFO: splice it as ever; -1 with errno: the file took nothing, the FIFO still has all. */
ssize_t logtee_move(struct logtee *t, const struct logtee_to *to, int fd, size_t max);

/* At start, while whoever keeps the FIFOs open still does, and before any log is opened: ends what a killed process was about. What is in
 * the log and still first in the FIFO is taken off it. taken_fd: the killed process's pipe, borrowed, and empty afterwards; -1: it is gone.
 *
 * A process that was killed in the call that takes, or in the two instructions around it, has not said whether it took: then that pipe
 * says it. Where that is gone, too, the FIFO's bytes are compared with the log's. Only output that repeats itself can leave a doubt then;
 * it stays in the FIFO: rather twice than never. */
int logtee_recover(int fifo_fd, int logs_fd, int taken_fd, struct err *err);
