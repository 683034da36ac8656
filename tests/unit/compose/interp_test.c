#include "fx.h"

#include "../../../compose/env.h"
#include "../../../compose/interp.h"

static const char *const vars[] = { "SET=s", "EMPTY=", "RAW=$SET ${SET}", "A1=one", NULL };

static void fill(struct fx *fx, struct env *env)
{
	env_init(env, fx->a);
	env_put_list(env, vars, false);
	env_put(env, "FILE", "from file", (struct pos){ ".env", 3, 1 }, false);
}

static void expands(struct fx *fx, const char *text, const char *want)
{
	struct env env;
	struct interp_result r;

	fill(fx, &env);
	assert_int_equal(interp_text(fx->a, &env, text, strlen(text), NULL, &r), INTERP_OK);
	assert_string_equal(r.text, want);
	assert_int_equal(r.len, strlen(want));
	env_done(&env);
}

static void keep_first(void *arg, const struct interp_problem *p)
{
	struct interp_problem *first = arg;

	if (!first->msg)
		*first = *p;
}

static void fails(struct fx *fx, const char *text, enum interp_trouble want, const char *msg, size_t offset)
{
	struct env env;
	struct interp_result r;
	struct interp_problem p = { 0 };
	struct interp_hooks hooks = { .problem = keep_first, .arg = &p };

	fill(fx, &env);
	assert_int_equal(interp_text(fx->a, &env, text, strlen(text), &hooks, &r), INTERP_FAILED);
	assert_int_equal(p.what, want);
	assert_non_null(strstr(p.msg, msg));
	assert_int_equal(p.offset, offset);
	env_done(&env);
}

static void plain_forms(void **state)
{
	struct fx *fx = *state;

	expands(fx, "no variables", "no variables");
	expands(fx, "$SET", "s");
	expands(fx, "a${SET}b", "asb");
	expands(fx, "$SET-x $A1", "s-x one");
	expands(fx, "$UNSET|${UNSET}|", "||");
	expands(fx, "$$SET $${SET} $$", "$SET ${SET} $");
	expands(fx, "$$$SET", "$s");
	expands(fx, "100$ $ $1 a$", "100$ $ $1 a$");
	expands(fx, "$RAW", "$SET ${SET}");
}

static void defaults_and_alternates(void **state)
{
	struct fx *fx = *state;

	expands(fx, "${SET:-d}|${EMPTY:-d}|${UNSET:-d}", "s|d|d");
	expands(fx, "${SET-d}|${EMPTY-d}|${UNSET-d}", "s||d");
	expands(fx, "${SET:+r}|${EMPTY:+r}|${UNSET:+r}", "r||");
	expands(fx, "${SET+r}|${EMPTY+r}|${UNSET+r}", "r|r|");
	expands(fx, "${SET:?m}|${EMPTY?m}", "s|");
	expands(fx, "${UNSET:-a:b/c-d?e+f}", "a:b/c-d?e+f");
	expands(fx, "${UNSET:-}|", "|");
	expands(fx, "${UNSET:-{\"a\": {}}}", "{\"a\": {}}");
	expands(fx, "${UNSET:-{}", "{");
	expands(fx, "${UNSET:-$$5}", "$5");
}

static void nested(void **state)
{
	struct fx *fx = *state;

	expands(fx, "${UNSET:-${SET}}", "s");
	expands(fx, "${UNSET:-pre-${UNSET2:-${SET}-x}-post}!", "pre-s-x-post!");
	expands(fx, "${SET:+${UNSET:-alt}}", "alt");
	fails(fx, "${SET:-${NEED:?looked at}}", INTERP_REQUIRED, "'NEED' is missing a value: looked at", 7);
}

static void refused_forms(void **state)
{
	struct fx *fx = *state;

	fails(fx, "a ${SET", INTERP_BAD_FORMAT, "no closing", 2);
	fails(fx, "${}", INTERP_BAD_FORMAT, "no variable name", 0);
	fails(fx, "${1A}", INTERP_BAD_FORMAT, "no variable name", 0);
	fails(fx, "${SET NAME}", INTERP_BAD_FORMAT, "' ' cannot follow", 0);
	fails(fx, "${SET!x}", INTERP_BAD_FORMAT, "'!' cannot follow", 0);
	fails(fx, "x${UNSET?}", INTERP_REQUIRED, "'UNSET' is missing a value", 1);
	fails(fx, "${EMPTY:?why not}", INTERP_REQUIRED, "'EMPTY' is empty: why not", 0);
}

static void deep_nesting_is_bounded(void **state)
{
	struct fx *fx = *state;
	char text[2000] = "";
	size_t len = 0;

	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "${U:-");
	memset(text + len, '}', 200);
	fails(fx, text, INTERP_LIMIT, "nested more than 50 deep", 250);
}

static void trees(void **state)
{
	struct fx *fx = *state;
	struct node *n =
		fx_load(fx, "services:\n  a:\n    image: \"x:${FILE}\"\n    k$SET: [$A1, 5, '$$']\n");
	size_t spent = 0;
	struct env env;

	fill(fx, &env);
	assert_int_equal(interp_tree(fx->a, &fx->d, n, &env, &spent), 0);
	assert_string_equal(fx_text(n, "services/a/image"), "x:from file");
	assert_string_equal(fx_at(n, "services/a/image")->origin, "FILE is set in .env:3");
	assert_string_equal(fx_text(n, "services/a/k$SET/0"), "one");
	assert_string_equal(fx_at(n, "services/a/k$SET/0")->origin, "A1 is set in the environment");
	assert_int_equal(fx_at(n, "services/a/k$SET/1")->kind, NODE_INT);
	assert_null(fx_at(n, "services/a/k$SET/2")->origin);
	env_done(&env);
}

static void problems_have_place_and_path(void **state)
{
	struct fx *fx = *state;
	struct node *n =
		fx_load(fx, "services:\n  a:\n    image: \"x:${BAD\"\n    ports: [\"${P:?set it}:80\"]\n"
			    "    command: run $GONE\n");
	const struct diag_item *it;
	size_t spent = 0;
	struct env env;

	fill(fx, &env);
	assert_int_equal(interp_tree(fx->a, &fx->d, n, &env, &spent), -1);
	fx_error_at(fx, "no closing", 3, 15);
	fx_error_at(fx, "set it", 4, 14);
	assert_string_equal(fx_problem(fx, DIAG_ERROR, "set it")->path, "services.a.ports[0]");
	it = fx_problem(fx, DIAG_WARNING, "'GONE' is not set");
	assert_int_equal(it->pos.line, 5);
	assert_int_equal(it->pos.col, 18);
	assert_string_equal(it->path, "services.a.command");
	env_done(&env);
}

static void collect(void *arg, const struct interp_use *use)
{
	char *all = arg;
	size_t len = strlen(all);

	snprintf(all + len, 200 - len, "%s%c%s;", use->name, use->op ? use->op : ' ', use->word);
}

static void visits_tell_every_use(void **state)
{
	struct fx *fx = *state;
	char all[200] = "";

	interp_visit(fx->a, fx_load(fx, "a: ['$X ${Y:-d$Z}', '${R:?need it}', $$no, '${BAD', '${P+x}']\n"),
		collect, all);
	assert_string_equal(all, "X ;Y-d$Z;Z ;R?need it;P+x;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(plain_forms),
		FX_TEST(defaults_and_alternates),
		FX_TEST(nested),
		FX_TEST(refused_forms),
		FX_TEST(deep_nesting_is_bounded),
		FX_TEST(trees),
		FX_TEST(problems_have_place_and_path),
		FX_TEST(visits_tell_every_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
