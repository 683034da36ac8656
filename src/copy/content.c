#include "content.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "../util/fd.h"
#include "copy.h"

enum { SMALL = 64 << 10, BLOCK = 512, PIECE = 64 << 20 };

static bool cannot(int errnum)
{
	return errnum == EXDEV || errnum == EINVAL || errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == EBADF || errnum == ETXTBSY;
}

static ssize_t read_at(int fd, char *room, uint64_t size, off_t at)
{
	ssize_t n;

	do
		n = pread(fd, room, size < CONTENT_ROOM ? size : CONTENT_ROOM, at);
	while (n < 0 && errno == EINTR);
	return n;
}

static int write_at(int fd, const char *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

/* Bytes through our hands. 1: the file ended before. */
static int by_hand(int from, int to, off_t at, uint64_t size, char *room, uint64_t *bytes, struct err *err)
{
	while (size > 0) {
		ssize_t n = read_at(from, room, size, at);

		if (copy_stopped(err))
			return -1;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return 1;
		if (write_at(to, room, (size_t)n, at) < 0)
			return err_sys(err, errno, "write");
		at += n;
		size -= (uint64_t)n;
		*bytes += (uint64_t)n;
	}
	return 0;
}

/* By the kernel, which may share them; where it will not, by hand. */
static int piece(int from, int to, off_t at, uint64_t size, char *room, uint64_t *bytes, struct err *err)
{
	while (size > 0) {
		off_t in = at, out = at;
		ssize_t n = copy_file_range(from, &in, to, &out, size < PIECE ? size : PIECE, 0);

		if (copy_stopped(err))
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !cannot(errno))
			return err_sys(err, errno, "write");
		if (n <= 0)              /* nothing may also be how a file system says that it cannot */
			return by_hand(from, to, at, size, room, bytes, err);
		at += n;
		size -= (uint64_t)n;
		*bytes += (uint64_t)n;
	}
	return 0;
}

static int with_holes(int from, int to, uint64_t size, char *room, uint64_t *bytes, struct err *err)
{
	off_t at = 0;

	while ((uint64_t)at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;
		int r;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return piece(from, to, at, size - (uint64_t)at, room, bytes, err) < 0 ? -1 : 0;
		if ((uint64_t)data >= size)
			break;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || (uint64_t)hole > size)
			hole = (off_t)size;
		r = piece(from, to, data, (uint64_t)(hole - data), room, bytes, err);
		if (r != 0)
			return r < 0 ? -1 : 0;
		at = hole;
	}
	return ftruncate(to, (off_t)size) < 0 ? err_sys(err, errno, "write") : 0;
}

int content_copy(int from, int to, uint64_t size, uint64_t blocks, char *room, uint64_t *ret_bytes, struct err *err)
{
	*ret_bytes = 0;
	if (size > SMALL && ioctl(to, FICLONE, from) == 0) {
		*ret_bytes = size;
		return 0;
	}
	if (size <= SMALL)
		return by_hand(from, to, 0, size, room, ret_bytes, err) < 0 ? -1 : 0;
	if (blocks < size / BLOCK)
		return with_holes(from, to, size, room, ret_bytes, err);
	return piece(from, to, 0, size, room, ret_bytes, err) < 0 ? -1 : 0;
}

static int send_by_hand(int from, int to, uint64_t size, char *room, uint64_t *bytes, struct err *err)
{
	while (*bytes < size) {
		ssize_t n = read_at(from, room, size - *bytes, (off_t)*bytes);

		if (copy_stopped(err))
			return -1;
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return 0;
		if (fd_write_all(to, room, (size_t)n) < 0)
			return err_sys(err, errno, "write the archive");
		*bytes += (uint64_t)n;
	}
	return 0;
}

int content_send(int from, int to, uint64_t size, char *room, uint64_t *ret_bytes, struct err *err)
{
	*ret_bytes = 0;
	while (*ret_bytes < size) {
		off_t at = (off_t)*ret_bytes;
		uint64_t left = size - *ret_bytes;
		ssize_t n = sendfile(to, from, &at, left < PIECE ? left : PIECE);

		if (copy_stopped(err))
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && cannot(errno))
			return send_by_hand(from, to, size, room, ret_bytes, err);
		if (n < 0)
			return err_sys(err, errno, "write the archive");
		if (n == 0)
			return 0;
		*ret_bytes += (uint64_t)n;
	}
	return 0;
}
