/* graph_test - order, closure, cycles. */
#include "fx_model.h"

#include "../../../compose/graph.h"
#include "../../../compose/graph_cycle.h"

static const char shop[] = "services:\n"
			   "  web: {image: i, depends_on: {api: {condition: service_started}, gone: "
			   "{condition: service_started, required: false}}}\n"
			   "  api: {image: i, depends_on: [db, cache]}\n"
			   "  db: {image: i}\n"
			   "  cache: {image: i}\n"
			   "  alone: {image: i}\n";

/* `gone` is an optional dependency on a service that profiles took away. */
static struct project *shop_model(struct fx *fx)
{
	struct stage_ctx s = fx_stage(fx);
	struct node *root = canon_tree(&s, fx_load(fx, shop));
	struct project *p;

	default_values(&s, root);
	default_maps(&s, root);
	normalise(&s, root);
	p = lower(&s, root, NULL, NULL);
	assert_int_equal(p->n_services, 5);
	return p;
}

static const char *order_text(struct fx *fx, const struct graph *g)
{
	char *out = arena_strdup(fx->a, "");

	for (size_t i = 0; i < g->project->n_services; i++)
		out = arena_printf(
			fx->a, "%s%s%s", out, i ? " " : "", g->project->services[g->order[i]].name);
	return out;
}

static const char *marked(struct fx *fx, const struct project *p, const char *closure)
{
	char *out = arena_strdup(fx->a, "");

	for (size_t i = 0; i < p->n_services; i++)
		if (closure[i])
			out = arena_printf(fx->a, "%s%s%s", out, *out ? " " : "", p->services[i].name);
	return out;
}

static void test_order(void **state)
{
	struct fx *fx = *state;
	struct graph *g = graph_new(shop_model(fx));

	assert_string_equal(order_text(fx, g), "alone cache db api web");
}

static void test_edges(void **state)
{
	struct fx *fx = *state;
	struct project *p = shop_model(fx);
	struct graph *g = graph_new(p);
	size_t api = (size_t)(project_service(p, "api") - p->services),
	       web = (size_t)(project_service(p, "web") - p->services);

	assert_int_equal(g->v[api].n_needs, 2);
	assert_int_equal(g->v[api].n_needed, 1);
	assert_int_equal(g->v[api].needed[0].to, web);
	assert_string_equal(g->v[api].needed[0].dep->service, "api");
	assert_int_equal(g->v[web].n_needs, 1);
}

static void test_closure(void **state)
{
	struct fx *fx = *state;
	struct project *p = shop_model(fx);
	struct graph *g = graph_new(p);
	char closure[5] = { 0 };

	closure[project_service(p, "api") - p->services] = 1;
	graph_closure_needs(g, closure);
	assert_string_equal(marked(fx, p, closure), "api cache db");
	memset(closure, 0, sizeof closure);
	closure[project_service(p, "db") - p->services] = 1;
	graph_closure_needed(g, closure);
	assert_string_equal(marked(fx, p, closure), "api db web");
}

static size_t next_in_chain(const void *ctx, size_t v, size_t i)
{
	return i || v + 1 == *(const size_t *)ctx ? GRAPH_NONE : v + 1;
}

static void test_long_chain(void **state)
{
	size_t n = 200000, *path = calloc(n, sizeof *path);

	assert_int_equal(graph_find_cycle(&n, n, next_in_chain, path), 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_order),
		FX_TEST(test_edges),
		FX_TEST(test_closure),
		FX_TEST(test_long_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
