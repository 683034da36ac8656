#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"

enum { BLOCK = 4096 };

/* Where the last complete line ends. -1 with errno. */
static off_t last_line_end(int fd, off_t size)
{
	char block[BLOCK];

	while (size > 0) {
		size_t want = size < BLOCK ? (size_t)size : BLOCK;
		ssize_t n = pread(fd, block, want, size - (off_t)want);
		const char *nl;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		nl = memrchr(block, '\n', (size_t)n);
		if (nl)
			return size - (off_t)want + (nl - block) + 1;
		size -= (off_t)want;
	}
	return 0;
}

int lines_open(int dir_fd, const char *name, const char *what, int *ret_fd, off_t *ret_size, struct err *err)
{
	auto_close int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	off_t end;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open %s", what);
	end = last_line_end(fd, st.st_size);
	if (end < 0)
		return err_sys(err, errno, "read %s", what);
	if (end < st.st_size && ftruncate(fd, end) < 0)
		return err_sys(err, errno, "cut %s's torn last line off", what);
	*ret_fd = take_fd(&fd);
	*ret_size = end;
	return 0;
}

int lines_append(int fd, off_t *size, const void *text, size_t n, const char *what, struct err *err)
{
	ssize_t done;

	do
		done = write(fd, text, n);
	while (done < 0 && errno == EINTR);
	if (done != (ssize_t)n) {
		int why = done < 0 ? errno : ENOSPC;

		if (done > 0 && ftruncate(fd, *size) < 0)
			return err_sys(err, errno, "cut a torn line off %s", what);
		return err_sys(err, why, "write %s", what);
	}
	*size += done;
	return 0;
}
