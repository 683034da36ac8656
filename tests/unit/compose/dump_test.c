/* dump_test - what `config` prints can be read again and says the same. */
#include "fx_model.h"

#include "../../../compose/project.h"
#include "../../../src/util/json.h"

static const char *const nasty[] = {
	"",
	" ",
	"plain",
	"two words",
	"no",
	"Yes",
	"null",
	"~",
	"true",
	"12",
	"012",
	"1_000",
	"1.5",
	"1e3",
	".5",
	".inf",
	"-",
	"- a",
	"-a",
	"a: b",
	"a:",
	"a #b",
	"#a",
	"a#b",
	"'",
	"\"",
	"it's",
	"say \"x\"",
	"\\",
	"\\n",
	"*a",
	"&a",
	"!a",
	"|",
	">",
	"%a",
	"@a",
	"`a`",
	"[a]",
	"{a}",
	"a, b",
	"?",
	"? a",
	"?a",
	":a",
	": a",
	"<<",
	"=",
	"2024-01-02",
	"12:30:45",
	"0x1f",
	"a\tb",
	"\ta",
	"line\nline",
	"line\n",
	"line\n\n",
	"\nline",
	" line\nline",
	"line \nline",
	"\n",
	"a\n\nb\n",
	"\x01",
	"é",
	"\xf0\x9f\x90\xa2",
	"\xc2\x85",
	"a\xe2\x80\xa8"
	"b",
	"a\xe2\x80\xa9"
	"b",
	"\xef\xbb\xbf"
	"a",
	"trailing ",
	"--- a",
	"...",
	"a\rb",
	"\x7f",
};

static struct project *nasty_model(struct fx *fx)
{
	struct project *p = fx_model(fx, "services:\n  a: {image: i}\n");
	struct node *a = fx_at(p->root, "services/a"), *env = node_new(fx->a, NODE_MAP, a->pos);

	for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++)
		node_set(fx->a, env, arena_printf(fx->a, "k%zu", i), a->pos,
			node_str(fx->a, nasty[i], a->pos));
	node_set(fx->a, a, "environment", a->pos, env);
	return p;
}

static void same_values(struct fx *fx, const struct buf *text)
{
	struct node **docs;
	size_t n;

	if (load_text(fx->a, &fx->d, "dump", text->p, text->len, &docs, &n) < 0)
		fail_msg("it cannot be read: %s\n%s", fx->d.items[0].msg, text->p);
	for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
		struct node *v = fx_at(docs[0], arena_printf(fx->a, "services/a/environment/k%zu", i));

		assert_non_null(v);
		if (v->kind != NODE_STR || strcmp(v->text, nasty[i]) != 0)
			fail_msg("'%s' came back as %s '%s'", nasty[i], node_kind_str(v->kind), v->text);
		if (load_is_timestamp(v))
			fail_msg("'%s' came back as a date", nasty[i]);
	}
}

static void test_yaml_strings(void **state)
{
	struct fx *fx = *state;
	struct buf out = BUF_INIT;

	project_dump_yaml(nasty_model(fx), &out);
	same_values(fx, &out);
	buf_done(&out);
}

static void test_json_strings(void **state)
{
	struct fx *fx = *state;
	struct buf out = BUF_INIT;
	auto_json json_t *json = NULL;
	const json_t *env;

	project_dump_json(nasty_model(fx), &out, NULL);
	json = json_loads(out.p, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	env = jx_obj(jx_obj(jx_obj(json, "services"), "a"), "environment");
	for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++)
		assert_string_equal(jx_str(env, arena_printf(fx->a, "k%zu", i)), nasty[i]);
	buf_done(&out);
}

static void test_yaml_shape(void **state)
{
	struct fx *fx = *state;
	struct buf out = BUF_INIT;

	project_dump_yaml(fx_model(fx, "x-note: {b: 1, a: [x, [y], {}]}\nservices:\n  a:\n    image: i\n    "
				       "command: [sh, -c, 'a\n\n    b']\n"
				       "    ports: ['8080:80']\n    environment: {PRICE: '5$$'}\n    "
				       "healthcheck: {}\n    x-kept: 1\n"),
		&out);
	assert_string_equal(out.p, "name: demo\n"
				   "services:\n"
				   "  a:\n"
				   "    command:\n"
				   "      - sh\n"
				   "      - -c\n"
				   "      - |-\n"
				   "        a\n"
				   "        b\n"
				   "    environment:\n"
				   "      PRICE: 5$$$$\n"
				   "    healthcheck: {}\n"
				   "    image: i\n"
				   "    networks:\n"
				   "      default: null\n"
				   "    ports:\n"
				   "      - mode: ingress\n"
				   "        target: 80\n"
				   "        published: \"8080\"\n"
				   "        protocol: tcp\n"
				   "    x-kept: 1\n"
				   "networks:\n"
				   "  default:\n"
				   "    name: demo_default\n"
				   "x-note:\n"
				   "  a:\n"
				   "    - x\n"
				   "    - - \"y\"\n"
				   "    - {}\n"
				   "  b: 1\n");
	buf_done(&out);
}

static void test_yaml_of_extensions(void **state)
{
	struct fx *fx = *state;
	struct buf out = BUF_INIT;

	project_dump_yaml(fx_model(fx, "services: {a: {image: i}}\nx-a: [2001-1-2, \"2001-01-02\", .inf, -.INF, "
				       ".nan, -0.0, 1e-7, 1e21, 18446744073709551616, []]\n"),
		&out);
	assert_non_null(strstr(out.p, "x-a:\n"
				      "  - 2001-01-02T00:00:00Z\n"
				      "  - \"2001-01-02\"\n"
				      "  - .inf\n"
				      "  - -.inf\n"
				      "  - .nan\n"
				      "  - -0\n"
				      "  - 1e-07\n"
				      "  - 1e+21\n"
				      "  - 1.8446744073709552e+19\n"
				      "  - []\n"));
	buf_done(&out);
}

static void test_raw(void **state)
{
	struct fx *fx = *state;
	struct stage_ctx s = fx_stage(fx);
	struct buf out = BUF_INIT;
	struct node *root;

	s.no_interpolate = true;
	root = canon_tree(&s, fx_load(fx, "services:\n  a: {image: 'i:${TAG}', scale: '${N}', ports: "
					  "['${P}:80'], command: run $X}\n"));
	assert_false(diag_failed(&fx->d));
	default_values(&s, root);
	default_maps(&s, root);
	normalise(&s, root);
	check_tree(&s, root);
	assert_false(diag_failed(&fx->d));
	project_dump_json(lower(&s, root, NULL, NULL), &out, NULL);
	assert_non_null(strstr(out.p, "\"image\": \"i:${TAG}\""));
	assert_non_null(strstr(out.p, "\"scale\": \"${N}\""));
	assert_non_null(strstr(out.p, "\"${P}:80\""));
	assert_non_null(strstr(out.p, "\"command\": \"run $X\""));
	assert_null(strstr(out.p, "entrypoint"));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_yaml_strings),
		FX_TEST(test_json_strings),
		FX_TEST(test_yaml_shape),
		FX_TEST(test_yaml_of_extensions),
		FX_TEST(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
