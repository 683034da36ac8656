/* logwrite.h - the writer's inside, shared by logw.c (moving bytes) and logroom.c (when there is no room for them). */
#pragma once

#include "../util/buf.h"
#include "logfile.h"
#include "logseg.h"
#include "logtee.h"

struct logw {
	int logs_fd, dir_fd; /* dir_fd -1: it could not be made yet */
	char *slot;
	int64_t max_bytes;
	unsigned max_files;
	int64_t base_ns; /* of this boot's keys */
	uint32_t seq;	 /* 0: not known yet */
	int idx_fd;	 /* -1: the segment is not open */
	int64_t idx_size;
	unsigned cuts; /* of the segment, as in its mark */
	bool clocked;  /* the segment's index says, with this skew, how far keys are from wall time */
	int64_t skew;
	struct out {
		int fd;
		int64_t size, indexed; /* bytes in the file; those below `indexed` have a record */
		struct buf pending;    /* read from what is no pipe, or of our own, and not written yet (the disk is full) */
		bool torn;	       /* what came before the next byte was dropped */
	} out[LOG_STREAMS];
	struct logtee *tee; /* for floods; NULL: none */
	char *copy; /* COPY bytes, made when first needed */
	size_t moved; /* by the last logw_move() */
	int why;    /* errno of the last failure, 0: the last move went well */
	struct {
		int64_t kept, waiting; /* bytes dropped of what was in the log, and of what was to come into it */
	} lost;			       /* and not told yet */
};

/* Opens (and makes) segment seq; -1 with errno, and none is open. */
int logw_open_segment(struct logw *w, uint32_t seq);
/* Queues the line that says what was dropped, when there is something to say. */
void logw_tell_loss(struct logw *w);
/* Puts a line of our own behind what is pending for stream 2. */
void logw_queue_note(struct logw *w, const char *text);
