/* graph.h - the dependency graph of a project's services.
 *
 * Built once from a checked model (no cycle, every required edge resolves); edges to services that are absent and not required
 * are left out. Services are named by their index in project.services. */
#pragma once

#include <stddef.h>

#include "model.h"

struct graph_edge {
	size_t to;                       /* index of the service */
	const struct dependency *dep;
};

struct graph_vertex {
	struct graph_edge *needs;  size_t n_needs;      /* what it depends on */
	struct graph_edge *needed; size_t n_needed;     /* who depends on it; `to` is the dependent */
};

struct graph {
	const struct project *project;
	struct graph_vertex *v;          /* project->n_services of them */
	size_t *order;                   /* all services, dependencies first; ties by name */
};

/* Lives in the project's arena. */
struct graph *graph_new(const struct project *p);
/* Marks in closure[n_services] (bool as char) the services named and everything they need, directly or not. */
void graph_closure_needs(const struct graph *g, char *closure);
/* The other way: everything that needs a marked one. */
void graph_closure_needed(const struct graph *g, char *closure);
