/* early.h - what is written goes to the disk while more is being written. One syncfs waits for all of it in the end (publish.c), and has
 * little left to wait for then. Nothing is promised by it: what cannot be written is reported by that syncfs. */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

/* Smaller pieces, and the ends of smaller files, are left for the end: the kernel writes many of them in one go then. */
enum { EARLY_PIECE = 4 << 20, EARLY_END = 64 << 10, EARLY_PAGE = 4096 };

/* The file has its first `upto` bytes; *told (0 at first): how many of them are on their way. ended: no more will come. */
static inline void early_write(int fd, uint64_t *told, uint64_t upto, bool ended)
{
	if (!ended)
		upto -= upto % EARLY_PAGE; /* a page is written once */
	if (upto < *told + (ended ? EARLY_END : EARLY_PIECE))
		return;
	sync_file_range(fd, (off_t)*told, (off_t)(upto - *told), SYNC_FILE_RANGE_WRITE);
	*told = upto;
}
