/* attr.c - looking things up in the attribute table. */
#include "attr.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"

bool attr_is_extension(const char *key)
{
	return str_starts(key, "x-");
}

const struct attr *attr_find(const struct attr *obj, const char *key)
{
	if (!obj || !obj->kids)
		return NULL;
	if (obj->type == A_MAP)
		return obj->kids;
	if (obj->type != A_OBJ)
		return NULL;
	for (const struct attr *row = obj->kids; row->key; row++)
		if (str_same(row->key, key))
			return row;
	return NULL;
}

/* What makes an item unique by the row's rule; NULL: nothing does. */
static const char *identity(struct arena *a, const struct attr *row, const struct node *item)
{
	if (row->item_key)
		return row->item_key(a, item);
	if (row->type == A_KV)
		return key_name(a, item);
	return row->merge == M_UNIQUE && item->kind == NODE_STR ? item->text : NULL;
}

const char *key_name(struct arena *a, const struct node *item)
{
	if (item->kind != NODE_STR)
		return NULL;
	return strchr(item->text, '=') ? arena_strndup(a, item->text, strcspn(item->text, "=")) : item->text;
}

void attr_unique(struct arena *a, const struct attr *row, struct node *seq)
{
	struct map seen = MAP_INIT; /* identity → place in seq, plus one */
	size_t kept = 0;

	for (size_t i = 0; i < seq->n; i++) {
		struct node *item = seq->items[i];
		const char *id = identity(a, row, item);
		size_t place = id ? (size_t)map_get(&seen, id) : 0;

		if (place) {
			seq->items[place - 1] = item;
			continue;
		}
		seq->items[kept++] = item;
		if (id)
			map_set(&seen, id, (void *)kept);
	}
	seq->n = kept;
	map_done(&seen, NULL);
}
