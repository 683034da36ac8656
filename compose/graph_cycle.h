/* graph_cycle.h - private: a cycle in any graph whose vertices are numbered. */
#pragma once

#include <stddef.h>

#define GRAPH_NONE ((size_t)-1)

/* The i-th vertex that v needs, GRAPH_NONE when there are no more. */
typedef size_t graph_next_fn(const void *ctx, size_t v, size_t i);

/* Fills path (room for n) with the vertices of the first cycle in order and returns their number; 0: there is none. */
size_t graph_find_cycle(const void *ctx, size_t n, graph_next_fn *next, size_t *path);
