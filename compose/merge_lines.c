/* merge_lines.c - maps as NAME=value lines. */
#include "merge_lines.h"

#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "node.h"
#include "tree.h"
#include "val.h"

static void add_line(struct arena *a, struct node *lines, const char *key, const struct node *value)
{
	const char *text =
		value->kind == NODE_NULL ? key : arena_printf(a, "%s=%s", key, val_scalar_text(a, value));
	struct node *line = node_str(a, text, value->pos);

	line->span = value->span;
	line->origin = value->origin;
	node_push(a, lines, line);
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->text, (*(struct node *const *)b)->text);
}

struct node *lines_of(struct arena *a, struct node *n)
{
	struct node *lines;

	if (n->kind == NODE_SEQ)
		return n;
	lines = node_new(a, NODE_SEQ, n->pos);
	lines->wrong = n->wrong;
	if (n->kind == NODE_STR)
		node_push(a, lines, n);
	tree_each(n->kind == NODE_MAP ? n : NULL, p) {
		if (p->value->kind != NODE_SEQ)
			add_line(a, lines, p->key, p->value);
		tree_items(p->value->kind == NODE_SEQ ? p->value : NULL, item)
			add_line(a, lines, p->key, *item);
	}
	if (lines->n)
		qsort(lines->items, lines->n, sizeof *lines->items, by_text);
	return lines;
}
