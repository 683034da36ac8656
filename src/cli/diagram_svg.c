/* diagram_svg.c - the diagram as a picture for browsers: SVG 1.1, one file that refers to nothing outside itself. */
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "diagram.h"

static const char style[] =
	"text{font:13px ui-monospace,monospace;fill:#1f2328;text-anchor:middle}"
	".note{fill:#9a6700}rect,ellipse{fill:#f6f8fa;stroke:#57606a}ellipse{fill:#ddf4ff}.volume{fill:#fff8c5}"
	"path{fill:none;stroke:#57606a;stroke-width:1.3}.healthy{stroke:#1a7f37}.completed{stroke:#0969da}.optional,.uses{stroke-dasharray:5 4}"
	".uses{stroke:#afb8c1}#arrow path{fill:context-stroke;stroke:none}";

/* XML 1.0 allows no control characters but these, whatever they are escaped with. */
static void put_text(struct buf *out, const char *text)
{
	auto_buf struct buf clean = BUF_INIT;

	buf_utf8(&clean, text);
	for (const char *p = clean.p ? clean.p : ""; *p; p++) {
		if (*p == '&')
			buf_str(out, "&amp;");
		else if (*p == '<')
			buf_str(out, "&lt;");
		else if (*p == '>')
			buf_str(out, "&gt;");
		else if (*p == '"')
			buf_str(out, "&quot;");
		else
			buf_char(out, (unsigned char)*p < ' ' || *p == 0x7f ? ' ' : *p);
	}
}

static void put_edge(const struct diagram *d, const struct diagram_edge *e, const struct diagram_route *route, struct buf *out)
{
	static const char *const classes[] = { [DEP_STARTED] = "started", [DEP_HEALTHY] = "healthy", [DEP_COMPLETED] = "completed" };
	const struct diagram_point *p = route->points;
	auto_free char *label = diagram_label(e);

	buf_printf(out, "<path class=\"%s%s\" marker-end=\"url(#arrow)\" d=\"M%.1f %.1f", e->dep ? classes[e->dep->condition] : "uses",
		   e->dep && !e->dep->required ? " optional" : "", p[0].x, p[0].y);
	for (size_t i = 1; i < route->n; i++) {
		double half = (p[i].y - p[i - 1].y) / 2;

		buf_printf(out, "C%.1f %.1f %.1f %.1f %.1f %.1f", p[i - 1].x, p[i - 1].y + half, p[i].x, p[i].y - half, p[i].x, p[i].y);
	}
	buf_str(out, "\"><title>");
	put_text(out, d->nodes[e->from].name);
	buf_str(out, " → ");
	put_text(out, d->nodes[e->to].name);
	if (*label) {
		buf_str(out, ": ");
		put_text(out, label);
	}
	buf_str(out, "</title></path>\n");
}

static void put_node(const struct diagram_node *n, struct diagram_point at, double width, struct buf *out)
{
	enum { H = DIAGRAM_NODE_HEIGHT, FONT = 13 };
	auto_free char *note = diagram_note(n);

	if (n->kind == DIAGRAM_NETWORK)
		buf_printf(out, "<ellipse cx=\"%.1f\" cy=\"%.1f\" rx=\"%.1f\" ry=\"%d\"/>", at.x, at.y, width / 2, H / 2);
	else
		buf_printf(out, "<rect%s x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"%d\"/>",
			   n->kind == DIAGRAM_VOLUME ? " class=\"volume\"" : "", at.x - width / 2, at.y - H / 2.0, width, H,
			   n->kind == DIAGRAM_VOLUME ? 0 : 6);
	buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\">", at.x, at.y + FONT / 3.0);
	put_text(out, n->name);
	if (*note) {
		buf_str(out, " <tspan class=\"note\">");
		put_text(out, note);
		buf_str(out, "</tspan>");
	}
	buf_str(out, "</text>\n");
}

void diagram_svg(const struct diagram *d, struct buf *out)
{
	struct diagram_layout l;

	diagram_layout(d, &l);
	buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		   "viewBox=\"0 0 %.0f %.0f\">\n<title>", l.width, l.height, l.width, l.height);
	put_text(out, d->name);
	buf_printf(out, "</title>\n<style>%s</style>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" "
		   "markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n<rect width=\"100%%\" height=\"100%%\" "
		   "style=\"fill:#fff;stroke:none\"/>\n", style);
	for (size_t e = 0; e < d->n_edges; e++)
		put_edge(d, &d->edges[e], &l.routes[e], out);
	for (size_t i = 0; i < d->n_nodes; i++)
		put_node(&d->nodes[i], l.nodes[i], l.widths[i], out);
	buf_str(out, "</svg>\n");
	diagram_layout_done(d, &l);
}
