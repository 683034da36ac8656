/* grow.h - a file that is read while another process still writes it: how many bytes are in it by now.
 *
 * The count lies in memory that writer and reader share across fork, and a descriptor wakes the reader: telling never blocks, and nothing
 * that is told can be lost or has to wait for room, as it might in a pipe. The reader may be confined and hostile: the writer takes nothing
 * from it but a number to show. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"

struct grow_shared;
struct grow {
	struct grow_shared *shared;
	int wake_fd;
	uint64_t woken_at; /* the count when the reader was last woken */
};
#define GROW_NONE ((struct grow){ .wake_fd = -1 })

int grow_init(struct grow *g, struct err *err);
void grow_done(struct grow *g); /* GROW_NONE is fine, and what is left */

/* --- the writer --- */
void grow_keep(struct grow *g);	/* after the reader's fork: no other child has the memory, one that has become its archive's say */
void grow_tell(struct grow *g, uint64_t bytes); /* that many, never fewer than before */
void grow_end(struct grow *g, uint64_t bytes);	/* and that is all of them */
/* How much the reader says that it has read. */
uint64_t grow_read(const struct grow *g);

/* --- the reader, in a child --- */
/* Waits until there is more than `have`, or no more to come. No deadline: the writer has one, and the reader dies with it. Returns how much
 * there is; *ret_whole: that is all. */
uint64_t grow_wait(struct grow *g, uint64_t have, bool *ret_whole);
