/* lines.h - files that grow by whole lines: the journal, the events.
 *
 * One writer, one write(2) a line on an O_APPEND descriptor. What a full disk leaves of a line is cut off at once, what a power cut
 * leaves when the file is opened next: so each line is there whole or not at all. */
#pragma once

#include <sys/types.h>

#include "../util/err.h"

/* Opens the file for appending, making it (0600) when absent, and cuts a torn last line off. what: "the journal". */
int lines_open(int dir_fd, const char *name, const char *what, int *ret_fd, off_t *ret_size, struct err *err);
/* Appends n bytes, which end with a newline, and moves *size. -1: nothing of them is there. */
int lines_append(int fd, off_t *size, const void *text, size_t n, const char *what, struct err *err);
