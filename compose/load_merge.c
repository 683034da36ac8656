/* Merge keys as the reference applies them: of several maps the first one that has a key wins. Tags in them
 * have effects that nobody would guess. One !override lets the whole place where it is merged, or the key
 * that wins over it, replace what earlier files say; in a list of maps it does nothing. A !reset is gone with
 * its key. */
#include "load_merge.h"

#include "../src/util/arena.h"

static bool is_reset(struct loader *l, const struct node *n)
{
	if (n->tag != NODE_RESET)
		return false;
	diag_warn(l->d, n->pos, "this '!reset' has no effect where '&' and '*' or '<<' repeat it");
	diag_hint(l->d, "write it there");
	return true;
}

void load_drop_resets(struct loader *l, struct node *n)
{
	unsigned kept = 0;

	if (!n->marked || n->tag != NODE_PLAIN)
		return;
	for (unsigned i = 0; n->kind == NODE_SEQ && i < n->n; i++) {
		load_drop_resets(l, n->items[i]);
		if (!is_reset(l, n->items[i]))
			n->items[kept++] = n->items[i];
	}
	for (unsigned i = 0; n->kind == NODE_MAP && i < n->n; i++) {
		load_drop_resets(l, n->pairs[i].value);
		if (!is_reset(l, n->pairs[i].value))
			n->pairs[kept++] = n->pairs[i];
	}
	if (kept < n->n)
		node_truncate(n, kept);
}

static void forget_overrides(struct node *n)
{
	if (!n->marked)
		return;
	n->tag = n->tag == NODE_OVERRIDE ? NODE_PLAIN : n->tag;
	for (unsigned i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		forget_overrides(n->items[i]);
	for (unsigned i = 0; n->kind == NODE_MAP && i < n->n; i++)
		forget_overrides(n->pairs[i].value);
}

static bool is_map(struct loader *l, struct node *map, const struct node *v)
{
	if (v->kind == NODE_MAP)
		return true;
	map->wrong = true;
	if (v->wrong)
		return false;
	FAIL(l, v->pos, "'<<' takes a mapping or a list of mappings, not a %s", node_kind_str(v->kind));
	return false;
}

static void override(struct node *n)
{
	if (n->tag == NODE_PLAIN)
		n->tag = NODE_OVERRIDE;
	n->marked = true;
}

static void merge_map(struct loader *l, struct node *map, const struct node *from)
{
	if (!is_map(l, map, from))
		return;
	if (from->wrong)
		map->wrong = true;
	for (size_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];
		struct node *own = node_get(map, p->key);

		if (!own)
			node_add(l->a, map, p->key, p->key_pos, p->value);
		else if (p->value->tag != NODE_PLAIN)
			override(own);
	}
}

void load_merge(struct loader *l, struct node *map, const struct node *value)
{
	if (value->tag != NODE_PLAIN)
		override(map);
	if (value->tag == NODE_RESET)
		return;
	if (value->kind != NODE_SEQ) {
		merge_map(l, map, value);
		return;
	}
	for (size_t i = 0; i < value->n; i++) {
		struct node *item = value->items[i];

		if (is_reset(l, item))
			continue;
		forget_overrides(item);
		load_drop_resets(l, item);
		merge_map(l, map, item);
	}
}
