/* graph.c - who needs whom. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/mem.h"
#include "graph_cycle.h"

/* ------------------------------------------------------------------ cycles */

/* Depth first with an explicit stack: a chain of ten thousand services must not need a deep C stack. */
size_t graph_find_cycle(const void *ctx, size_t n, graph_next_fn *next, size_t *path)
{
	enum { NEW, OPEN, DONE };
	char *state = xcalloc(n ? n : 1, 1);
	size_t *at = xcalloc(n ? n : 1, sizeof *at), found = 0;

	for (size_t start = 0; start < n && !found; start++) {
		size_t depth = 0;

		if (state[start] != NEW)
			continue;
		path[depth++] = start;
		state[start] = OPEN;
		while (depth && !found) {
			size_t v = path[depth - 1], to = next(ctx, v, at[v]++);

			if (to == GRAPH_NONE) {
				state[v] = DONE;
				depth--;
			} else if (state[to] == OPEN) {
				size_t first = 0;

				while (path[first] != to)
					first++;
				found = depth - first;
				memmove(path, path + first, found * sizeof *path);
			} else if (state[to] == NEW) {
				state[to] = OPEN;
				path[depth++] = to;
			}
		}
	}
	free(state);
	free(at);
	return found;
}

static size_t index_of(const struct project *p, const char *name)
{
	const struct service *s = project_service(p, name);

	return s ? (size_t)(s - p->services) : GRAPH_NONE;
}

/* ------------------------------------------------------------------ the graph */

static void count_edges(const struct project *p, struct graph *g)
{
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].n_depends_on; k++) {
			size_t to = index_of(p, p->services[i].depends_on[k].service);

			if (to == GRAPH_NONE)
				continue;
			g->v[i].n_needs++;
			g->v[to].n_needed++;
		}
	for (size_t i = 0; i < p->n_services; i++) {
		g->v[i].needs = arena_array(p->arena, g->v[i].n_needs + 1, sizeof *g->v[i].needs);
		g->v[i].needed = arena_array(p->arena, g->v[i].n_needed + 1, sizeof *g->v[i].needed);
		g->v[i].n_needs = g->v[i].n_needed = 0;
	}
}

static void fill_edges(const struct project *p, struct graph *g)
{
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].n_depends_on; k++) {
			const struct dependency *dep = &p->services[i].depends_on[k];
			size_t to = index_of(p, dep->service);

			if (to == GRAPH_NONE)
				continue;
			g->v[i].needs[g->v[i].n_needs++] = (struct graph_edge){ to, dep };
			g->v[to].needed[g->v[to].n_needed++] = (struct graph_edge){ i, dep };
		}
}

/* Layer by layer: all whose needs are placed, in the order of their names (services are sorted). */
static void put_in_order(const struct project *p, struct graph *g)
{
	size_t *unmet = xcalloc(p->n_services + 1, sizeof *unmet), placed = 0;

	for (size_t i = 0; i < p->n_services; i++)
		unmet[i] = g->v[i].n_needs;
	while (placed < p->n_services) {
		size_t begin = placed;

		for (size_t i = 0; i < p->n_services; i++)
			if (unmet[i] == 0) {
				g->order[placed++] = i;
				unmet[i] = GRAPH_NONE;
			}
		if (placed == begin)
			break;
		for (size_t i = begin; i < placed; i++) {
			const struct graph_vertex *v = &g->v[g->order[i]];

			for (size_t k = 0; k < v->n_needed; k++)
				unmet[v->needed[k].to]--;
		}
	}
	free(unmet);
}

struct graph *graph_new(const struct project *p)
{
	struct graph *g = arena_alloc(p->arena, sizeof *g);

	g->project = p;
	g->v = arena_array(p->arena, p->n_services + 1, sizeof *g->v);
	g->order = arena_array(p->arena, p->n_services + 1, sizeof *g->order);
	count_edges(p, g);
	fill_edges(p, g);
	put_in_order(p, g);
	return g;
}

/* Dependencies come first in the order, so one walk from its end marks everything that is needed. */
void graph_closure_needs(const struct graph *g, char *closure)
{
	for (size_t i = g->project->n_services; i-- > 0;) {
		size_t v = g->order[i];

		for (size_t k = 0; closure[v] && k < g->v[v].n_needs; k++)
			closure[g->v[v].needs[k].to] = 1;
	}
}

void graph_closure_needed(const struct graph *g, char *closure)
{
	for (size_t i = 0; i < g->project->n_services; i++) {
		size_t v = g->order[i];

		for (size_t k = 0; closure[v] && k < g->v[v].n_needed; k++)
			closure[g->v[v].needed[k].to] = 1;
	}
}
