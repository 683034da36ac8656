/* lower_values.c - single values. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "lower.h"
#include "val.h"

void *low_array(struct lower *l, const struct node *list, size_t size)
{
	return list && list->n ? arena_array(l->a, list->n, size) : NULL;
}

char *low_str(struct lower *l, const struct node *map, const char *key)
{
	return arena_strdup(l->a, tree_str(map, key));
}

struct strv low_strv(struct lower *l, const struct node *map, const char *key)
{
	const struct node *seq = tree_seq(map, key);
	static char *nothing[1];
	struct strv out = { .v = nothing, .set = seq != NULL };

	if (seq && seq->n)
		out.v = arena_array(l->a, seq->n + 1, sizeof *out.v);
	tree_items(seq, it)
		if ((*it)->kind == NODE_STR)
			out.v[out.n++] = arena_strdup(l->a, (*it)->text);
	return out;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct kv *)a)->key, ((const struct kv *)b)->key);
}

struct kvs low_kvs(struct lower *l, const struct node *map, const char *key)
{
	const struct node *from = tree_map(map, key);
	struct kvs out = { 0 };

	out.v = low_array(l, from, sizeof *out.v);
	tree_each(from, p) {
		struct kv *kv = &out.v[out.n++];

		kv->key = arena_strdup(l->a, p->key);
		kv->value = p->value->kind == NODE_NULL ? NULL
							: arena_strdup(l->a, val_scalar_text(l->a, p->value));
	}
	if (out.n)
		qsort(out.v, out.n, sizeof *out.v, by_key);
	return out;
}

int64_t low_int(const struct node *map, const char *key, int64_t otherwise)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_INT ? n->i : otherwise;
}

double low_num(const struct node *map, const char *key, double otherwise)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	if (!n || (n->kind != NODE_INT && n->kind != NODE_FLOAT))
		return otherwise;
	return n->kind == NODE_INT ? (double)n->i : n->f;
}

enum tristate low_tri(const struct node *map, const char *key)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_BOOL ? (n->b ? TRI_YES : TRI_NO) : TRI_UNSET;
}

int64_t low_bytes(const struct node *map, const char *key, int64_t otherwise)
{
	const char *text = tree_str(map, key);
	int64_t v;

	return text && str_i64(text, &v) == 0 ? v : otherwise;
}

int64_t low_ns(const struct node *map, const char *key, int64_t otherwise)
{
	const char *text = tree_str(map, key);
	int64_t v;

	return text && str_duration_ns(text, &v) == 0 ? v : otherwise;
}

struct pos low_pos(const struct node *map, const char *key)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return n ? n->pos : map ? map->pos : (struct pos){ 0 };
}
