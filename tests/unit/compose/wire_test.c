/* wire_test - the model survives the journey, and nothing else is taken for one. */
#include "fx_model.h"

#include "../../../compose/env.h"
#include "../../../compose/project.h"

static const char text[] = "x-top: {a: 2024-01-01, b: 1.5, c: null, big: 18446744073709551615}\n"
			   "services:\n"
			   "  web:\n"
			   "    image: demo/web:1\n"
			   "    command: [sh, -c, \"echo $$HOME \\u00e9\"]\n"
			   "    environment: {A: '1', B: }\n"
			   "    ports: ['127.0.0.1:8080:80/udp', 90]\n"
			   "    volumes: ['data:/data:ro', {type: tmpfs, target: /run, tmpfs: {size: 64m}}]\n"
			   "    cpus: 0.1\n"
			   "    init: false\n"
			   "    pre_start: [{image: demo/tool:1, per_replica: true}]\n"
			   "    x-own: {deep: [{note: kept}]}\n"
			   "    x-davit: {probe: {http: ':8080/healthz'}, on_unhealthy: stop}\n"
			   "  db: {image: demo/db:1, ulimits: {core: 0}}\n"
			   "volumes: {data: }\n";

static void test_round_trip(void **state)
{
	struct fx *fx = *state;
	struct project *p = fx_model(fx, text), *q = NULL;
	struct buf wire = BUF_INIT, again = BUF_INIT, json = BUF_INIT, json_again = BUF_INIT;
	struct err err = ERR_INIT;

	project_to_wire(p, &wire);
	if (project_from_wire(wire.p, wire.len, &q, &err) < 0)
		fail_msg("%s", err_msg(&err));
	project_to_wire(q, &again);
	assert_string_equal(wire.p, again.p);
	project_dump_json(p, &json, NULL);
	project_dump_json(q, &json_again, NULL);
	assert_string_equal(json.p, json_again.p);
	assert_string_equal(q->name, "demo");
	assert_string_equal(q->working_dir, "/srv/demo");
	assert_int_equal(q->n_services, 2);
	assert_string_equal(q->services[1].config_hash, p->services[1].config_hash);
	assert_string_equal(q->services[1].pre_start[0].image, "demo/tool:1");
	assert_true(q->services[1].pre_start[0].per_replica);
	/* places */
	assert_string_equal(q->services[1].ports[0].pos.file, "c.yaml");
	assert_int_equal(q->services[1].ports[0].pos.line, 7);
	assert_int_equal(q->services[1].ports[0].pos.col, p->services[1].ports[0].pos.col);
	/* what `config` leaves out is still there */
	assert_string_equal(fx_text(q->root, "services/web/x-own/deep/0/note"), "kept");
	assert_null(strstr(json.p, "kept"));
	assert_null(strstr(json.p, "healthz"));
	assert_int_equal(q->services[1].probe.kind, PROBE_HTTP);
	assert_string_equal(q->services[1].probe.path, "/healthz");
	assert_int_equal(q->services[1].on_unhealthy, UNHEALTHY_STOP);
	project_free(q);
	buf_done(&wire);
	buf_done(&again);
	buf_done(&json);
	buf_done(&json_again);
}

/* The value of a variable travels with the model, and is not shown. */
static void test_secret_of_variable(void **state)
{
	struct fx *fx = *state;
	struct stage_ctx s = fx_stage(fx);
	struct buf wire = BUF_INIT, json = BUF_INIT;
	struct project *p, *q = NULL;
	struct env env;
	struct node *root;

	env_init(&env, fx->a);
	env_put(&env, "TOKEN", "t0ken", (struct pos){ 0 }, true);
	s.env = &env;
	root = canon_tree(&s, fx_load(fx, "services:\n  a: {image: i, secrets: [s, t]}\n"
					  "secrets: {s: {environment: TOKEN}, t: {environment: UNSET}}\n"));
	normalise(&s, root);
	p = lower(&s, root, NULL, NULL);
	project_dump_json(p, &json, NULL);
	assert_null(strstr(json.p, "t0ken"));
	project_to_wire(p, &wire);
	assert_int_equal(project_from_wire(wire.p, wire.len, &q, NULL), 0);
	assert_string_equal(q->secrets[0].content, "t0ken");
	assert_null(q->secrets[1].content);
	project_free(q);
	env_done(&env);
	buf_done(&wire);
	buf_done(&json);
}

static void refuse(const char *json, const char *why)
{
	struct err err = ERR_INIT;
	struct project *p = NULL;

	assert_int_equal(project_from_wire(json, strlen(json), &p, &err), -1);
	assert_null(p);
	if (!strstr(err_msg(&err), why))
		fail_msg("'%s' does not say '%s'", err_msg(&err), why);
	err_done(&err);
}

#define HEAD "{\"davit\":1,\"name\":\"n\",\"working_dir\":\"/\",\"files\":[],\"sources\":[\"f\"],\"tree\":"

static void test_damaged(void **state)
{
	refuse("", "damaged");
	refuse("[]", "damaged");
	refuse("{\"davit\":1}", "'name'");
	refuse("{\"davit\":7,\"name\":\"n\",\"working_dir\":\"/\"}", "version 7");
	refuse(HEAD "null}", "damaged");
	refuse(HEAD "[\"n\",[0,1,1,0],null]}", "no mapping");
	refuse(HEAD "[\"m\",[1,1,1,0],[]]}", "no known file");
	refuse(HEAD "[\"m\",[0,1,1],[]]}", "four numbers");
	refuse(HEAD "[\"m\",[0,1,1,0],[[7,[0,1,1,0],[\"n\",[0,1,1,0],null]]]]}", "key is no string");
	refuse(HEAD "[\"m\",[0,1,1,0],[[\"k\",[0,1,1,0],[\"i\",[0,1,1,0],\"x\"]]]]}", "another kind");
	refuse(HEAD "[\"z\",[0,1,1,0],null]}", "another kind");
}

static void test_depth(void **state)
{
	struct buf b = BUF_INIT;

	buf_str(&b, HEAD);
	for (int i = 0; i < 500; i++)
		buf_str(&b, "[\"q\",[0,1,1,0],[");
	for (int i = 0; i < 500; i++)
		buf_str(&b, "]]");
	buf_str(&b, "}");
	refuse(b.p, "nested too deeply");
	buf_done(&b);
}

/* Cut anywhere, a model is refused and nothing leaks or is read beyond its end (the sanitizers watch). */
static void test_truncated(void **state)
{
	struct fx *fx = *state;
	struct buf wire = BUF_INIT;

	project_to_wire(fx_model(fx, text), &wire);
	for (size_t n = 0; n < wire.len; n += 7) {
		char *part = malloc(n + 1);
		struct project *p = NULL;

		memcpy(part, wire.p, n);
		assert_int_equal(project_from_wire(part, n, &p, NULL), -1);
		free(part);
	}
	buf_done(&wire);
}

static struct project *over_the_wire(struct fx *fx, const char *yaml)
{
	struct buf wire = BUF_INIT;
	struct project *p = NULL;

	project_to_wire(fx_model(fx, yaml), &wire);
	assert_int_equal(project_from_wire(wire.p, wire.len, &p, NULL), 0);
	buf_done(&wire);
	return p;
}

/* Who writes the same in another way, or elsewhere, has changed nothing. */
static void test_same(void **state)
{
	static const char was[] = "services:\n  web: {image: x, environment: {A: '1', B: '2'}}\n  db: {image: y}\n";
	static const char *const same[] = {
		was,
		"# said\nservices:\n  web:\n    # more\n    image: x\n    environment:\n      - B=2\n      - A=1\n  db: {image: 'y'}\n",
		"services:\n\n  db: {image: y}\n  web: {environment: {A: 1, B: 2}, image: x}\n",
	};
	static const char *const other[] = {
		"services:\n  web: {image: x, environment: {A: '1', B: '3'}}\n  db: {image: y}\n",
		"services:\n  web: {image: x, environment: {A: '1', B: '2'}, scale: 2}\n  db: {image: y}\n",
		"services:\n  web: {image: x, environment: {A: '1', B: '2'}, depends_on: [db]}\n  db: {image: y}\n",
		"services:\n  web: {image: x, environment: {A: '1', B: '2'}}\n",
		"services:\n  web: {image: x, environment: {A: '1', B: '2'}}\n  db: {image: y}\nvolumes: {v: }\n",
		"services:\n  web: {image: x, environment: {A: '1', B: '2'}}\n  db: {image: y}\nx-note: 1\n",
	};
	struct project *a = over_the_wire(*state, was);

	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct project *b = over_the_wire(*state, same[i]);
		if (!project_same(a, b))
			fail_msg("it is another one: %s", same[i]);
		project_free(b);
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		struct project *b = over_the_wire(*state, other[i]);
		if (project_same(a, b))
			fail_msg("it is no other one: %s", other[i]);
		project_free(b);
	}
	project_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_round_trip),
		FX_TEST(test_same),
		FX_TEST(test_secret_of_variable),
		FX_TEST(test_damaged),
		FX_TEST(test_depth),
		FX_TEST(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
