#include "source.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "early.h"
#include "grow.h"
#include "sha.h"

enum { SILENCE_MS = 300 * 1000, END_BYTES = 1 << 18 };

/* Somebody's pipe may stay silent for ever; a file never does. */
static ssize_t read_whole(const struct source *s, void *p, size_t n, struct err *err)
{
	for (;;) {
		struct pollfd ready = { .fd = s->fd, .events = POLLIN };
		int r = poll(&ready, 1, SILENCE_MS);
		ssize_t got;

		if (r == 0)
			return err_set(err, ERR_TIMEOUT, "no byte of the archive came for 5 minutes");
		got = r < 0 ? -1 : read(s->fd, p, n);
		if (got >= 0)
			return got;
		if (errno != EINTR && errno != EAGAIN)
			return err_sys(err, errno, "read the archive");
	}
}

/* What somebody else has written by now. It is this reader that sends it to the disk: the writer must not wait. */
static ssize_t read_growing(struct source *s, void *p, size_t n, struct err *err)
{
	bool whole;
	uint64_t there = grow_wait(s->growing, s->taken, &whole), more = there > s->taken ? there - s->taken : 0;
	ssize_t got;

	early_write(s->fd, &s->told, s->taken, !more && whole);
	if (!more && whole)
		return 0;
	do {
		got = read(s->fd, p, more < n ? more : n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, errno, "read the blob");
	if (got == 0)
		return err_set(err, ERR_FAIL, "read the blob: it is shorter than was told");
	s->taken += (uint64_t)got;
	return got;
}

static int copy(struct source_part *part, const void *p, size_t n, struct err *err)
{
	if (part->copy_fd < 0)
		return 0;
	if (fd_write_all(part->copy_fd, p, n) < 0)
		return err_sys(err, errno, "write it into the image store");
	part->copied += n;
	early_write(part->copy_fd, &part->told, part->copied, part->left == 0);
	return 0;
}

static ssize_t read_part(int fd, struct source_part *part, void *p, size_t n, struct err *err)
{
	ssize_t got;

	if (part->left == 0)
		return 0;
	do {
		got = pread(fd, p, part->left < n ? part->left : n, (off_t)part->at);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(err, errno, "read the archive");
	if (got == 0)
		return err_set(err, ERR_INPUT, "the archive became shorter while it was read");
	part->at += (uint64_t)got;
	part->left -= (uint64_t)got;
	sha256_update(&part->sha, (size_t)got, p);
	return copy(part, p, (size_t)got, err) < 0 ? -1 : got;
}

void source_part_init(struct source_part *p, uint64_t at, uint64_t size, int copy_fd)
{
	*p = (struct source_part){ .at = at, .left = size, .copy_fd = copy_fd };
	sha256_init(&p->sha);
}

ssize_t source_read(struct source *s, void *p, size_t n, struct err *err)
{
	if (s->growing)
		return read_growing(s, p, n, err);
	return s->part ? read_part(s->fd, s->part, p, n, err) : read_whole(s, p, n, err);
}

int source_part_end(int fd, struct source_part *p, char ret[static HASH_HEX_LEN + 1], struct err *err)
{
	auto_free char *rest = xmalloc(END_BYTES);
	ssize_t n;

	while ((n = read_part(fd, p, rest, END_BYTES, err)) > 0)
		;
	if (n < 0)
		return -1;
	sha_hex(&p->sha, ret);
	return 0;
}
