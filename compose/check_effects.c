/* check_effects.c - nothing that a user writes is passed over in silence: rows say which attributes are only
 * carried along. */
#include <string.h>

#include "attr.h"
#include "check.h"
#include "trail.h"
#include "tree.h"

static bool says_nothing(const struct node *n)
{
	return n->kind == NODE_NULL || (n->kind == NODE_BOOL && !n->b) ||
	       ((n->kind == NODE_MAP || n->kind == NODE_SEQ) && !n->n);
}

struct effects {
	const struct stage_ctx *s;
	struct buf path; /* of the value at hand: "services.web.deploy" */
};

static void walk(struct effects *e, const struct attr *row, const struct node *n);

static void report(struct effects *e, const struct attr *row, const struct node_pair *p)
{
	const char *what =
		row->flags & AF_NOTE ? "has no effect on a single Linux host" : "is not acted on yet";
	struct diag *d = e->s->d;

	if (e->s->effects == EFFECTS_REFUSED)
		diag_error(d, p->key_pos, "'%s' %s", p->key, what);
	else
		diag_warn(d, p->key_pos, "'%s' %s", p->key, what);
	diag_where(d, trail_text(&e->path), NULL, (unsigned)strlen(p->key));
}

static void walk_key(struct effects *e, const struct attr *row, const struct node_pair *p)
{
	size_t mark = trail_key(&e->path, p->key);

	if ((row->flags & (AF_NOTE | AF_LATER)) && !says_nothing(p->value))
		report(e, row, p);
	else if (row->kids)
		walk(e, row, p->value);
	trail_back(&e->path, mark);
}

static void walk(struct effects *e, const struct attr *row, const struct node *n)
{
	if (n->kind == NODE_MAP && row->kids)
		tree_each(n, p) {
			const struct attr *kid = attr_find(row, p->key);

			if (kid)
				walk_key(e, kid, p);
		}
	for (size_t i = 0; n->kind == NODE_SEQ && row->kids && i < n->n; i++) {
		size_t mark = trail_index(&e->path, i);

		walk(e, row->kids, n->items[i]);
		trail_back(&e->path, mark);
	}
}

void check_effects(const struct stage_ctx *s, const struct node *root)
{
	struct effects e = { .s = s, .path = BUF_INIT };

	if (s->effects != EFFECTS_UNTOLD)
		walk(&e, &attr_root, root);
	buf_done(&e.path);
}
