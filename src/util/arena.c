/* How it works: blocks in a list, the newest is filled from the front. The first is of 16 KiB, each further
 * one as large as all before it, up to the size of a huge page. What would take a large part of the smallest
 * block gets one of its own, which is put behind the newest, so that the rest of that one is not lost. */
#include "arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mem.h"

enum { BLOCK_MIN = 16 << 10, HUGE_BYTES = 2 << 20 };
#define BLOCK_MAX (HUGE_BYTES - sizeof(struct block))

struct block {
	struct block *next;
	size_t used, size;
	bool mapped; /* a huge page, not the heap's */
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *newest;
	size_t bytes;
};

struct arena *arena_new(void)
{
	return xcalloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	struct block *next;

	if (!a)
		return;
	for (struct block *b = a->newest; b; b = next) {
		next = b->next;
		if (b->mapped)
			munmap(b, HUGE_BYTES);
		else
			free(b);
	}
	free(a);
}

/* A huge page where the kernel has them to give, since a large model is thousands of small ones. NULL: no
 * memory. */
static struct block *block_huge(void)
{
	struct block *b;
	size_t spare;
	char *p = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	spare = (HUGE_BYTES - (uintptr_t)p % HUGE_BYTES) % HUGE_BYTES;
	if (spare)
		munmap(p, spare);
	munmap(p + spare + HUGE_BYTES, HUGE_BYTES - spare);
	p += spare;
	madvise(p, HUGE_BYTES, MADV_HUGEPAGE);
	b = (void *)p;
	b->mapped = true;
	return b;
}

static struct block *block_new(size_t size)
{
	struct block *b = size == BLOCK_MAX ? block_huge() : NULL;

	if (!b)
		b = xcalloc(1, sizeof *b + size);
	b->size = size;
	return b;
}

static void *alloc_alone(struct arena *a, size_t n)
{
	struct block *b = block_new(n);

	b->used = n;
	if (a->newest) {
		b->next = a->newest->next;
		a->newest->next = b;
	} else {
		a->newest = b;
	}
	return b->data;
}

/* A multiple of what everything is aligned to, as `used` is. */
static size_t block_size(const struct arena *a)
{
	size_t size = a->bytes & ~(size_t)(alignof(max_align_t) - 1);

	return size < BLOCK_MIN ? BLOCK_MIN : size > BLOCK_MAX ? BLOCK_MAX : size;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t mask = alignof(max_align_t) - 1;
	struct block *b = a->newest;
	void *p;

	if (n > SIZE_MAX / 2)
		xmalloc(n); /* cannot be had: ends the process as any other lack of memory does */
	n = n ? (n + mask) & ~mask : mask + 1;
	a->bytes += n;
	if (!b || b->size - b->used < n) {
		if (n > BLOCK_MIN / 4)
			return alloc_alone(a, n);
		b = block_new(block_size(a));
		b->next = a->newest;
		a->newest = b;
	}
	p = b->data + b->used;
	b->used += n;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		bytes = SIZE_MAX;
	return arena_alloc(a, bytes);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

/* Written where it will stay; NULL when it does not fit there, and *ret_len says what it takes. */
static __attribute__((format(printf, 2, 0))) char *print_here(
	struct arena *a, const char *fmt, va_list ap, size_t *ret_len)
{
	struct block *b = a->newest;
	char *at = b ? b->data + b->used : NULL;
	size_t room = b ? b->size - b->used : 0;
	int n = vsnprintf(at, room, fmt, ap);

	*ret_len = n < 0 ? 0 : (size_t)n;
	if (*ret_len < room)
		return arena_alloc(a, *ret_len + 1);
	if (room)
		memset(at, 0, room);
	return NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	size_t len;
	char *s;
	va_list ap;

	va_start(ap, fmt);
	s = print_here(a, fmt, ap, &len);
	va_end(ap);
	if (s)
		return s;
	s = arena_alloc(a, len + 1);
	va_start(ap, fmt);
	vsnprintf(s, len + 1, fmt, ap);
	va_end(ap);
	return s;
}

size_t arena_bytes(const struct arena *a)
{
	return a->bytes;
}
