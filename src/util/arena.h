/* arena.h - one lifetime for everything parsed from one project.
 *
 * Memory is taken from the arena and released with it, never one by one. Blocks are zeroed and aligned for any type. */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);              /* NULL is fine */
void *arena_alloc(struct arena *a, size_t n);  /* zeroed */
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s);  /* NULL stays NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t arena_bytes(const struct arena *a);     /* handed out so far */
