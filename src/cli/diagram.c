#include "diagram.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

static void add_node(struct diagram *d, enum diagram_kind kind, const char *name, const struct service *s)
{
	*XGROW(d->nodes, d->n_nodes, d->cap_nodes) = (struct diagram_node){ .kind = kind, .name = name, .service = s };
}

/* Of a network or a volume: they stand behind the services, and are few. */
static bool find_node(const struct diagram *d, enum diagram_kind kind, const char *name, size_t *ret)
{
	for (size_t i = d->n_nodes; i-- > 0 && !d->nodes[i].service;) {
		if (d->nodes[i].kind == kind && STREQ(d->nodes[i].name, name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static void add_new(struct diagram *d, enum diagram_kind kind, const char *name)
{
	size_t at;

	if (!find_node(d, kind, name, &at))
		add_node(d, kind, name, NULL);
}

/* What no service of the picture uses is not in it. */
static void add_used(struct diagram *d, const struct service *s, bool networks, bool volumes)
{
	for (size_t i = 0; networks && i < s->n_networks; i++)
		add_new(d, DIAGRAM_NETWORK, s->networks[i].network);
	for (size_t i = 0; volumes && i < s->n_mounts; i++)
		if (s->mounts[i].type == MOUNT_VOLUME && s->mounts[i].source)
			add_new(d, DIAGRAM_VOLUME, s->mounts[i].source);
}

static void add_edge(struct diagram *d, size_t from, size_t to, const struct dependency *dep)
{
	struct diagram_edge *e = XGROW(d->edges, d->n_edges, d->cap_edges);

	*e = (struct diagram_edge){ from, to, dep };
	d->nodes[from].n_out++;
	d->nodes[to].n_in++;
}

static void add_edges(struct diagram *d, const struct project *p, size_t from, const size_t *node_of)
{
	const struct service *s = d->nodes[from].service;
	size_t to;

	for (size_t k = 0; k < s->n_depends_on; k++) {
		const struct service *dep = project_service(p, s->depends_on[k].service);

		if (dep && node_of[dep - p->services] != SIZE_MAX)
			add_edge(d, from, node_of[dep - p->services], &s->depends_on[k]);
	}
	for (size_t k = 0; k < s->n_networks; k++)
		if (find_node(d, DIAGRAM_NETWORK, s->networks[k].network, &to))
			add_edge(d, from, to, NULL);
	for (size_t k = 0; k < s->n_mounts; k++)
		if (s->mounts[k].type == MOUNT_VOLUME && s->mounts[k].source && find_node(d, DIAGRAM_VOLUME, s->mounts[k].source, &to))
			add_edge(d, from, to, NULL);
}

void diagram_make(struct diagram *d, const struct project *p, const char *wanted, bool networks, bool volumes)
{
	auto_free size_t *node_of = xcalloc(p->n_services + 1, sizeof *node_of);
	size_t n_services;

	*d = (struct diagram){ .name = p->name };
	for (size_t i = 0; i < p->n_services; i++) {
		node_of[i] = !wanted || wanted[i] ? d->n_nodes : SIZE_MAX;
		if (node_of[i] != SIZE_MAX)
			add_node(d, DIAGRAM_SERVICE, p->services[i].name, &p->services[i]);
	}
	n_services = d->n_nodes;
	for (size_t i = 0; i < n_services; i++)
		add_used(d, d->nodes[i].service, networks, volumes);
	for (size_t i = 0; i < n_services; i++)
		add_edges(d, p, i, node_of);
}

void diagram_done(struct diagram *d)
{
	free(d->nodes);
	free(d->edges);
	*d = (struct diagram){ 0 };
}

char *diagram_label(const struct diagram_edge *e)
{
	static const char *const conditions[] = { [DEP_STARTED] = "", [DEP_HEALTHY] = "healthy", [DEP_COMPLETED] = "completed" };
	struct buf b = BUF_INIT;

	if (e->dep) {
		buf_str(&b, conditions[e->dep->condition]);
		if (e->dep->restart)
			buf_str(&b, b.len ? ", restart" : "restart");
		if (!e->dep->required)
			buf_str(&b, b.len ? ", optional" : "optional");
	}
	return buf_take(&b);
}

char *diagram_note(const struct diagram_node *n)
{
	struct buf b = BUF_INIT;

	if (n->service && n->service->replicas != 1)
		buf_printf(&b, "×%u", n->service->replicas);
	for (size_t i = 0; n->service && i < n->service->profiles.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : b.len ? " profile " : "profile ", n->service->profiles.v[i]);
	return buf_take(&b);
}
