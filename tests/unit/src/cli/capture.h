/* capture.h - what is written to the standard streams, for a moment, goes into memory. */
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
	int fd, kept, file;
};

static inline void capture_begin(struct capture *c, int fd)
{
	c->fd = fd;
	c->kept = dup(fd);
	c->file = memfd_create("capture", MFD_CLOEXEC);
	dup2(c->file, fd);
}

/* Malloc'ed. */
static inline char *capture_end(struct capture *c)
{
	off_t n = lseek(c->file, 0, SEEK_END);
	char *text = calloc(1, (size_t)n + 1);

	if (pread(c->file, text, (size_t)n, 0) < 0)
		abort();
	dup2(c->kept, c->fd);
	close(c->kept);
	close(c->file);
	return text;
}
