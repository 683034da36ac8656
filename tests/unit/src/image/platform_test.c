#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../../src/image/platform.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/str.h"

static struct platform parse(const char *text)
{
	auto_err struct err err = ERR_INIT;
	struct platform p;

	if (platform_parse(text, &p, &err) < 0)
		fail_msg("%s", err_msg(&err));
	return p;
}

static void test_normal_forms(void **state)
{
	static const char *const cases[][2] = {
		{ "linux/amd64", "linux/amd64" },
		{ "Linux/x86_64", "linux/amd64" },
		{ "linux/amd64/v1", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3" },
		{ "linux/aarch64", "linux/arm64" },
		{ "linux/arm64/v8", "linux/arm64" },
		{ "linux/arm64/8", "linux/arm64" },
		{ "linux/arm64/v9", "linux/arm64/v9" },
		{ "linux/arm", "linux/arm/v7" },
		{ "linux/arm/7", "linux/arm/v7" },
		{ "linux/arm/v6", "linux/arm/v6" },
		{ "linux/armhf", "linux/arm/v7" },
		{ "linux/armel", "linux/arm/v6" },
		{ "linux/i386", "linux/386" },
		{ "macos/arm64", "darwin/arm64" },
		{ "windows/amd64", "windows/amd64" },
		{ "s390x", "linux/s390x" },
		{ "x86_64", "linux/amd64" },
		{ "wasi/wasm", "wasi/wasm" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct platform p = parse(cases[i][0]);
		char text[PLATFORM_TEXT];
		platform_format(&p, text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void test_an_os_alone_takes_this_machines_architecture(void **state)
{
	struct platform host, p = parse("linux");

	platform_host(&host);
	assert_string_equal(p.arch, host.arch);
	assert_string_equal(p.os, "linux");
	p = parse("windows");
	assert_string_equal(p.os, "windows");
	assert_string_equal(p.arch, host.arch);
}

static void test_refused(void **state)
{
	static const char *const cases[] = { "", "/", "linux/", "/amd64", "linux//v8", "linux/amd64/v1/x", "linux/am d64",
		"linux/amd64\n", "linux/\xc3\xa4", "bogus", "amd65", "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_err struct err err = ERR_INIT;
		struct platform p;
		if (platform_parse(cases[i], &p, &err) == 0)
			fail_msg("'%s' was taken", cases[i]);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(err.hint);
	}
}

static void test_one_word_is_a_known_one(void **state)
{
	auto_err struct err err = ERR_INIT;
	struct platform host, p;

	platform_host(&host);
	assert_int_equal(platform_parse("bogus", &p, &err), -1);
	assert_string_equal(err_msg(&err), "'bogus' is not a platform: it is neither an operating system nor an architecture");
	assert_true(strstr(err.hint, "linux, windows") && strstr(err.hint, "amd64, arm, arm64"));
	p = parse("macos");
	assert_string_equal(p.os, "darwin");
	assert_string_equal(p.arch, host.arch);
}

static void test_the_longest_words_fit(void **state)
{
	/* 31 characters, and a digit in front that would want one more */
	struct platform p = parse("linux/arm/7aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

	assert_true(strlen(p.variant) < sizeof p.variant);
}

static void test_scores(void **state)
{
	/* wanted, then what is there from best to worst; what comes after "-" does not run there */
	static const char *const cases[][12] = {
		{ "linux/arm/v7", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5", "-", "linux/arm/v8", "linux/arm64", "linux/amd64" },
		{ "linux/arm/v6", "linux/arm/v6", "linux/arm/v5", "-", "linux/arm/v7", "linux/arm" },
		{ "linux/arm64", "linux/arm64/v8", "linux/arm/v8", "linux/arm/v7", "linux/arm/v6", "-", "linux/arm64/v9", "linux/amd64" },
		{ "linux/arm64/v9", "linux/arm64/v9", "linux/arm64", "linux/arm/v7", "-", "linux/amd64" },
		{ "linux/amd64/v3", "linux/amd64/v3", "linux/amd64/v2", "linux/amd64", "linux/386", "-", "linux/amd64/v4", "linux/arm64" },
		{ "linux/amd64", "linux/amd64/v1", "linux/386", "-", "linux/amd64/v2", "windows/amd64", "linux/arm64" },
		{ "linux/386", "linux/i686", "-", "linux/amd64" },
		{ "linux/vax/fast", "linux/vax/fast", "-", "linux/vax/slow", "linux/vax" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct platform want = parse(cases[i][0]);
		unsigned last = UINT32_MAX;
		bool runs = true;
		for (const char *const *p = cases[i] + 1; *p; p++) {
			if (STREQ(*p, "-")) {
				runs = false;
				continue;
			}
			struct platform have = parse(*p);
			unsigned score = platform_score(&want, &have);
			if (runs ? score == 0 || score >= last : score != 0)
				fail_msg("%s for %s: %u", *p, cases[i][0], score);
			last = score;
		}
	}
}

static void test_descriptors(void **state)
{
	auto_json json_t *list = json_pack("[{s:{s:s,s:s}}, {s:{s:s,s:s,s:s}}, {s:{s:s,s:s,s:s}}, {s:s}, {s:{s:s,s:s}}]", "platform", "os",
		"linux", "architecture", "s390x", "platform", "os", "linux", "architecture", "arm", "variant", "v6", "platform", "os",
		"linux", "architecture", "arm", "variant", "v5", "digest", "x", "platform", "os", "unknown", "architecture", "unknown");
	struct platform arm = parse("linux/arm"), vax = parse("linux/vax");
	auto_free char *text = platform_list(list);

	assert_ptr_equal(platform_pick(list, &arm), json_array_get(list, 1));
	assert_null(platform_pick(list, &vax));
	assert_string_equal(text, "linux/s390x, linux/arm/v6, linux/arm/v5, an unknown platform");
}

static void test_read_and_written(void **state)
{
	auto_json json_t *bad = json_pack("{s:s, s:s}", "os", "li\nux", "architecture", "amd64");
	struct platform p = parse("linux/arm/v6"), q;
	auto_json json_t *o = platform_json(&p);

	assert_int_equal(platform_read(o, &q), 0);
	assert_true(platform_same(&p, &q));
	q = parse("linux/aarch64/v8");
	p = parse("linux/arm64");
	assert_true(platform_same(&p, &q));
	assert_int_equal(platform_read(bad, &q), -1);
	assert_int_equal(platform_read(NULL, &q), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_forms),
		cmocka_unit_test(test_an_os_alone_takes_this_machines_architecture),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_one_word_is_a_known_one),
		cmocka_unit_test(test_the_longest_words_fit),
		cmocka_unit_test(test_scores),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_read_and_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
