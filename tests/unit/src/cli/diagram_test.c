#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../../src/cli/diagram.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"

static char demo[] = "demo";

/* A project made by hand: n services, none of which depends on anything yet. */
static struct project *project_of(size_t n)
{
	struct project *p = xcalloc(1, sizeof *p);

	p->name = demo;
	p->services = xcalloc(n, sizeof *p->services);
	p->n_services = n;
	for (size_t i = 0; i < n; i++) {
		p->services[i].name = xasprintf("s%05zu", i);
		p->services[i].replicas = 1;
		p->services[i].depends_on = xcalloc(8, sizeof(struct dependency));
	}
	return p;
}

static void needs(struct project *p, size_t from, size_t to, enum dep_condition condition, bool required)
{
	struct service *s = &p->services[from];

	s->depends_on[s->n_depends_on++] = (struct dependency){ .service = p->services[to].name, .condition = condition, .required = required };
}

static void project_done(struct project *p)
{
	for (size_t i = 0; i < p->n_services; i++) {
		free(p->services[i].name);
		free(p->services[i].depends_on);
	}
	free(p->services);
	free(p);
}

/* Each depends on up to three of those before it: no cycle. */
static struct project *random_project(size_t n, unsigned seed)
{
	struct project *p = project_of(n);

	srandom(seed);
	for (size_t i = 1; i < n; i++) {
		size_t last = SIZE_MAX;

		for (long k = random() % 4; k > 0; k--) {
			size_t to = (size_t)random() % i;

			if (to != last)
				needs(p, i, to, random() % 3, random() % 4);
			last = to;
		}
	}
	return p;
}

static void a_tree_tells_each_branch_once(void **state)
{
	struct project *p = project_of(4);
	auto_buf struct buf b = BUF_INIT;
	struct diagram d;

	needs(p, 0, 1, DEP_HEALTHY, true);
	needs(p, 0, 2, DEP_STARTED, false);
	needs(p, 1, 3, DEP_COMPLETED, true);
	needs(p, 2, 1, DEP_STARTED, true);
	p->services[2].replicas = 3;
	diagram_make(&d, p, NULL, false, false);
	diagram_tree(&d, false, &b);
	assert_string_equal(b.p, "s00000\n"
				 "├── s00001 (healthy)\n"
				 "│   └── s00003 (completed)\n"
				 "└── s00002 (optional) [×3]\n"
				 "    └── s00001 ↑\n");
	diagram_done(&d);
	project_done(p);
}

static void only_what_is_wanted_is_drawn(void **state)
{
	const char wanted[] = { 0, 1, 0, 1 };
	struct project *p = project_of(4);
	auto_buf struct buf b = BUF_INIT;
	struct diagram d;

	needs(p, 0, 1, DEP_STARTED, true);
	needs(p, 1, 2, DEP_STARTED, true);
	needs(p, 1, 3, DEP_STARTED, true);
	diagram_make(&d, p, wanted, false, false);
	diagram_tree(&d, false, &b);
	assert_string_equal(b.p, "s00001\n└── s00003\n");
	diagram_done(&d);
	project_done(p);
}

/* Nodes of a row do not touch, edges go down, all of it is in the picture. */
static void check_layout(const struct diagram *d, const struct diagram_layout *l)
{
	for (size_t i = 0; i < d->n_nodes; i++) {
		assert_true(l->nodes[i].x - l->widths[i] / 2 >= 0 && l->nodes[i].x + l->widths[i] / 2 <= l->width);
		assert_true(l->nodes[i].y > 0 && l->nodes[i].y < l->height);
		for (size_t k = 0; k < i; k++)
			if (l->nodes[i].y == l->nodes[k].y)
				assert_true(labs((long)(l->nodes[i].x - l->nodes[k].x)) >= (long)(l->widths[i] + l->widths[k]) / 2);
	}
	for (size_t e = 0; e < d->n_edges; e++) {
		const struct diagram_route *r = &l->routes[e];

		assert_true(r->n >= 2);
		for (size_t i = 1; i < r->n; i++)
			assert_true(r->points[i].y > r->points[i - 1].y);
	}
}

static void a_layout_has_room_for_everything(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 7, 50, 400, 1000 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct project *p = random_project(sizes[i], (unsigned)i);
		struct diagram_layout l;
		struct diagram d;

		diagram_make(&d, p, NULL, false, false);
		diagram_layout(&d, &l);
		check_layout(&d, &l);
		assert_true(l.width < 200 * 60 && l.height < 100.0 * (double)(sizes[i] + 2));
		diagram_layout_done(&d, &l);
		diagram_done(&d);
		project_done(p);
	}
}

static void a_chain_of_thousands_needs_no_deep_stack(void **state)
{
	enum { N = 20000 };
	struct project *p = project_of(N);
	auto_buf struct buf tree = BUF_INIT, svg = BUF_INIT;
	struct diagram d;

	for (size_t i = 1; i < N; i++)
		needs(p, i, i - 1, DEP_STARTED, true);
	diagram_make(&d, p, NULL, false, false);
	diagram_tree(&d, false, &tree);
	diagram_svg(&d, &svg);
	assert_true(tree.len < N * 600);
	assert_non_null(strstr(svg.p, "s00000"));
	diagram_done(&d);
	project_done(p);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

/* Names that try to be markup: whatever the form, they stay text. */
static void names_are_text_everywhere(void **state)
{
	static const char *const hostile[] = {
		"</text><script>alert(1)</script>", "\"];\n evil [label=\"", "`**bold**`\"]-->x", "a\\\"b\\N", "\x1b[31mred\x01\x7f", "bad\xff\xfe utf8", "&amp;#60;",
	};
	enum { N = ARRAY_LEN(hostile) };
	struct project *p = project_of(N);
	auto_buf struct buf svg = BUF_INIT, dot = BUF_INIT, mermaid = BUF_INIT, json = BUF_INIT, tree = BUF_INIT;
	json_t *doc;
	struct diagram d;

	for (size_t i = 0; i < N; i++) {
		free(p->services[i].name);
		p->services[i].name = xstrdup(hostile[i]);
	}
	diagram_make(&d, p, NULL, false, false);
	diagram_svg(&d, &svg);
	diagram_dot(&d, &dot);
	diagram_mermaid(&d, &mermaid);
	diagram_json(&d, &json);
	diagram_tree(&d, false, &tree);
	assert_null(strstr(svg.p, "<script"));
	assert_int_equal(count(svg.p, "<text "), N);
	assert_non_null(strstr(svg.p, "&amp;amp;#60;"));
	assert_null(strchr(svg.p, '\x1b'));
	assert_null(strchr(svg.p, '\xff'));
	assert_int_equal(count(dot.p, "\n"), N + 2);
	assert_non_null(strstr(dot.p, "label=\"\\\"];  evil [label=\\\"\"];"));
	assert_int_equal(count(mermaid.p, "\n"), N + 1);
	assert_int_equal(count(mermaid.p, "\""), 2 * N);
	assert_null(strchr(mermaid.p, '`'));
	assert_int_equal(count(tree.p, "\n"), N);
	assert_null(strchr(tree.p, '\x1b'));
	doc = json_loads(json.p, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "services")), N);
	json_decref(doc);
	diagram_done(&d);
	project_done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_tells_each_branch_once),
		cmocka_unit_test(only_what_is_wanted_is_drawn),
		cmocka_unit_test(a_layout_has_room_for_everything),
		cmocka_unit_test(a_chain_of_thousands_needs_no_deep_stack),
		cmocka_unit_test(names_are_text_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
