#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../../../src/tmpl/tmpl.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/str.h"

static const char data_text[] =
	"{\"Name\":\"web-1\",\"State\":\"running\",\"Count\":3,\"Ratio\":0.5,\"Up\":true,\"Empty\":\"\",\"None\":null,\"Names\":[\"a\",\"b\"],"
	"\"Nobody\":[],\"Labels\":\"one=1,two=zwei\",\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Map\":{\"x.y\":\"z\"}},"
	"\"Ports\":[{\"Private\":80,\"Public\":8080},{\"Private\":443,\"Public\":0}],\"Long\":\"\xc3\xa4\xc3\xb6\xc3\xbcxyz\"}";

static json_t *data;

static int setup(void **state)
{
	return jx_parse(data_text, strlen(data_text), &data, NULL);
}

static int teardown(void **state)
{
	json_decref(data);
	return 0;
}

/* What it prints, or "error: …"; malloc'ed. */
static char *run(const char *text)
{
	struct err err = ERR_INIT;
	struct tmpl *t = NULL;
	struct buf out = BUF_INIT;

	if (tmpl_parse(text, &t, &err) < 0 || tmpl_run(t, data, &out, &err) < 0) {
		buf_done(&out);
		out = BUF_INIT;
		buf_printf(&out, "error: %s%s%s", err_msg(&err), err.hint ? " | " : "", err.hint ? err.hint : "");
	}
	tmpl_free(t);
	err_done(&err);
	return buf_take(&out);
}

struct row {
	const char *text, *expected;
};

static void check(const struct row *rows)
{
	for (; rows->text; rows++) {
		auto_free char *got = run(rows->text);

		assert_string_equal(got, rows->expected);
	}
}

static void prints_fields_and_text(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "only text } }}", "only text } }}" },
		{ "{{.Name}}", "web-1" },
		{ "{{ .Name }}/{{.Count}}/{{.Ratio}}/{{.Up}}", "web-1/3/0.5/true" },
		{ "{{$.Name}} {{$.Config.Env}}", "web-1 [A=1 B=2]" },
		{ "{{.Config.Map}}", "map[x.y:z]" },
		{ "{{.Config.Nothing}}{{.None}}", "<no value><no value>" },
		{ "{{.Label \"two\"}}:{{.Label \"three\"}}:", "zwei::" },
		{ "{{\"a\\tb}}\"}}{{`raw\\t`}}{{12}}{{-3}}{{1.5}}{{true}}", "a\tb}}raw\\t12-31.5true" },
		{ "a  {{- .Name -}}  b", "aweb-1b" },
		{ "a{{/* nothing }} at all */}}b {{- /* x */ -}} c", "ab" "c" },
		{ NULL },
	};

	check(rows);
}

static void has_functions(void **state)
{
	static const struct row rows[] = {
		{ "{{json .Names}} {{json .Name}} {{.Config.Map | json}}", "[\"a\",\"b\"] \"web-1\" {\"x.y\":\"z\"}" },
		{ "{{join .Names \", \"}}", "a, b" },
		{ "{{.Name | upper | lower}} {{upper .Name}} {{title \"ab cd\"}}", "web-1 WEB-1 Ab Cd" },
		{ "{{index (split \"a:b:c\" \":\") 1}}", "b" },
		{ "{{index .Names 0}} {{index .Config.Map \"x.y\"}} {{(index .Ports 0).Private}}", "a z 80" },
		{ "{{truncate .Long 2}}|{{pad \"x\" 1 2}}|", "\xc3\xa4\xc3\xb6| x  |" },
		{ "{{printf \"%-8s|%5d|%05d|%.2f|%q|%v|%%\" .Name .Count .Count .Ratio .Name .Names}}", "web-1   |    3|00003|0.50|\"web-1\"|[a b]|%" },
		{ "{{printf \"%.2s|%4s\" .Long \"\xc3\xa4\"}}", "\xc3\xa4\xc3\xb6|   \xc3\xa4" },
		{ "{{.Name | printf \"%s and %s\" \"you\"}}", "you and web-1" },
		{ "{{println .Name 3}}{{print \"a\" 1 2 \"b\"}}", "web-1 3\na1 2b" },
		{ "{{len .Names}}{{len .Name}}{{len .Config}}", "252" },
		{ "{{eq .State \"exited\" \"running\"}} {{ne .Count 3}} {{gt .Count 2}} {{le .Ratio 0.5}}", "true false true true" },
		{ "{{and .Up .Name}} {{or .Empty \"none\"}} {{not .Up}}", "web-1 none false" },
		{ NULL },
	};

	check(rows);
}

static void has_blocks(void **state)
{
	static const struct row rows[] = {
		{ "{{if .Up}}up{{end}}{{if .Empty}}x{{else}}y{{end}}", "upy" },
		{ "{{if eq .Count 1}}one{{else if eq .Count 3}}three{{else}}many{{end}}", "three" },
		{ "{{if eq .Count 1}}one{{else if eq .Count 2}}two{{else}}many{{end}}", "many" },
		{ "{{range .Ports}}{{.Private}}->{{.Public}};{{end}}", "80->8080;443->0;" },
		{ "{{range .Names}}{{.}} of {{$.Name}},{{end}}{{range .Nobody}}x{{else}}nobody{{end}}", "a of web-1,b of web-1,nobody" },
		{ "{{with .Config}}{{index .Env 1}}{{end}}{{with .Empty}}x{{else}}{{.Name}}{{end}}", "B=2web-1" },
		{ "{{range .Names}}{{if eq . \"b\"}}[{{.}}]{{end}}{{end}}", "[b]" },
		{ NULL },
	};

	check(rows);
}

static void says_what_is_wrong(void **state)
{
	static const struct row rows[] = {
		{ "ab{{.Nmae}}", "error: template: character 5: there is no field 'Nmae' | did you mean '.Name'?" },
		{ "{{.Name", "error: template: character 1: the '}}' to it is missing" },
		{ "{{Name}}", "error: template: character 3: there is no function 'Name' | a field begins with a dot: '{{.Name}}'" },
		{ "{{jsn .}}", "error: template: character 3: there is no function 'jsn' | did you mean 'json'?" },
		{ "{{}}", "error: template: character 3: there is nothing between the braces" },
		{ "{{if .Up}}x", "error: template: character 6: its '{{end}}' is missing" },
		{ "x{{end}}", "error: template: character 9: '{{end}}' belongs to no block" },
		{ "{{.Name | }}", "error: template: character 11: something is missing here" },
		{ "{{(.Name}}", "error: template: character 3: the ')' to it is missing" },
		{ "{{.Name)}}", "error: template: character 8: this is too much" },
		{ "{{\"abc}}", "error: template: character 1: the '}}' to it is missing" },
		{ "{{$x := 1}}", "error: template: character 4: there are no variables but '$'" },
		{ "{{.Name \"x\"}}", "error: template: character 3: a field takes no argument" },
		{ "{{.Name.More}}", "error: template: character 3: 'More' is looked for in what has no fields" },
		{ "{{join .Names}}", "error: template: character 3: 'join' takes 2 arguments, not 1" },
		{ "{{join .Name \",\"}}", "error: template: character 3: join: it is for lists" },
		{ "{{printf \"%d\" .Name}}", "error: template: character 3: printf: %d is for numbers" },
		{ "{{printf \"%s\"}}", "error: template: character 3: printf: it is given less than its format wants" },
		{ "{{lt .Name 3}}", "error: template: character 3: lt: these two cannot be compared" },
		{ "{{index .Names 7}}", "error: template: character 3: index: a number from 0 to 1 is needed" },
		{ "{{range .Name}}{{end}}", "error: template: 'range' needs a list" },
		{ "{{..Name}}", "error: template: character 3: a field's name is missing behind '.'" },
		{ "{{1x}}", "error: template: character 3: '1x' is no number" },
		{ "{{a!}}", "error: template: character 3: there is no function 'a' | a field begins with a dot: '{{.a}}'" },
		{ NULL },
	};

	check(rows);
}

static void is_bounded(void **state)
{
	auto_buf struct buf deep = BUF_INIT, many = BUF_INIT, big = BUF_INIT;
	auto_free char *a = NULL, *b = NULL, *c = NULL;

	buf_str(&deep, "{{");
	for (int i = 0; i < 100000 / 2; i++)
		buf_char(&deep, '(');
	buf_str(&deep, "}}");
	a = run(deep.p);
	assert_string_equal(a, "error: template: character 35: it is nested more than 32 deep");
	for (int i = 0; i < 100; i++)
		buf_str(&many, "{{if .Up}}");
	b = run(many.p);
	assert_true(str_starts(b, "error: template: character 3"));
	for (int i = 0; i <= TMPL_MAX; i++)
		buf_char(&big, 'x');
	c = run(big.p);
	assert_string_equal(c, "error: template: it is longer than 65536 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_fields_and_text), cmocka_unit_test(has_functions), cmocka_unit_test(has_blocks),
		cmocka_unit_test(says_what_is_wrong), cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
