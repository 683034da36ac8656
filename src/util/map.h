/* map.h - text to pointer, in the order of insertion.
 *
 * Keys are copied; values belong to the caller unless a free function is given to map_done(). Lookup is by hash. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct map_item {
	char *key;
	void *value;
};

struct map {
	struct map_item *items;   /* n of them, in order of insertion; removed ones are closed up */
	size_t n, cap;
	unsigned *slots;          /* hash table of index + 1 */
	size_t n_slots;
};

#define MAP_INIT ((struct map){ 0 })

void *map_get(const struct map *m, const char *key);         /* NULL: there is none */
bool map_has(const struct map *m, const char *key);
/* Sets the value and returns the one it replaces (NULL: it is new). */
void *map_set(struct map *m, const char *key, void *value);
void *map_remove(struct map *m, const char *key);            /* the value, NULL when absent */
void map_done(struct map *m, void (*value_free)(void *));    /* value_free may be NULL */

size_t map_hash(const char *key);    /* with a seed of this process: nobody can choose keys that collide */

#define map_each(m, it) for (struct map_item *it = (m)->items; it && it < (m)->items + (m)->n; it++)
