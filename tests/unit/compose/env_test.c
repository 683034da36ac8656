#include "fx.h"

#include "../../../compose/env.h"
#include "../../../src/util/buf.h"

static const char *const shell[] = { "SHELL_VAR=from-shell", "BOTH=shell", NULL };

static int parse(struct fx *fx, struct env *into, const char *text, bool raw)
{
	struct env lookup;
	int r;

	env_init(&lookup, fx->a);
	env_put_list(&lookup, shell, false);
	env_init(into, fx->a);
	r = env_parse(into, &lookup, &fx->d, ".env", text, strlen(text), raw);
	env_done(&lookup);
	return r;
}

static void gives(struct fx *fx, const char *text, const char *name, const char *want)
{
	struct env env;

	assert_int_equal(parse(fx, &env, text, false), 0);
	if (want)
		assert_string_equal(env_value(&env, name), want);
	else
		assert_null(env_find(&env, name));
	env_done(&env);
}

static void unquoted_values(void **state)
{
	struct fx *fx = *state;

	gives(fx, "A=plain value here\n", "A", "plain value here");
	gives(fx, "A=1", "A", "1");
	gives(fx, "  A =  spaced   \n", "A", "spaced");
	gives(fx, "export A=x\n", "A", "x");
	gives(fx, "exported=x\n", "exported", "x");
	gives(fx, "A: colon value\n", "A", "colon value");
	gives(fx, "A=\nB=x\n", "A", "");
	gives(fx, "A=v # comment\n", "A", "v");
	gives(fx, "A=v#none\n", "A", "v#none");
	gives(fx, "A=C:\\dir\\n\n", "A", "C:\\dir\\n");
	gives(fx, "A=a=b=c\n", "A", "a=b=c");
	gives(fx, "A=crlf\r\nB=2\r\n", "A", "crlf");
	gives(fx,
		"\xef\xbb\xbf"
		"A=bom\n",
		"A", "bom");
	gives(fx, "# A=1\n\n#x\nA=2\n", "A", "2");
	gives(fx, "A=1\nA=2\n", "A", "2");
}

static void quoted_values(void **state)
{
	struct fx *fx = *state;

	gives(fx, "A='single $X \\n'\n", "A", "single $X \\n");
	gives(fx, "A='it\\'s'\n", "A", "it's");
	gives(fx, "A=\"a\\nb\\tc\\\"d\\\\e\\$X\"\n", "A", "a\nb\tc\"d\\e$X");
	gives(fx, "A=\"v # kept\" # comment\nB=1\n", "A", "v # kept");
	gives(fx, "A=\"v # kept\" # comment\nB=1\n", "B", "1");
	gives(fx, "A=\"one\ntwo\"\nB=1\n", "A", "one\ntwo");
	gives(fx, "A='one\ntwo'\nB=1\n", "B", "1");
	gives(fx, "A=\"\"\n", "A", "");
	gives(fx, "A=\"\\0101\\q\"\n", "A", "A\\q");
}

static void variables(void **state)
{
	struct fx *fx = *state;

	gives(fx, "A=1\nB=${A}/b\n", "B", "1/b");
	gives(fx, "B=${SHELL_VAR}\n", "B", "from-shell");
	gives(fx, "BOTH=file\nB=$BOTH\n", "B", "shell");
	gives(fx, "B=${NOPE:-dflt}\n", "B", "dflt");
	gives(fx, "A=1\nB=\"$A/c\"\n", "B", "1/c");
	gives(fx, "A=1\nB=$$A\n", "B", "$A");
	gives(fx, "A=1\nB=\\${A}\n", "B", "\\1");
	gives(fx, "B=[${LATER}]\nLATER=x\n", "B", "[]");
	fx_problem(fx, DIAG_WARNING, "'LATER' is not set");
}

static void odd_names(void **state)
{
	struct fx *fx = *state;

	gives(fx, "\xc3\xa9t\xc3\xa9=1\n", "\xc3\xa9t\xc3\xa9", "1");
	gives(fx,
		"\xc2\xa0"
		"A\xc2\xa0=\xc2\xa0 1\xe2\x80\x83\n",
		"A", "1");
	gives(fx, "a.b-c[0]=1\n", "a.b-c[0]", "1");
	gives(fx, "export\nA=1\n", "A", "1");
	gives(fx, "exports\nA=1\n", "A", "1");
	gives(fx, "=x\n", "", "x");
	fx_problem(fx, DIAG_WARNING, "a name is missing");
}

static void octal_escapes(void **state)
{
	struct fx *fx = *state;

	gives(fx, "A=\"\\0123|\\0303\\0251\"\n", "A", "S|\xc3\x83\xc2\xa9");
	gives(fx, "A=\"\\0|\\012|\\0777|\\0189\"\n", "A", "\\|\\12|\\777|\\189");
}

static void growth_is_bounded(void **state)
{
	struct fx *fx = *state;
	struct buf text = BUF_INIT;
	struct env env;

	buf_str(&text, "A0=0123456789\n");
	for (int i = 1; i < 60; i++)
		buf_printf(&text, "A%d=$A%d$A%d\n", i, i - 1, i - 1);
	assert_int_equal(parse(fx, &env, text.p, false), -1);
	fx_problem(fx, DIAG_ERROR, "grow beyond 4 MiB");
	assert_true(arena_bytes(fx->a) < 40 << 20);
	env_done(&env);
	buf_done(&text);
}

static void bare_names(void **state)
{
	struct fx *fx = *state;

	gives(fx, "SHELL_VAR\nB=1\n", "SHELL_VAR", "from-shell");
	gives(fx, "NOT_THERE\nB=1\n", "NOT_THERE", NULL);
	gives(fx, "NOT_THERE\nB=1\n", "B", "1");
	gives(fx, "B=1\nSHELL_VAR", "", "SHELL_VAR");
	fx_problem(fx, DIAG_WARNING, "the line does not end");
}

static void refused(struct fx *fx, const char *text, const char *part, unsigned line, unsigned col)
{
	struct env env;

	assert_int_equal(parse(fx, &env, text, false), -1);
	fx_error_at(fx, part, line, col);
	env_done(&env);
	diag_done(&fx->d);
}

static void mistakes_have_a_place(void **state)
{
	struct fx *fx = *state;

	refused(fx, "OK=1\nBAD NAME=x\n", "'BAD NAME' must not hold a blank", 2, 1);
	refused(fx, "A=\"never\nB=1\n", "never closed", 1, 3);
	refused(fx, "A=1\nB='x\n", "never closed", 2, 3);
	refused(fx, "A!=1\n", "unexpected character '!'", 1, 2);
	refused(fx, "A=1\nexport ", "a name is missing behind 'export'", 2, 8);
	refused(fx, "\xe2\x86\x92=1\n", "unexpected character '\xe2\x86\x92'", 1, 1);
	refused(fx, "A\xff=1\n", "unexpected character", 1, 2);
	refused(fx, "A=\"\\0000\"\n", "NUL", 1, 3);
	refused(fx, "A=$$ \xc3\xa9 ${B?\n", "no closing", 1, 8);
	refused(fx, "A=\"\\$\nx $$ ${B?}\"\n", "'B' is missing", 2, 6);
	refused(fx, "A=${x\n", "no closing", 1, 3);
	refused(fx, "A=1\nB=${C:?set C}\n", "set C", 2, 3);
}

static void raw_lines(void **state)
{
	struct fx *fx = *state;
	struct env env;

	assert_int_equal(
		parse(fx, &env, "Q=\"in quotes\"\n  # no\nD=a$HOME # b\nSHELL_VAR\nE=\r\n", true), 0);
	assert_string_equal(env_value(&env, "Q"), "\"in quotes\"");
	assert_string_equal(env_value(&env, "D"), "a$HOME # b");
	assert_string_equal(env_value(&env, "SHELL_VAR"), "from-shell");
	assert_string_equal(env_value(&env, "E"), "");
	env_done(&env);
	assert_int_equal(parse(fx, &env, "A=1\nS =x\n", true), -1);
	fx_error_at(fx, "'S ' must not hold a blank", 2, 1);
	env_done(&env);
}

static void origins(void **state)
{
	struct fx *fx = *state;
	struct env env;

	assert_int_equal(parse(fx, &env, "\n\nWEB_PORT=80\n", false), 0);
	env_put(&env, "X", "1", (struct pos){ 0 }, false);
	assert_string_equal(env_origin(fx->a, env_find(&env, "WEB_PORT")), "WEB_PORT is set in .env:3");
	assert_string_equal(env_origin(fx->a, env_find(&env, "X")), "X is set in the environment");
	env_done(&env);
}

static void absent_and_odd_files(void **state)
{
	struct fx *fx = *state;
	struct env env;

	env_init(&env, fx->a);
	assert_int_equal(env_load(&env, NULL, &fx->d, "/nonexistent/.env", ".env", false), ENV_ABSENT);
	assert_int_equal(fx->d.n, 0);
	assert_int_equal(env_load(&env, NULL, &fx->d, "/", "dir", false), -1);
	fx_problem(fx, DIAG_ERROR, "is a directory");
	env_done(&env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(unquoted_values),
		FX_TEST(quoted_values),
		FX_TEST(variables),
		FX_TEST(odd_names),
		FX_TEST(octal_escapes),
		FX_TEST(growth_is_bounded),
		FX_TEST(bare_names),
		FX_TEST(mistakes_have_a_place),
		FX_TEST(raw_lines),
		FX_TEST(origins),
		FX_TEST(absent_and_odd_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
