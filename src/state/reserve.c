#include "reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"

enum { RESERVE_BYTES = 128 * 1024, STEP = 4096, AGAIN_MS = 1000 };

static int open_reserve(const struct reserve *r, int flags)
{
	return openat(r->dir_fd, "journal.reserve", O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
}

bool reserve_is_full(const struct reserve *r)
{
	return r->bytes == RESERVE_BYTES;
}

/* What an earlier supervisor has left of it counts by what fallocate() says: nothing is added where something is already. */
void reserve_hold(struct reserve *r)
{
	auto_close int fd = -1;

	if (reserve_is_full(r) || clock_mono_ns() < r->again_ns)
		return;
	fd = open_reserve(r, O_CREAT);
	if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_BYTES) == 0)
		r->bytes = RESERVE_BYTES;
	while (fd >= 0 && !reserve_is_full(r) && fallocate(fd, 0, r->bytes, STEP) == 0)
		r->bytes += STEP;
	r->again_ns = clock_mono_ns() + AGAIN_MS * MS_NS;
}

bool reserve_give_up(struct reserve *r)
{
	auto_close int fd = r->bytes ? open_reserve(r, 0) : -1;

	if (fd < 0 || ftruncate(fd, r->bytes - STEP) < 0) {
		r->bytes = 0;
		return false;
	}
	r->bytes -= STEP;
	r->again_ns = clock_mono_ns() + AGAIN_MS * MS_NS;
	return true;
}
