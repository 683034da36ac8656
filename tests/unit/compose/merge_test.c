#include "fx.h"

#include "../../../compose/merge.h"
#include "../../../compose/stages.h"

/* Texts here are canonical already. */
static struct node *merged(struct fx *fx, const char *base, const char *over)
{
	struct node *b = fx_load(fx, base), *o = fx_load(fx, over);
	struct merge_tags tags = { 0 };

	merge_take_tags(fx->a, o, &tags);
	
	merge_apply_tags(b, &tags, 0);
	return merge_trees(&(struct stage_ctx){ .a = fx->a, .d = &fx->d }, b, o);
}

static void becomes(struct fx *fx, const char *base, const char *over, const char *want)
{
	assert_true(node_equal(merged(fx, base, over), fx_load(fx, want)));
	assert_int_equal(fx->d.n, 0);
}

static void scalars_and_maps(void **state)
{
	struct fx *fx = *state;

	becomes(fx, "services: {a: {image: x, hostname: h}}", "services: {a: {image: y}, b: {image: z}}",
		"services: {a: {image: y, hostname: h}, b: {image: z}}");
	becomes(fx, "services: {a: {environment: {A: '1', B: '1'}}}",
		"services: {a: {environment: {A: , C: '2'}}}",
		"services: {a: {environment: {A: , B: '1', C: '2'}}}");
	becomes(fx, "x-a: {b: [1], c: 1}", "x-a: {b: [2], c: 2}", "x-a: {b: [1, 2], c: 2}");
}

static void lists_follow_their_rule(void **state)
{
	struct fx *fx = *state;

	becomes(fx, "services: {a: {command: [x, y]}}", "services: {a: {command: [z]}}",
		"services: {a: {command: [z]}}");
	becomes(fx, "services: {a: {cap_add: [A, B]}}", "services: {a: {cap_add: [B, C]}}",
		"services: {a: {cap_add: [A, B, C]}}");
	becomes(fx, "services: {a: {security_opt: [x]}}", "services: {a: {security_opt: [y]}}",
		"services: {a: {security_opt: [x, y]}}");
	becomes(fx,
		"services: {a: {volumes: [{type: bind, source: /1, target: /t}, {type: volume, target: "
		"/u}]}}",
		"services: {a: {volumes: [{type: bind, source: /2, target: /t}]}}",
		"services: {a: {volumes: [{type: bind, source: /2, target: /t}, {type: volume, target: "
		"/u}]}}");
}

static void nulls_change_nothing(void **state)
{
	struct fx *fx = *state;

	becomes(fx, "services: {a: {hostname: h, labels: {a: '1'}}}", "services: {a: {hostname: , labels: }}",
		"services: {a: {hostname: h, labels: {a: '1'}}}");
	becomes(fx, "services: {a: {command: [x]}}", "services: {a: {command: }}",
		"services: {a: {command: }}");
	becomes(fx, "volumes: {v: }", "volumes: {v: {driver: local}}", "volumes: {v: {driver: local}}");
	becomes(fx, "volumes: {v: {driver: local}}", "volumes: {v: }", "volumes: {v: {driver: local}}");
}

static void logging_options_go_with_their_driver(void **state)
{
	struct fx *fx = *state;
	const char *base = "services: {a: {logging: {driver: d1, options: {a: '1', b: '1'}}}}";

	becomes(fx, base, "services: {a: {logging: {driver: d1, options: {b: '2'}}}}",
		"services: {a: {logging: {driver: d1, options: {a: '1', b: '2'}}}}");
	becomes(fx, base, "services: {a: {logging: {options: {b: '2'}}}}",
		"services: {a: {logging: {driver: d1, options: {a: '1', b: '2'}}}}");
	becomes(fx, base, "services: {a: {logging: {driver: d2, options: {b: '2'}}}}",
		"services: {a: {logging: {driver: d2, options: {b: '2'}}}}");
}

static void tags_reset_and_override(void **state)
{
	struct fx *fx = *state;

	becomes(fx, "services: {a: {cap_add: [A], environment: {A: '1', B: '1'}}, b: {image: x}}",
		"services: {a: {cap_add: !reset [], environment: {A: !reset ''}}, b: !reset null}",
		"services: {a: {environment: {B: '1'}}}");
	becomes(fx, "services: {a: {cap_add: [A], environment: {A: '1'}}}",
		"services: {a: {cap_add: !override [B], environment: !override {C: '2'}}}",
		"services: {a: {cap_add: [B], environment: {C: '2'}}}");
}

static void tags_of_a_single_document_vanish(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "a: !reset [1]\nb: !override [1]\nc: [1, !reset 2, !override 3]\n");
	struct merge_tags tags = { 0 };

	merge_take_tags(fx->a, n, &tags);
	assert_int_equal(tags.n, 2);
	assert_null(fx_at(n, "a"));
	assert_int_equal(fx_at(n, "b")->tag, NODE_PLAIN);
	assert_int_equal(fx_at(n, "c")->n, 2);
	assert_int_equal(fx_at(n, "c/1")->tag, NODE_PLAIN);
}

static void kinds_that_do_not_go_together(void **state)
{
	struct fx *fx = *state;

	merged(fx, "services: {a: {labels: {a: '1'}}}", "services:\n  a:\n    labels: [x]\n");
	fx_error_at(fx, "cannot override 'services.a.labels', which is a mapping, with a list", 3, 13);
	assert_int_equal(fx_problem(fx, DIAG_ERROR, "cannot override")->n_notes, 1);
}

static void repeated_items_are_refused_where_the_reference_does(void **state)
{
	struct fx *fx = *state;

	merged(fx, "services: {a: {security_opt: [x, y]}}", "services:\n  a:\n    security_opt: [z, x]\n");
	fx_error_at(fx, "'x' is in 'services.a.security_opt' already", 3, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(scalars_and_maps),
		FX_TEST(lists_follow_their_rule),
		FX_TEST(nulls_change_nothing),
		FX_TEST(logging_options_go_with_their_driver),
		FX_TEST(tags_reset_and_override),
		FX_TEST(tags_of_a_single_document_vanish),
		FX_TEST(kinds_that_do_not_go_together),
		FX_TEST(repeated_items_are_refused_where_the_reference_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
