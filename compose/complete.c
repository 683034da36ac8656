/* complete.c - what a merged project lacks: values that are still null, keys that must be there. A part of a
 * file may leave out what another part has, so nobody can ask for it before. */
#include "canon.h"

static void complete(struct canon *c, const struct attr *row, struct node *n);

static void complete_seq(struct canon *c, const struct attr *row, struct node *seq)
{
	for (size_t i = 0; row->kids && i < seq->n; i++) {
		size_t mark = canon_push_index(c, i);

		complete(c, row->kids, seq->items[i]);
		canon_pop(c, mark);
	}
}

static void complete_map(struct canon *c, const struct attr *row, struct node *map)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct attr *kid = attr_find(row, map->pairs[i].key);
		size_t mark;

		if (!kid)
			continue;
		mark = canon_push(c, map->pairs[i].key);
		complete(c, kid, map->pairs[i].value);
		canon_pop(c, mark);
	}
	for (const struct attr *kid = row->kids; row->type == A_OBJ && kid->key; kid++)
		if ((kid->flags & AF_REQ) && !map->wrong && !node_get(map, kid->key))
			canon_error(c, map, "'%s' is missing in '%s'", kid->key, canon_subject(c, row));
}

static void complete(struct canon *c, const struct attr *row, struct node *n)
{
	bool outer = c->wrong;

	c->wrong = false;
	if (n->kind == NODE_NULL && !(row->flags & AF_NULL))
		canon_wrong(c, row, n, canon_wanted(row));
	else if (n->kind == NODE_SEQ)
		complete_seq(c, row, n);
	else if (n->kind == NODE_MAP)
		complete_map(c, row, n);
	if (c->wrong)
		canon_spoil(row, n);
	c->wrong = outer;
}

void complete_tree(const struct stage_ctx *s, struct node *root)
{
	struct canon c = { .s = s, .a = s->a, .path = BUF_INIT };

	complete(&c, &attr_root, root);
	buf_done(&c.path);
}
