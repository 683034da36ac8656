/* diagram_layout.c - where the nodes of a diagram stand, in layers (after Sugiyama, Tagawa and Toda 1981).
 *
 * Rows: a node stands below all that depend on it, in the first row that has room. Points: each edge that passes rows gets one in each of
 * them, unless that were too many in all; together with the nodes they are the cells of a row. Order: a few times down and up, each row is
 * sorted by the mean place of its cells' neighbours in the row before. Places: the same means, with every cell kept clear of the one beside
 * it. All of it is linear in what there is, but for the sorting. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "diagram.h"
#include "ui.h"

enum { GAP = 28, ROW_HEIGHT = 92, MARGIN = 24, PAD = 14, CHAR_WIDTH = 8, POINT_WIDTH = 2, POINT_GAP = 8, MIN_ROW = 6, SWEEPS = 6, MAX_POINTS = 20000 };

struct cell {
	size_t node;                     /* SIZE_MAX: a point of an edge */
	size_t row, place;
	double width, x, mean;
	size_t *up, *down;               /* neighbouring cells in the rows above and below; their room is link[]'s */
	size_t n_up, n_down;
};

struct rows {
	const struct diagram *d;
	struct cell *cells;
	size_t n_cells, cap_cells;
	size_t *row_of;                  /* of a node */
	size_t n_rows;
	size_t **order, *n_in_row;       /* cells of each row, from left to right */
	size_t *chain;                   /* edge i passes the cells first[i] to first[i + 1] of it */
	size_t *first, n_chain, cap_chain;
	size_t *links;
	double widest;                   /* of the rows, packed: wider the picture does not get */
};

/* ------------------------------------------------------------------ rows */

/* About as wide as high: a node is some four times as wide as high. */
static size_t most_in_row(size_t n)
{
	size_t most = MIN_ROW;

	while (most * most < n)
		most++;
	return most;
}

/* Kahn's way: a node's row is known when those of all that depend on it are. */
static void find_rows(struct rows *r)
{
	const struct diagram *d = r->d;
	size_t n = d->n_nodes, most = most_in_row(n), head = 0, tail = 0;
	auto_free size_t *unmet = xcalloc(n + 1, sizeof *unmet), *queue = xcalloc(n + 1, sizeof *queue), *in_row = xcalloc(n + 1, sizeof *in_row);
	auto_free size_t *first = xcalloc(n + 1, sizeof *first);

	for (size_t i = 0; i < n; i++) {
		first[i + 1] = first[i] + d->nodes[i].n_out;
		unmet[i] = d->nodes[i].n_in;
		if (!unmet[i])
			queue[tail++] = i;
	}
	for (; head < tail; head++) {
		size_t node = queue[head], row = r->row_of[node];

		while (in_row[row] >= most)
			row++;
		in_row[row]++;
		r->row_of[node] = row;
		r->n_rows = row + 1 > r->n_rows ? row + 1 : r->n_rows;
		for (size_t e = first[node]; e < first[node + 1]; e++) {
			size_t to = d->edges[e].to;

			if (r->row_of[to] < row + 1)
				r->row_of[to] = row + 1;
			if (--unmet[to] == 0)
				queue[tail++] = to;
		}
	}
}

/* ------------------------------------------------------------------ cells */

static double width_of(const struct diagram_node *n)
{
	auto_free char *note = diagram_note(n);
	size_t chars = ui_width(n->name, strlen(n->name)) + (*note ? ui_width(note, strlen(note)) + 1 : 0);

	return (double)(chars * CHAR_WIDTH + 2 * PAD);
}

static size_t add_cell(struct rows *r, size_t node, size_t row)
{
	struct cell *c = XGROW(r->cells, r->n_cells, r->cap_cells);

	*c = (struct cell){ .node = node, .row = row, .width = node == SIZE_MAX ? POINT_WIDTH : width_of(&r->d->nodes[node]) };
	return r->n_cells - 1;
}

static void add_chains(struct rows *r)
{
	const struct diagram *d = r->d;
	size_t points = 0;

	for (size_t i = 0; i < d->n_nodes; i++)
		add_cell(r, i, r->row_of[i]);
	for (size_t e = 0; e < d->n_edges; e++)
		points += r->row_of[d->edges[e].to] - r->row_of[d->edges[e].from] - 1;
	for (size_t e = 0; e < d->n_edges; e++) {
		size_t from = d->edges[e].from, to = d->edges[e].to;

		r->first[e] = r->n_chain;
		*XGROW(r->chain, r->n_chain, r->cap_chain) = from;
		for (size_t row = r->row_of[from] + 1; points <= MAX_POINTS && row < r->row_of[to]; row++) {
			size_t cell = add_cell(r, SIZE_MAX, row);

			*XGROW(r->chain, r->n_chain, r->cap_chain) = cell;
		}
		*XGROW(r->chain, r->n_chain, r->cap_chain) = to;
	}
	r->first[d->n_edges] = r->n_chain;
}

/* Where an edge has no points its ends count as neighbours all the same. */
static void link_cells(struct rows *r)
{
	size_t *room;

	for (size_t e = 0; e < r->d->n_edges; e++) {
		for (size_t i = r->first[e]; i + 1 < r->first[e + 1]; i++) {
			r->cells[r->chain[i]].n_down++;
			r->cells[r->chain[i + 1]].n_up++;
		}
	}
	room = r->links = xcalloc(2 * r->n_chain + 1, sizeof *r->links);
	for (size_t i = 0; i < r->n_cells; i++) {
		struct cell *c = &r->cells[i];

		c->up = room;
		c->down = room + c->n_up;
		room += c->n_up + c->n_down;
		c->n_up = c->n_down = 0;
	}
	for (size_t e = 0; e < r->d->n_edges; e++) {
		for (size_t i = r->first[e]; i + 1 < r->first[e + 1]; i++) {
			struct cell *a = &r->cells[r->chain[i]], *b = &r->cells[r->chain[i + 1]];

			a->down[a->n_down++] = r->chain[i + 1];
			b->up[b->n_up++] = r->chain[i];
		}
	}
}

static void fill_rows(struct rows *r)
{
	r->order = xcalloc(r->n_rows + 1, sizeof *r->order);
	r->n_in_row = xcalloc(r->n_rows + 1, sizeof *r->n_in_row);
	for (size_t i = 0; i < r->n_cells; i++)
		r->n_in_row[r->cells[i].row]++;
	for (size_t row = 0; row < r->n_rows; row++) {
		r->order[row] = xcalloc(r->n_in_row[row] + 1, sizeof **r->order);
		r->n_in_row[row] = 0;
	}
	for (size_t i = 0; i < r->n_cells; i++) {
		struct cell *c = &r->cells[i];

		c->place = r->n_in_row[c->row]++;
		r->order[c->row][c->place] = i;
	}
}

/* ------------------------------------------------------------------ order */

static int by_mean(const void *a, const void *b, void *cells)
{
	const struct cell *x = &((const struct cell *)cells)[*(const size_t *)a], *y = &((const struct cell *)cells)[*(const size_t *)b];

	if (x->mean != y->mean)
		return x->mean < y->mean ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static double mean_of(const struct rows *r, const struct cell *c, bool up, bool of_x)
{
	const size_t *v = up ? c->up : c->down;
	size_t n = up ? c->n_up : c->n_down;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += of_x ? r->cells[v[i]].x : (double)r->cells[v[i]].place / (double)r->n_in_row[r->cells[v[i]].row];
	if (n)
		return sum / (double)n;
	return of_x ? c->x : (double)c->place / (double)r->n_in_row[c->row];
}

static void sort_row(struct rows *r, size_t row, bool up)
{
	size_t n = r->n_in_row[row];

	for (size_t i = 0; i < n; i++) {
		struct cell *c = &r->cells[r->order[row][i]];

		c->mean = mean_of(r, c, up, false);
	}
	qsort_r(r->order[row], n, sizeof **r->order, by_mean, r->cells);
	for (size_t i = 0; i < n; i++)
		r->cells[r->order[row][i]].place = i;
}

/* ------------------------------------------------------------------ places */

static double apart(const struct cell *a, const struct cell *b)
{
	return (a->width + b->width) / 2 + (a->node == SIZE_MAX || b->node == SIZE_MAX ? POINT_GAP : GAP);
}

static void keep_inside(struct rows *r, size_t row)
{
	double right = r->widest / 2, left = -right;

	for (size_t i = r->n_in_row[row]; i-- > 0;) {
		struct cell *c = &r->cells[r->order[row][i]], *next = i + 1 < r->n_in_row[row] ? &r->cells[r->order[row][i + 1]] : NULL;
		double most = next ? next->x - apart(c, next) : right - c->width / 2;

		c->x = c->x > most ? most : c->x;
	}
	for (size_t i = 0; i < r->n_in_row[row]; i++) {
		struct cell *c = &r->cells[r->order[row][i]], *last = i ? &r->cells[r->order[row][i - 1]] : NULL;
		double least = last ? last->x + apart(last, c) : left + c->width / 2;

		c->x = c->x < least ? least : c->x;
	}
}

/* Each cell as near to its mean as those beside it allow: pushed to the right, then all of them back by half of what that came to. */
static void place_row(struct rows *r, size_t row, bool up)
{
	size_t n = r->n_in_row[row];
	double moved = 0;

	for (size_t i = 0; i < n; i++) {
		struct cell *c = &r->cells[r->order[row][i]], *left = i ? &r->cells[r->order[row][i - 1]] : NULL;
		double want = mean_of(r, c, up, true);

		c->x = left && want < left->x + apart(left, c) ? left->x + apart(left, c) : want;
		moved += c->x - want;
	}
	for (size_t i = 0; i < n; i++)
		r->cells[r->order[row][i]].x -= moved / (double)n;
	keep_inside(r, row);
}

static void begin_row(struct rows *r, size_t row)
{
	size_t n = r->n_in_row[row];
	struct cell *first = &r->cells[r->order[row][0]], *last = &r->cells[r->order[row][n - 1]];
	double middle, width;

	first->x = 0;
	for (size_t i = 1; i < n; i++)
		r->cells[r->order[row][i]].x = r->cells[r->order[row][i - 1]].x + apart(&r->cells[r->order[row][i - 1]], &r->cells[r->order[row][i]]);
	width = last->x + (first->width + last->width) / 2;
	middle = (last->x + last->width / 2 - first->width / 2) / 2;
	for (size_t i = 0; i < n; i++)
		r->cells[r->order[row][i]].x -= middle;
	r->widest = width > r->widest ? width : r->widest;
}

static void arrange(struct rows *r)
{
	for (int sweep = 0; sweep < SWEEPS; sweep++)
		for (size_t i = 1; i < r->n_rows; i++)
			sort_row(r, sweep % 2 ? r->n_rows - 1 - i : i, sweep % 2 == 0);
	for (size_t row = 0; row < r->n_rows; row++)
		begin_row(r, row);
	for (int sweep = 0; sweep < SWEEPS; sweep++)
		for (size_t i = 1; i < r->n_rows; i++)
			place_row(r, sweep % 2 ? r->n_rows - 1 - i : i, sweep % 2 == 0);
}

/* ------------------------------------------------------------------ the result */

static double row_y(size_t row)
{
	return MARGIN + (double)DIAGRAM_NODE_HEIGHT / 2 + (double)row * ROW_HEIGHT;
}

static void find_routes(const struct rows *r, struct diagram_layout *l)
{
	for (size_t e = 0; e < r->d->n_edges; e++) {
		struct diagram_route *route = &l->routes[e];
		size_t n = r->first[e + 1] - r->first[e];

		route->n = n;
		route->points = xcalloc(n, sizeof *route->points);
		for (size_t i = 0; i < n; i++) {
			const struct cell *c = &r->cells[r->chain[r->first[e] + i]];
			double border = i == 0 ? (double)DIAGRAM_NODE_HEIGHT / 2 : i + 1 == n ? -(double)DIAGRAM_NODE_HEIGHT / 2 : 0;

			route->points[i] = (struct diagram_point){ c->x, row_y(c->row) + border };
		}
	}
}

static void take_places(struct rows *r, struct diagram_layout *l)
{
	double left = 0, right = 0;

	for (size_t i = 0; i < r->n_cells; i++) {
		const struct cell *c = &r->cells[i];

		left = !i || c->x - c->width / 2 < left ? c->x - c->width / 2 : left;
		right = !i || c->x + c->width / 2 > right ? c->x + c->width / 2 : right;
	}
	for (size_t i = 0; i < r->n_cells; i++)
		r->cells[i].x += MARGIN - left;
	for (size_t i = 0; i < r->d->n_nodes; i++) {
		l->nodes[i] = (struct diagram_point){ r->cells[i].x, row_y(r->cells[i].row) };
		l->widths[i] = r->cells[i].width;
	}
	l->width = right - left + 2 * MARGIN;
	l->height = r->n_rows ? row_y(r->n_rows - 1) + (double)DIAGRAM_NODE_HEIGHT / 2 + MARGIN : 2 * MARGIN;
	find_routes(r, l);
}

void diagram_layout(const struct diagram *d, struct diagram_layout *ret)
{
	struct rows r = { .d = d };

	*ret = (struct diagram_layout){
		.nodes = xcalloc(d->n_nodes + 1, sizeof *ret->nodes),
		.widths = xcalloc(d->n_nodes + 1, sizeof *ret->widths),
		.routes = xcalloc(d->n_edges + 1, sizeof *ret->routes),
	};
	r.row_of = xcalloc(d->n_nodes + 1, sizeof *r.row_of);
	r.first = xcalloc(d->n_edges + 1, sizeof *r.first);
	find_rows(&r);
	add_chains(&r);
	link_cells(&r);
	fill_rows(&r);
	arrange(&r);
	take_places(&r, ret);
	for (size_t row = 0; row < r.n_rows; row++)
		free(r.order[row]);
	free(r.order);
	free(r.n_in_row);
	free(r.row_of);
	free(r.first);
	free(r.chain);
	free(r.links);
	free(r.cells);
}

void diagram_layout_done(const struct diagram *d, struct diagram_layout *l)
{
	for (size_t e = 0; e < d->n_edges; e++)
		free(l->routes[e].points);
	free(l->nodes);
	free(l->widths);
	free(l->routes);
	*l = (struct diagram_layout){ 0 };
}
