#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "cli.h"
#include "diagram.h"

struct graph_opts {
	const char *format;
	bool networks, volumes, no_deps;
};

static const struct opt graph_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct graph_opts, format), "tree, dot, svg, mermaid or json", "FORMAT", "tree dot svg mermaid json" },
	{ 0, "networks", OPT_BOOL, offsetof(struct graph_opts, networks), "also show networks" },
	{ 0, "volumes", OPT_BOOL, offsetof(struct graph_opts, volumes), "also show named volumes" },
	{ 0, "no-deps", OPT_BOOL, offsetof(struct graph_opts, no_deps), "only the named services, without what they depend on" },
	{ 0 }
};

static void print_tree(struct cli *c, const struct diagram *d)
{
	diagram_tree(d, c->ui.colour_out, &c->ui.out);
}

static void print_dot(struct cli *c, const struct diagram *d)
{
	diagram_dot(d, &c->ui.out);
}

static void print_svg(struct cli *c, const struct diagram *d)
{
	diagram_svg(d, &c->ui.out);
}

static void print_mermaid(struct cli *c, const struct diagram *d)
{
	diagram_mermaid(d, &c->ui.out);
}

static void print_json(struct cli *c, const struct diagram *d)
{
	diagram_json(d, &c->ui.out);
}

static const struct {
	const char *name;
	void (*print)(struct cli *c, const struct diagram *d);
} forms[] = {
	{ "tree", print_tree }, { "dot", print_dot }, { "svg", print_svg }, { "mermaid", print_mermaid }, { "json", print_json },
};

static char *wanted_services(const struct cli *c, bool no_deps)
{
	const struct project *p = c->project;
	char *wanted = xcalloc(p->n_services + 1, 1);

	for (size_t i = 0; i < c->args.n; i++)
		wanted[project_service(p, c->args.v[i]) - p->services] = 1;
	if (!no_deps)
		graph_closure_needs(graph_new(p), wanted);
	return wanted;
}

static int graph_run(struct cli *c, const void *opts, struct err *err)
{
	const struct graph_opts *o = opts;
	auto_free char *wanted = c->args.n ? wanted_services(c, o->no_deps) : NULL;
	struct diagram d;
	size_t form = 0;

	while (!STREQ(o->format, forms[form].name))
		form++;
	diagram_make(&d, c->project, wanted, o->networks, o->volumes);
	forms[form].print(c, &d);
	diagram_done(&d);
	return 0;
}

const struct cmd cmd_graph = {
	.name = "graph",
	.args = "[SERVICE...]",
	.summary = "draw who depends on whom",
	.details = "As a tree on the terminal, or for Graphviz, Mermaid, a browser or a program. In parentheses: what is waited for, but that\n"
		   "it has started; ↑ says that the rest stands above.",
	.needs = NEED_MODEL | ONLY_LOOKS,
	.max_args = -1,
	.opts = graph_flags,
	.opts_size = sizeof(struct graph_opts),
	.defaults = &(const struct graph_opts){ .format = "tree" },
	.run = graph_run,
};
