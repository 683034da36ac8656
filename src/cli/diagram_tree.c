/* diagram_tree.c - the diagram as a tree: who is needed by nobody stands at the left, below it what it needs. What hangs from several is
 * told once; where it comes again, an arrow says that the rest stands above. A chain of thousands must not need a deep C stack. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/visible.h"
#include "diagram.h"
#include "ui.h"

enum { MAX_INDENT = 100 };               /* deeper branches are not moved in any further: nobody could follow them */

struct branch {
	size_t node, edge, end;          /* edges that are still to come: edge to end */
	size_t prefix;                   /* length of the prefix before this branch */
};

struct tree {
	const struct diagram *d;
	bool colour;
	size_t *first;                   /* edges of node i: first[i] to first[i + 1] */
	char *told;                      /* nodes whose branches stand above */
	struct buf prefix, *out;
};

static void index_edges(struct tree *t)
{
	const struct diagram *d = t->d;

	t->first = xcalloc(d->n_nodes + 1, sizeof *t->first);
	for (size_t i = 0; i < d->n_nodes; i++)
		t->first[i + 1] = t->first[i] + d->nodes[i].n_out;
}

static void put_node(struct tree *t, size_t node, const struct diagram_edge *e)
{
	static const char *const kinds[] = { [DIAGRAM_SERVICE] = "", [DIAGRAM_NETWORK] = "network ", [DIAGRAM_VOLUME] = "volume " };
	const struct diagram_node *n = &t->d->nodes[node];
	auto_free char *note = diagram_note(n), *label = e ? diagram_label(e) : xstrdup("");
	auto_free char *name = visible_copy(n->name), *shown = visible_copy(note);

	buf_str(t->out, ui_on(t->colour, n->kind == DIAGRAM_SERVICE ? C_BOLD : C_DIM));
	buf_printf(t->out, "%s%s%s", kinds[n->kind], name, ui_off(t->colour));
	if (*label)
		buf_printf(t->out, " %s(%s)%s", ui_on(t->colour, C_GREEN), label, ui_off(t->colour));
	if (*shown)
		buf_printf(t->out, " %s[%s]%s", ui_on(t->colour, C_YELLOW), shown, ui_off(t->colour));
	buf_str(t->out, t->told[node] && n->n_out ? " ↑\n" : "\n");
}

static void put_branches(struct tree *t, size_t root)
{
	auto_free struct branch *stack = xcalloc(t->d->n_nodes + 1, sizeof *stack);
	size_t depth = 0;

	put_node(t, root, NULL);
	t->told[root] = 1;
	stack[depth++] = (struct branch){ root, t->first[root], t->first[root + 1], 0 };
	while (depth) {
		struct branch *b = &stack[depth - 1];
		const struct diagram_edge *e = &t->d->edges[b->edge];
		bool last = b->edge + 1 >= b->end;

		t->prefix.len = b->prefix;
		if (b->edge++ >= b->end) {
			depth--;
			continue;
		}
		buf_printf(t->out, "%.*s%s", (int)t->prefix.len, t->prefix.p ? t->prefix.p : "", last ? "└── " : "├── ");
		put_node(t, e->to, e);
		if (t->told[e->to])
			continue;
		t->told[e->to] = 1;
		if (depth < MAX_INDENT)
			buf_str(&t->prefix, last ? "    " : "│   ");
		stack[depth++] = (struct branch){ e->to, t->first[e->to], t->first[e->to + 1], t->prefix.len };
	}
}

void diagram_tree(const struct diagram *d, bool colour, struct buf *out)
{
	struct tree t = { .d = d, .colour = colour, .told = xcalloc(d->n_nodes + 1, 1), .out = out };

	index_edges(&t);
	for (size_t i = 0; i < d->n_nodes; i++)
		if (!d->nodes[i].n_in)
			put_branches(&t, i);
	free(t.first);
	free(t.told);
	buf_done(&t.prefix);
}
