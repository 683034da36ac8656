#include "grow.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "../util/auto.h"

/* Fewer are not worth waking somebody for, unless they are the last. */
enum { WAKE_BYTES = 256 << 10 };

struct grow_shared {
	_Atomic uint64_t bytes, read;
	_Atomic bool whole;
};

int grow_init(struct grow *g, struct err *err)
{
	auto_close int fd = eventfd(0, EFD_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct grow_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_sys(err, errno, "share memory with the unpacking process");
	*g = (struct grow){ .shared = p, .wake_fd = take_fd(&fd) };
	return 0;
}

void grow_done(struct grow *g)
{
	if (g->shared)
		munmap(g->shared, sizeof *g->shared);
	if (g->wake_fd >= 0)
		close(g->wake_fd);
	*g = GROW_NONE;
}

/* Failing is no harm: nothing there is believed. */
void grow_keep(struct grow *g)
{
	madvise(g->shared, sizeof *g->shared, MADV_DONTFORK);
}

/* The counter of an eventfd is 64 bits wide: it never is full. */
static void wake(struct grow *g, uint64_t bytes)
{
	static const uint64_t one = 1;

	g->woken_at = bytes;
	while (write(g->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

void grow_tell(struct grow *g, uint64_t bytes)
{
	atomic_store(&g->shared->bytes, bytes);
	if (bytes - g->woken_at >= WAKE_BYTES)
		wake(g, bytes);
}

void grow_end(struct grow *g, uint64_t bytes)
{
	atomic_store(&g->shared->bytes, bytes);
	atomic_store(&g->shared->whole, true);
	wake(g, bytes);
}

uint64_t grow_read(const struct grow *g)
{
	return atomic_load(&g->shared->read);
}

uint64_t grow_wait(struct grow *g, uint64_t have, bool *ret_whole)
{
	uint64_t there, n;

	atomic_store(&g->shared->read, have);
	for (;;) {
		*ret_whole = atomic_load(&g->shared->whole); /* before the count, which is the last one then */
		there = atomic_load(&g->shared->bytes);
		if (there > have || *ret_whole)
			return there;
		if (read(g->wake_fd, &n, sizeof n) < 0 && errno != EINTR)
			return there;
	}
}
