/* diagram.h - the services of a project and what holds them together, as something to be drawn.
 *
 * Edges go from who depends to what it depends on, and there is no cycle: networks and volumes are nodes that depend on nothing. All forms
 * take whatever stands in a file: names are escaped by the rules of each. Nothing here reads or prints; what is borrowed from the project
 * must outlive the diagram. */
#pragma once

#include "../../compose/model.h"
#include "../util/buf.h"

enum diagram_kind { DIAGRAM_SERVICE, DIAGRAM_NETWORK, DIAGRAM_VOLUME };

struct diagram_node {
	enum diagram_kind kind;
	const char *name;                /* borrowed */
	const struct service *service;   /* NULL: it is none */
	size_t n_in, n_out;              /* edges */
};

struct diagram_edge {
	size_t from, to;
	const struct dependency *dep;    /* NULL: uses a network or a volume */
};

struct diagram {
	const char *name;                /* the project's, borrowed */
	struct diagram_node *nodes;
	size_t n_nodes, cap_nodes;
	struct diagram_edge *edges;      /* grouped by `from`, in the order of nodes */
	size_t n_edges, cap_edges;
};

/* wanted: a flag for each of the project's services; NULL: all. Services first, in the file's order by name. */
void diagram_make(struct diagram *d, const struct project *p, const char *wanted, bool networks, bool volumes);
void diagram_done(struct diagram *d);

/* "healthy", "healthy, restart, optional"; "" for what is only started. Malloc'ed. */
char *diagram_label(const struct diagram_edge *e);
/* What a node says behind its name: how many, with which profiles. Malloc'ed, may be "". */
char *diagram_note(const struct diagram_node *n);

void diagram_tree(const struct diagram *d, bool colour, struct buf *out);
void diagram_dot(const struct diagram *d, struct buf *out);
void diagram_mermaid(const struct diagram *d, struct buf *out);
void diagram_json(const struct diagram *d, struct buf *out);
void diagram_svg(const struct diagram *d, struct buf *out);

/* --- diagram_layout.c: where things are, in pixels ---
 * Nodes stand in rows, dependents above what they depend on; a row has at most so many nodes that the picture is not much wider than high.
 * Within rows they are ordered so that edges cross seldom. An edge that passes rows has a point in each of them, between the nodes. */
struct diagram_point {
	double x, y;
};
struct diagram_route {
	struct diagram_point *points;    /* from the lower border of one node to the upper one of the other */
	size_t n;
};
struct diagram_layout {
	struct diagram_point *nodes;     /* their middles */
	double *widths;                  /* of the nodes */
	struct diagram_route *routes;    /* for each edge */
	double width, height;
};
enum { DIAGRAM_NODE_HEIGHT = 36 };
void diagram_layout(const struct diagram *d, struct diagram_layout *ret);
void diagram_layout_done(const struct diagram *d, struct diagram_layout *l);
