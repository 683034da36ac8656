/* val_misc_test - words, booleans, modes, hosts, devices, sizes, numbers as text. */
#include "fx.h"

#include <math.h>

#include "../../../compose/val.h"

/* The words joined by '|', "!" and the reason when the text is refused. */
static const char *words(struct fx *fx, const char *text)
{
	struct strv v;
	const char *rest;
	char *why, *out;

	if (val_words(fx->a, text, &v, &rest, &why) < 0)
		return arena_printf(fx->a, "!%s", why);
	assert_true(v.set);
	assert_null(v.v[v.n]);
	out = arena_strdup(fx->a, "");
	for (size_t i = 0; i < v.n; i++)
		out = arena_printf(fx->a, "%s%s%s", out, i ? "|" : "", v.v[i]);
	return rest ? arena_printf(fx->a, "%s ... %s", out, rest) : out;
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "   ", "" },
		{ "echo hello  world", "echo|hello|world" },
		{ "a\tb\nc", "a|b|c" },
		{ "sh -c \"echo 'in' && exit 0\"", "sh|-c|echo 'in' && exit 0" },
		{ "a\\ b c\\\"d", "a b|c\"d" },
		{ "'g\\h' \"\" ''", "g\\h||" },
		{ "echo a # rest b#c", "echo|a|#|rest|b#c" },
		{ "\"\\n\"", "n" },
		{ "'x'\"y\"z", "xyz" },
		{ "`b c` d", "`b c`|d" },
		{ "a $(b c) d", "a|$(b c)|d" },
		{ "{b} [c] *? ~ !x", "{b}|[c]|*?|~|!x" },
		{ "a | b", "a ... | b" },
		{ "a b;c", "a|b ... ;c" },
		{ "a && b", "a ... && b" },
		{ "a x2>b c", "a|x2 ... >b c" },
		{ "a 2>b", "a ... >b" },
		{ "a '|' \"&\" \\; '>'", "a|||&|;|>" },
		{ "echo \"open", "!a quote is not closed in a command" },
		{ "echo 'open", "!a quote is not closed in a command" },
		{ "a (b)", "!an unquoted parenthesis in a command" },
		{ "a b)", "!a parenthesis is not closed, or closes nothing, in a command" },
		{ "a $(b", "!a parenthesis is not closed, or closes nothing, in a command" },
		{ "`it's`", "!a quote is not closed in a command" },
		{ "a ) b ) c", "a|) b )|c" },
		{ "a\\", "!a backslash at the end of a command" },
	};
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(words(fx, cases[i].text), cases[i].want);
}

static void test_many_words(void **state)
{
	struct fx *fx = *state;
	char text[2001];
	struct strv v;
	char *why;

	for (int i = 0; i < 1000; i++) {
		text[2 * i] = 'w';
		text[2 * i + 1] = ' ';
	}
	text[2000] = '\0';
	assert_int_equal(val_words(fx->a, text, &v, NULL, &why), 0);
	assert_int_equal(v.n, 1000);
	assert_string_equal(v.v[999], "w");
}

static void test_bool(void **state)
{
	bool value, odd;

	assert_int_equal(val_bool("TRUE", &value, &odd), 0);
	assert_true(value && !odd);
	assert_int_equal(val_bool("No", &value, &odd), 0);
	assert_true(!value && odd);
	assert_int_equal(val_bool("1", &value, &odd), -1);
	assert_int_equal(val_bool("t", &value, &odd), -1);
	assert_int_equal(val_bool("", &value, &odd), -1);
}

static void test_mode(void **state)
{
	static const char *const bad[] = { "", "8", "0o", "abc", "0b1", "0o400", "-7", "7777777777777777777777" };
	int64_t mode;

	assert_int_equal(val_mode("0440", &mode), 0);
	assert_int_equal(mode, 0440);
	assert_int_equal(val_mode("777777777777777777777", &mode), 0);
	assert_int_equal(mode, INT64_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(val_mode(bad[i], &mode), -1);
}

static void test_hosts(void **state)
{
	static const struct {
		const char *text, *lines; /* NULL: refused */
	} cases[] = {
		{ "colon:50.31.209.229", "colon=50.31.209.229 " },
		{ "v6=[2001:db8::1]", "v6=2001:db8::1 " },
		{ "v6:::1", "v6=::1 " },
		{ "two=1.1.1.1,[::2]", "two=1.1.1.1 two=::2 " },
		{ "none=", "none= " },
		{ "odd=[],a=b", "odd=[] odd=a=b " },
		{ "alone", NULL },
		{ "=1.1.1.1", NULL },
		{ "a:b=1.1.1.1", NULL },
	};
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct strv lines = { 0 };
		char *why, *all = arena_strdup(fx->a, "");
		int r = val_hosts(fx->a, cases[i].text, &lines, &why);

		assert_int_equal(r, cases[i].lines ? 0 : -1);
		for (size_t k = 0; r == 0 && k < lines.n; k++)
			all = arena_printf(fx->a, "%s%s ", all, lines.v[k]);
		if (r == 0)
			assert_string_equal(all, cases[i].lines);
	}
}

static void test_devices(void **state)
{
	struct fx *fx = *state;
	struct device d;
	char *why;

	assert_int_equal(val_device(fx->a, "/dev/a", &d, &why), 0);
	assert_string_equal(d.target, "/dev/a");
	assert_string_equal(d.permissions, "rwm");
	assert_int_equal(val_device(fx->a, "/dev/a:/dev/b:r", &d, &why), 0);
	assert_string_equal(d.target, "/dev/b");
	assert_string_equal(d.permissions, "r");
	assert_int_equal(val_device(fx->a, "/dev/a::r", &d, &why), 0);
	assert_string_equal(d.target, "/dev/a");
	assert_string_equal(d.permissions, "r");
	assert_int_equal(val_device(fx->a, "", &d, &why), 0);
	assert_string_equal(d.source, "");
	assert_int_equal(val_device(fx->a, "a:b:r:w", &d, &why), -1);
}

static void test_numbers(void **state)
{
	struct fx *fx = *state;

	assert_string_equal(val_float_text(fx->a, 1.10), "1.1");
	assert_string_equal(val_float_text(fx->a, 1e10), "1e+10");
	assert_string_equal(val_float_text(fx->a, 1000), "1000");
	assert_string_equal(val_float_text(fx->a, 1.5e-7), "1.5e-07");
	assert_string_equal(val_float_text(fx->a, 0.0001), "0.0001");
	assert_string_equal(
		val_float_text(fx->a, 123456789012345678901234567890.0), "1.2345678901234568e+29");
	assert_string_equal(val_float_text(fx->a, -0.5), "-0.5");
	assert_string_equal(val_float_text(fx->a, NAN), "NaN");
	assert_string_equal(val_float_text(fx->a, -INFINITY), "-Inf");
	assert_string_equal(val_float_json(fx->a, 1e10), "10000000000");
	assert_string_equal(val_float_json(fx->a, val_float32(0.123456789)), "0.12345679");
	assert_string_equal(val_float_json(fx->a, val_float32(4294967296)), "4294967300");
	assert_true(isinf(val_float32(1e39)));
	assert_string_equal(val_float_json(fx->a, 0.1), "0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_words),
		FX_TEST(test_many_words),
		FX_TEST(test_bool),
		FX_TEST(test_mode),
		FX_TEST(test_hosts),
		FX_TEST(test_devices),
		FX_TEST(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
