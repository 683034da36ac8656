/* diagram_text.c - the diagram for other programs: the DOT language of Graphviz, Mermaid's flowcharts, JSON. */
#include <string.h>

#include <jansson.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "diagram.h"
#include "list.h"

/* ------------------------------------------------------------------ DOT, https://graphviz.org/doc/info/lang.html */

/* In quotes; a backslash would begin an escape of labels. */
static void dot_string(struct buf *out, const char *text)
{
	auto_buf struct buf clean = BUF_INIT;

	buf_utf8(&clean, text);
	buf_char(out, '"');
	for (const char *p = clean.p ? clean.p : ""; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_char(out, '\\');
		buf_char(out, (unsigned char)*p < ' ' ? ' ' : *p);
	}
	buf_char(out, '"');
}

void diagram_dot(const struct diagram *d, struct buf *out)
{
	static const char *const shapes[] = { [DIAGRAM_SERVICE] = "box", [DIAGRAM_NETWORK] = "ellipse", [DIAGRAM_VOLUME] = "cylinder" };

	buf_str(out, "digraph ");
	dot_string(out, d->name);
	buf_str(out, " {\n");
	for (size_t i = 0; i < d->n_nodes; i++) {
		auto_free char *note = diagram_note(&d->nodes[i]);

		buf_printf(out, "\tn%zu [shape=%s, label=", i, shapes[d->nodes[i].kind]);
		dot_string(out, d->nodes[i].name);
		if (*note) {
			buf_str(out, ", xlabel=");
			dot_string(out, note);
		}
		buf_str(out, "];\n");
	}
	for (size_t i = 0; i < d->n_edges; i++) {
		const struct diagram_edge *e = &d->edges[i];
		auto_free char *label = diagram_label(e);

		buf_printf(out, "\tn%zu -> n%zu [label=", e->from, e->to);
		dot_string(out, label);
		buf_str(out, e->dep && e->dep->required ? "];\n" : ", style=dashed];\n");
	}
	buf_str(out, "}\n");
}

/* ------------------------------------------------------------------ Mermaid, https://mermaid.js.org/syntax/flowchart.html */

/* In quotes, where #NUMBER; stands for a character: those that Mermaid, Markdown or HTML would read. */
static void mermaid_string(struct buf *out, const char *text)
{
	auto_buf struct buf clean = BUF_INIT;

	buf_utf8(&clean, text);
	buf_char(out, '"');
	for (const char *p = clean.p ? clean.p : ""; *p; p++) {
		if (strchr("\"#<>&`\\|{}[]()", *p) || (unsigned char)*p < ' ')
			buf_printf(out, "#%d;", (unsigned char)*p < ' ' ? ' ' : *p);
		else
			buf_char(out, *p);
	}
	buf_char(out, '"');
}

void diagram_mermaid(const struct diagram *d, struct buf *out)
{
	static const char *const opens[] = { [DIAGRAM_SERVICE] = "[", [DIAGRAM_NETWORK] = "([", [DIAGRAM_VOLUME] = "[(" };
	static const char *const closes[] = { [DIAGRAM_SERVICE] = "]", [DIAGRAM_NETWORK] = "])", [DIAGRAM_VOLUME] = ")]" };

	buf_str(out, "flowchart TD\n");
	for (size_t i = 0; i < d->n_nodes; i++) {
		auto_free char *note = diagram_note(&d->nodes[i]);
		auto_free char *text = *note ? xasprintf("%s %s", d->nodes[i].name, note) : xstrdup(d->nodes[i].name);

		buf_printf(out, "    n%zu%s", i, opens[d->nodes[i].kind]);
		mermaid_string(out, text);
		buf_printf(out, "%s\n", closes[d->nodes[i].kind]);
	}
	for (size_t i = 0; i < d->n_edges; i++) {
		const struct diagram_edge *e = &d->edges[i];
		auto_free char *label = diagram_label(e);

		buf_printf(out, "    n%zu %s", e->from, e->dep && e->dep->required ? "-->" : "-.->");
		if (*label) {
			buf_char(out, '|');
			mermaid_string(out, label);
			buf_char(out, '|');
		}
		buf_printf(out, " n%zu\n", e->to);
	}
}

/* ------------------------------------------------------------------ JSON */

static json_t *dependency(const struct diagram *d, const struct diagram_edge *e)
{
	static const char *const conditions[] = {
		[DEP_STARTED] = "service_started", [DEP_HEALTHY] = "service_healthy", [DEP_COMPLETED] = "service_completed_successfully"
	};
	json_t *one = json_object();

	list_set(one, "service", d->nodes[e->to].name);
	list_set(one, "condition", conditions[e->dep->condition]);
	json_object_set_new(one, "required", json_boolean(e->dep->required));
	json_object_set_new(one, "restart", json_boolean(e->dep->restart));
	return one;
}

static void add_name(json_t *list, const char *name)
{
	auto_buf struct buf b = BUF_INIT;

	buf_utf8(&b, name);
	json_array_append_new(list, json_string(b.p ? b.p : ""));
}

static json_t *service(const struct diagram *d, size_t node, const struct diagram_edge *edges, size_t n)
{
	const struct service *s = d->nodes[node].service;
	json_t *one = json_object(), *needs = json_array(), *networks = json_array(), *volumes = json_array(), *profiles = json_array();

	for (size_t i = 0; i < n; i++)
		if (edges[i].dep)
			json_array_append_new(needs, dependency(d, &edges[i]));
	for (size_t i = 0; i < s->n_networks; i++)
		add_name(networks, s->networks[i].network);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type == MOUNT_VOLUME && s->mounts[i].source)
			add_name(volumes, s->mounts[i].source);
	for (size_t i = 0; i < s->profiles.n; i++)
		add_name(profiles, s->profiles.v[i]);
	list_set(one, "name", s->name);
	json_object_set_new(one, "replicas", json_integer(s->replicas));
	json_object_set_new(one, "profiles", profiles);
	json_object_set_new(one, "depends_on", needs);
	json_object_set_new(one, "networks", networks);
	json_object_set_new(one, "volumes", volumes);
	return one;
}

void diagram_json(const struct diagram *d, struct buf *out)
{
	auto_json json_t *all = json_object();
	auto_free char *text = NULL;
	json_t *services = json_array();
	size_t edge = 0;

	for (size_t i = 0; i < d->n_nodes; i++) {
		if (d->nodes[i].service)
			json_array_append_new(services, service(d, i, &d->edges[edge], d->nodes[i].n_out));
		edge += d->nodes[i].n_out;
	}
	list_set(all, "name", d->name);
	json_object_set_new(all, "services", services);
	text = json_dumps(all, JSON_INDENT(2));
	buf_printf(out, "%s\n", text ? text : "{}");
}
