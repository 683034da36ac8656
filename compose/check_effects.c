/* check_effects.c - nothing that a user writes is passed over in silence: rows say which attributes are only
 * carried along. */
#include <string.h>

#include "../src/util/arena.h"
#include "attr.h"
#include "check.h"
#include "tree.h"

static bool says_nothing(const struct node *n)
{
	return n->kind == NODE_NULL || ((n->kind == NODE_MAP || n->kind == NODE_SEQ) && !n->n);
}

static void walk(const struct stage_ctx *s, const struct attr *row, const struct node *n, const char *path);

static void walk_key(
	const struct stage_ctx *s, const struct attr *row, const struct node_pair *p, const char *path)
{
	path = arena_printf(s->a, "%s%s%s", path, *path ? "." : "", p->key);
	if (!(row->flags & (AF_NOTE | AF_LATER)) || says_nothing(p->value)) {
		walk(s, row, p->value, path);
		return;
	}
	if (row->flags & AF_NOTE)
		diag_warn(s->d, p->key_pos, "'%s' has no effect on a single Linux host", p->key);
	else
		diag_warn(s->d, p->key_pos, "'%s' is not acted on yet", p->key);
	diag_where(s->d, path, NULL, (unsigned)strlen(p->key));
}

static void walk(const struct stage_ctx *s, const struct attr *row, const struct node *n, const char *path)
{
	if (n->kind == NODE_MAP)
		tree_each(n, p) {
			const struct attr *kid = attr_find(row, p->key);

			if (kid)
				walk_key(s, kid, p, path);
		}
	for (size_t i = 0; n->kind == NODE_SEQ && row->kids && i < n->n; i++)
		walk(s, row->kids, n->items[i], arena_printf(s->a, "%s[%zu]", path, i));
}

void check_effects(const struct stage_ctx *s, const struct node *root)
{
	if (!s->no_consistency)
		walk(s, &attr_root, root, "");
}
