/* How it works: a map is an array of pairs in the order of the text. Beyond INDEX_FROM pairs it gets a hash
 * index of pair numbers, which is rebuilt when the pairs changed behind its back (removal, sorting). */
#include "node.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"

enum { INDEX_FROM = 16 };

struct node_index {
	struct arena *arena;
	const struct node_pair *pairs; /* what was indexed: */
	size_t n;
	uint32_t *slots; /* pair number + 1 */
	size_t n_slots;	 /* a power of two */
	bool stale;
};

struct node *node_new(struct arena *a, enum node_kind kind, struct pos pos)
{
	struct node *n = arena_alloc(a, sizeof *n);

	n->kind = kind;
	n->pos = pos;
	if (kind != NODE_SEQ && kind != NODE_MAP)
		n->text = "";
	return n;
}

struct node *node_str(struct arena *a, const char *text, struct pos pos)
{
	struct node *n = node_new(a, NODE_STR, pos);

	n->text = arena_strdup(a, text);
	n->len = strlen(text);
	n->quoted = true;
	return n;
}

struct node *node_int(struct arena *a, long long v, struct pos pos)
{
	struct node *n = node_new(a, NODE_INT, pos);

	n->i = v;
	n->text = arena_printf(a, "%lld", v);
	n->len = strlen(n->text);
	return n;
}

struct node *node_bool(struct arena *a, bool v, struct pos pos)
{
	struct node *n = node_new(a, NODE_BOOL, pos);

	n->b = v;
	n->text = v ? "true" : "false";
	n->len = strlen(n->text);
	return n;
}

struct node *node_float(struct arena *a, double v, struct pos pos)
{
	struct node *n = node_new(a, NODE_FLOAT, pos);

	n->f = v;
	n->text = arena_printf(a, "%.17g", v);
	n->len = strlen(n->text);
	return n;
}

void node_spoil(struct node *n, enum node_kind kind)
{
	n->kind = kind;
	n->wrong = true;
	n->text = kind == NODE_SEQ || kind == NODE_MAP ? NULL : "";
	n->len = n->n = n->cap = 0;
	n->items = NULL;
	n->pairs = NULL;
	n->index = NULL;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *c;

	if (!n)
		return NULL;
	c = arena_alloc(a, sizeof *c);
	*c = *n;
	c->index = NULL;
	c->cap = n->n;
	if (n->kind == NODE_SEQ && n->n) {
		c->items = arena_array(a, n->n, sizeof *c->items);
		for (size_t i = 0; i < n->n; i++)
			c->items[i] = node_copy(a, n->items[i]);
	} else if (n->kind == NODE_MAP && n->n) {
		c->pairs = arena_array(a, n->n, sizeof *c->pairs);
		for (size_t i = 0; i < n->n; i++) {
			c->pairs[i] = n->pairs[i];
			c->pairs[i].value = node_copy(a, n->pairs[i].value);
		}
	}
	if (n->kind == NODE_MAP && n->index) {
		c->index = arena_alloc(a, sizeof *c->index);
		c->index->arena = a;
		c->index->stale = true;
	}
	return c;
}

size_t node_count(const struct node *n)
{
	size_t count = 1;

	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		count += node_count(n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		count += node_count(n->pairs[i].value);
	return count;
}

size_t node_bytes(const struct node *n)
{
	size_t bytes = n->kind == NODE_STR ? n->len : 0;

	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		bytes += node_bytes(n->items[i]);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		bytes += strlen(n->pairs[i].key) + node_bytes(n->pairs[i].value);
	return bytes;
}

/* ------------------------------------------------------------------ maps */

static void index_put(struct node_index *x, const char *key, size_t i)
{
	size_t mask = x->n_slots - 1, at = map_hash(key) & mask;

	while (x->slots[at])
		at = (at + 1) & mask;
	x->slots[at] = (uint32_t)i + 1;
}

static void index_build(struct node_index *x, const struct node *map)
{
	size_t want = 64;

	while (want < map->cap * 2)
		want *= 2;
	if (want > x->n_slots) {
		x->slots = arena_array(x->arena, want, sizeof *x->slots);
		x->n_slots = want;
	} else {
		memset(x->slots, 0, x->n_slots * sizeof *x->slots);
	}
	x->pairs = map->pairs;
	x->n = map->n;
	x->stale = false;
	for (size_t i = 0; i < map->n; i++)
		index_put(x, map->pairs[i].key, i);
}

static struct node_pair *index_find(const struct node *map, const char *key)
{
	struct node_index *x = map->index;
	size_t mask, at;

	if (x->stale || x->pairs != map->pairs || x->n != map->n)
		index_build(x, map);
	mask = x->n_slots - 1;
	for (at = map_hash(key) & mask; x->slots[at]; at = (at + 1) & mask) {
		struct node_pair *p = &map->pairs[x->slots[at] - 1];

		if (STREQ(p->key, key))
			return p;
	}
	return NULL;
}

struct node_pair *node_pair_get(const struct node *map, const char *key)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	if (map->index)
		return index_find(map, key);
	for (size_t i = 0; i < map->n; i++) {
		if (str_same(map->pairs[i].key, key))
			return &map->pairs[i];
	}
	return NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
	struct node_pair *p = node_pair_get(map, key);

	return p ? p->value : NULL;
}

/* Room for one more of `size` bytes each; n and cap are the node's. */
static void *grow(struct arena *a, struct node *n, void *old, size_t size)
{
	void *p;

	if (n->n < n->cap)
		return old;
	n->cap = n->cap ? n->cap * 2 : 4;
	p = arena_array(a, n->cap, size);
	if (n->n)
		memcpy(p, old, n->n * size);
	return p;
}

void node_add(struct arena *a, struct node *map, const char *key, struct pos key_pos, struct node *value)
{
	map->pairs = grow(a, map, map->pairs, sizeof *map->pairs);
	map->pairs[map->n++] = (struct node_pair){ key, key_pos, value };
	if (map->index && !map->index->stale && map->index->pairs == map->pairs &&
		map->index->n == map->n - 1 && map->n * 2 <= map->index->n_slots) {
		index_put(map->index, key, map->n - 1);
		map->index->n = map->n;
	} else if (map->n > INDEX_FROM && !map->index) {
		map->index = arena_alloc(a, sizeof *map->index);
		map->index->arena = a;
		map->index->stale = true;
	}
}

struct node_pair *node_set(
	struct arena *a, struct node *map, const char *key, struct pos key_pos, struct node *value)
{
	struct node_pair *p = node_pair_get(map, key);

	if (p) {
		p->key_pos = key_pos;
		p->value = value;
		return p;
	}
	node_add(a, map, arena_strdup(a, key), key_pos, value);
	return &map->pairs[map->n - 1];
}

bool node_remove(struct node *map, const char *key)
{
	struct node_pair *p = node_pair_get(map, key);

	if (!p)
		return false;
	memmove(p, p + 1, (size_t)(map->pairs + map->n - (p + 1)) * sizeof *p);
	map->n--;
	if (map->index)
		map->index->stale = true;
	return true;
}

void node_truncate(struct node *n, size_t count)
{
	n->n = count;
	if (n->kind == NODE_MAP && n->index)
		n->index->stale = true;
}

void node_push(struct arena *a, struct node *seq, struct node *item)
{
	seq->items = grow(a, seq, seq->items, sizeof *seq->items);
	seq->items[seq->n++] = item;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct node_pair *)a)->key, ((const struct node_pair *)b)->key);
}

void node_sort_keys(struct node *map)
{
	if (map->kind != NODE_MAP || map->n < 2)
		return;
	qsort(map->pairs, map->n, sizeof *map->pairs, compare_keys);
	if (map->index)
		map->index->stale = true;
}

/* ------------------------------------------------------------------ comparing */

static bool map_equal(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct node_pair *p = node_pair_get(b, a->pairs[i].key);

		if (!p || !node_equal(a->pairs[i].value, p->value))
			return false;
	}
	return true;
}

static bool seq_equal(const struct node *a, const struct node *b)
{
	for (size_t i = 0; i < a->n; i++) {
		if (!node_equal(a->items[i], b->items[i]))
			return false;
	}
	return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return a->b == b->b;
	case NODE_INT:
		return a->i == b->i && a->is_u64 == b->is_u64;
	case NODE_FLOAT:
		return a->f == b->f || (isnan(a->f) && isnan(b->f));
	case NODE_STR:
		return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
	case NODE_SEQ:
		return a->n == b->n && seq_equal(a, b);
	case NODE_MAP:
		return a->n == b->n && map_equal(a, b);
	}
	return false;
}

const char *node_kind_str(enum node_kind kind)
{
	static const char *const names[] = {
		[NODE_NULL] = "null",
		[NODE_BOOL] = "boolean",
		[NODE_INT] = "number",
		[NODE_FLOAT] = "number",
		[NODE_STR] = "string",
		[NODE_SEQ] = "list",
		[NODE_MAP] = "mapping",
	};

	return names[kind];
}
