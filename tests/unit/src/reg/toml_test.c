#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/reg/toml.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/str.h"

static void show(struct buf *b, const struct toml *v)
{
	if (v->key)
		buf_printf(b, "%s=", v->key);
	if (v->kind == TOML_STRING) {
		buf_json(b, v->text);
	} else if (v->kind == TOML_INTEGER) {
		buf_printf(b, "%lld", (long long)v->number);
	} else if (v->kind == TOML_BOOLEAN) {
		buf_str(b, v->truth ? "true" : "false");
	} else {
		const char *sep = "";

		buf_char(b, v->kind == TOML_ARRAY ? '[' : '{');
		toml_each(v, it) {
			buf_str(b, sep);
			show(b, it);
			sep = " ";
		}
		buf_char(b, v->kind == TOML_ARRAY ? ']' : '}');
	}
}

/* The tree as one line, or what is wrong. */
static char *read_text(const char *text, size_t n)
{
	auto_err struct err err = ERR_INIT;
	struct arena *a = arena_new();
	struct buf b = BUF_INIT;
	struct toml_doc d;

	if (toml_parse(a, "f", text, n, &d, &err) < 0) {
		assert_int_equal(err.kind, ERR_INPUT);
		buf_str(&b, err_msg(&err));
	} else {
		show(&b, d.root);
	}
	arena_free(a);
	return buf_take(&b);
}

static void expect(const char *const (*cases)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_free char *got = read_text(cases[i][0], strlen(cases[i][0]));

		if (!STREQ(got, cases[i][1]))
			fail_msg("%s\ngives %s\nnot   %s", cases[i][0], got, cases[i][1]);
	}
}

static void test_values(void **state)
{
	static const char *const cases[][2] = {
		{ "", "{}" },
		{ "# only a comment", "{}" },
		{ "\xef\xbb\xbf"
		  "a = 1",
			"{a=1}" },
		{ "a=true\r\nb = false # c\r\n", "{a=true b=false}" },
		{ "a = 0\nb = +1\nc = -17\nd = 1_000\ne = 0xDEAD_beef\nf = 0o755\ng = 0b1101",
			"{a=0 b=1 c=-17 d=1000 e=3735928559 f=493 g=13}" },
		{ "a = 9223372036854775807\nb = -9223372036854775808", "{a=9223372036854775807 b=-9223372036854775808}" },
		{ "a = \"x\\ty\\u00e9\\U0001F600\\\\\\\"\"", "{a=\"x\\ty\xc3\xa9\xf0\x9f\x98\x80\\\\\\\"\"}" },
		{ "a = 'C:\\x\"'", "{a=\"C:\\\\x\\\"\"}" },
		{ "a = \"\"\nb = ''", "{a=\"\" b=\"\"}" },
		{ "a = \"\"\"\nx\ny\"\"\"", "{a=\"x\\ny\"}" },
		{ "a = \"\"\"x \\\n\n   y\"\"\"", "{a=\"x y\"}" },
		{ "a = \"\"\"\"x\"\"\"\"\"", "{a=\"\\\"x\\\"\\\"\"}" },
		{ "a = \"\"\"\"\"\"", "{a=\"\"}" },
		{ "a = \"\"\"x\\\"\"\" y\"\"\"", "{a=\"x\\\"\\\"\\\" y\"}" }, /* the escaped one and two more are text */
		{ "a = '''\r\nx'y''z\\\r\n'''", "{a=\"x'y''z\\\\\\n\"}" },
		{ "a = []\nb = [ 1, 2, ]\nc = [\n  'x', # one\n\n  'y' # two\n]", "{a=[] b=[1 2] c=[\"x\" \"y\"]}" },
		{ "a = [[1], ['x', []]]", "{a=[[1] [\"x\" []]]}" },
		{ "a = {}\nb = { x = 1, y.z = 'w' }", "{a={} b={x=1 y={z=\"w\"}}}" },
		{ "a = [{x = 1}, {x = 2}]", "{a=[{x=1} {x=2}]}" },
	};

	expect(cases, ARRAY_LEN(cases));
}

static void test_tables(void **state)
{
	static const char *const cases[][2] = {
		{ "x = 1\n[a]\ny = 2\n[b]\n", "{x=1 a={y=2} b={}}" },
		{ "[a.b.c]\nx = 1\n[a]\ny = 2", "{a={b={c={x=1}} y=2}}" },
		{ "[ a . \"b.c\" . 'd' ]\nx = 1", "{a={b.c={d={x=1}}}}" },
		{ "a.b.c = 1\na.b.d = 2\na . e = 3", "{a={b={c=1 d=2} e=3}}" },
		{ "[a]\nb.c = 1\n[a.b.d]\nx = 1", "{a={b={c=1 d={x=1}}}}" },
		{ "[a.b.c]\nx = 1\n[a]\nb.y = 2", "{a={b={c={x=1} y=2}}}" },
		{ "3.14 = 'pi'\n\"\" = 0\n1234 = 'x'", "{3={14=\"pi\"} =0 1234=\"x\"}" },
		{ "[[r]]\nl = 'a'\n[[r.m]]\nl = 'b'\n[[r.m]]\n[[r]]\n[[r.m]]\nl = 'c'",
			"{r=[{l=\"a\" m=[{l=\"b\"} {}]} {m=[{l=\"c\"}]}]}" },
		{ "[[r]]\n[r.t]\nx = 1\n[[r]]\n[r.t]\nx = 2", "{r=[{t={x=1}} {t={x=2}}]}" },
	};

	expect(cases, ARRAY_LEN(cases));
}

static void test_mistakes_have_their_place(void **state)
{
	static const char *const cases[][2] = {
		{ "a = 1\na = 2", "f:2:1: 'a' is given twice, first in line 1" },
		{ "[a]\n[a]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "a = 1\n[a]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "a = 1\n[a.b]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "a = [1]\n[[a]]", "f:2:3: 'a' is given twice, first in line 1" },
		{ "a = {}\n[a.b]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "a = {b = {}}\na.b.c = 1", "f:2:1: 'a' is given twice, first in line 1" },
		{ "a.b = 1\n[a]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "[a.b]\n[a]\nb.c = 1", "f:3:1: 'b' is given twice, first in line 1" },
		{ "[a.b.c]\n[a]\nb.y = 2\n[a.b]", "f:4:4: 'b' is given twice, first in line 1" },
		{ "[[a]]\n[a]", "f:2:2: 'a' is given twice, first in line 1" },
		{ "[a]\n[[a]]", "f:2:3: 'a' is given twice, first in line 1" },
		{ "a = {x = 1, x = 2}", "f:1:13: 'x' is given twice, first in line 1" },
		{ "a", "f:1:2: '=' is missing after 'a'" },
		{ "a =", "f:1:4: a value is missing" },
		{ "= 1", "f:1:1: a key is missing; other than A-Z, a-z, 0-9, '-', '_' stand in quotes" },
		{ "\xc3\xa4 = 1", "f:1:1: a key is missing; other than A-Z, a-z, 0-9, '-', '_' stand in quotes" },
		{ "a = b", "f:1:5: 'b' is not a value; text stands in quotes" },
		{ "a = 1.5", "f:1:5: '1.5' is not a whole number of 64 bits" },
		{ "a = 1979-05-27", "f:1:5: '1979-05-27' is not a whole number of 64 bits" },
		{ "a = -inf", "f:1:5: '-inf' is not a whole number of 64 bits" },
		{ "a = 01", "f:1:5: '01' is not a whole number of 64 bits" },
		{ "a = 1__0", "f:1:5: '1__0' is not a whole number of 64 bits" },
		{ "a = 0x", "f:1:5: '0x' is not a whole number of 64 bits" },
		{ "a = 0xFFFFFFFFFFFFFFFF", "f:1:5: '0xFFFFFFFFFFFFFFFF' is not a whole number of 64 bits" },
		{ "a = 9223372036854775808", "f:1:5: '9223372036854775808' is not a whole number of 64 bits" },
		{ "a = \"x", "f:1:5: this string does not end" },
		{ "a = \"x\ny\"", "f:1:5: this string does not end" },
		{ "\n\na = '''x\n\ny", "f:3:5: this string does not end" },
		{ "a = \"\\q\"", "f:1:6: there is no such escape; write \\\\ for a backslash, or put the text in single quotes" },
		{ "a = \"\\", "f:1:6: there is no such escape; write \\\\ for a backslash, or put the text in single quotes" },
		{ "a = \"\\u12\"", "f:1:6: \\u wants 4 hexadecimal digits" },
		{ "a = \"\\u0000\"", "f:1:6: \\u0000 is no character" },
		{ "a = \"\\uD800\"", "f:1:6: \\uD800 is no character" },
		{ "a = \"\\U00110000\"", "f:1:6: \\U00110000 is no character" },
		{ "\"\"\"a\"\"\" = 1", "f:1:1: a key cannot have several lines" },
		{ "a = [1 2]", "f:1:8: a comma or ']' is missing" },
		{ "x = 1\na = [1,\n", "f:2:5: this array does not end" },
		{ "a = [1", "f:1:7: the array does not end" },
		{ "a = [,]", "f:1:6: a value is missing" },
		{ "a = {x = 1,}", "f:1:12: no comma may stand before '}'" },
		{ "a = {x = 1\n}", "f:1:11: a comma or '}' is missing" },
		{ "a = 1 b = 2", "f:1:7: a new line must begin here" },
		{ "[a", "f:1:3: ']' is missing" },
		{ "[[a]", "f:1:4: ']]' is missing" },
		{ "[a] x = 1", "f:1:5: a new line must begin here" },
		{ "[]", "f:1:2: a key is missing; other than A-Z, a-z, 0-9, '-', '_' stand in quotes" },
		{ "a = '\xc3\xa4' ?", "f:1:9: a new line must begin here" },
		{ "a = 1\n# \x01", "f:2:3: a control character (1) cannot stand here" },
		{ "a = 1\rb = 2", "f:1:6: a control character (13) cannot stand here" },
		{ "a = '\x7f'", "f:1:6: a control character (127) cannot stand here" },
		{ "a = '\xff'", "f:1:6: this is not UTF-8" },
	};

	expect(cases, ARRAY_LEN(cases));
}

static void test_nul_is_no_end(void **state)
{
	static const char text[] = "a = 1\n\0b = 2";
	auto_free char *got = read_text(text, sizeof text - 1);

	assert_string_equal(got, "f:2:1: a control character (0) cannot stand here");
}

static void repeat(struct buf *b, const char *text, int n)
{
	while (n-- > 0)
		buf_str(b, text);
}

/* Returns what is said when `text` stands there n times, after `before`. */
static char *read_many(const char *before, const char *text, int n)
{
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, before);
	repeat(&b, text, n);
	return read_text(b.p, b.len);
}

static void test_hostile_text_is_bounded(void **state)
{
	static const struct {
		const char *before, *text;
		int n;
		const char *says;
	} cases[] = {
		{ "a = ", "[", 100000, "f:1:37: more than 32 levels" },
		{ "a = ", "{a=", 100000, "more than 32 levels" },
		{ "a", ".a", 100000, "more than 32 levels" },
		{ "[a", ".a", 100000, "more than 32 levels" },
		{ "a = [", "1,", 100000, "more than 32768 values" },
		{ "", "[[a]]\n", 100000, "more than 32768 values" },
		{ "a = ", "9", 100000, "is not a whole number of 64 bits" },
		{ "a = \"", "x", 2000000, "f: it is larger than 1048576 bytes" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = read_many(cases[i].before, cases[i].text, cases[i].n);

		if (!strstr(got, cases[i].says))
			fail_msg("%zu: %.200s", i, got);
	}
}

static void test_keys_of_a_table_are_bounded(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_free char *got = NULL;

	for (int i = 0; i <= TOML_KEYS_MAX; i++)
		buf_printf(&b, "k%d = 1\n", i);
	got = read_text(b.p, b.len);
	assert_non_null(strstr(got, "more than 4096 keys in a table"));
}

static void test_lookup(void **state)
{
	static const char text[] = "[t]\nx = 1\n";
	struct arena *a = arena_new();
	auto_err struct err err = ERR_INIT;
	auto_free char *where = NULL;
	const struct toml *x;
	struct toml_doc d;

	assert_int_equal(toml_parse(a, "f", text, strlen(text), &d, NULL), 0);
	assert_null(toml_get(d.root, "x"));
	x = toml_get(toml_get(d.root, "t"), "x");
	assert_int_equal(x->number, 1);
	where = toml_where(&d, x);
	assert_string_equal(where, "f:2:1");
	assert_int_equal(toml_bad(&d, x, &err, "no %s", "good"), -1);
	assert_string_equal(err_msg(&err), "f:2:1: no good");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_mistakes_have_their_place),
		cmocka_unit_test(test_nul_is_no_end),
		cmocka_unit_test(test_hostile_text_is_bounded),
		cmocka_unit_test(test_keys_of_a_table_are_bounded),
		cmocka_unit_test(test_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
