#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/util/str.h"

static void numbers_are_strict(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "0x1", "1.0", "1e3", "one",
		"18446744073709551616", "99999999999999999999999", "-" };
	uint64_t u = 7;
	int64_t i = 7;
	unsigned n = 7;

	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		assert_int_equal(str_u64(bad[k], &u), -1);
		assert_int_equal(str_i64(bad[k], &i), -1);
	}
	assert_int_equal(str_u64("-1", &u), -1);
	assert_int_equal(u, 7);
	assert_int_equal(str_u64("18446744073709551615", &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(str_i64("-9223372036854775808", &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_i64("9223372036854775807", &i), 0);
	assert_true(i == INT64_MAX);
	assert_int_equal(str_i64("9223372036854775808", &i), -1);
	assert_int_equal(str_i64("-9223372036854775809", &i), -1);
	assert_int_equal(str_uint("65535", 1, 65535, &n), 0);
	assert_int_equal(n, 65535);
	assert_int_equal(str_uint("65536", 1, 65535, &n), -1);
	assert_int_equal(str_uint("0", 1, 65535, &n), -1);
	assert_int_equal(n, 65535);
}

static void sizes_as_docker_reads_them(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{ "1b", 1 },
		{ "1B", 1 },
		{ "1k", 1024 },
		{ "1kb", 1024 },
		{ "1K", 1024 },
		{ "1KB", 1024 },
		{ "1m", 1048576 },
		{ "1MB", 1048576 },
		{ "1MiB", 1048576 },
		{ "1.5g", 1610612736 },
		{ "0.5gb", 536870912 },
		{ "1 gb", 1073741824 },
		{ "1t", 1099511627776 },
		{ "0", 0 },
		{ "6.4m", 6710886 },
		{ "1024", 1024 },
		{ "64kb", 65536 },
		{ "1p", 1125899906842624 },
		{ ".5k", 512 },
		{ "5.", 5 },
		{ "1e3", 1000 },
		{ "+5", 5 },
		{ "5 ", 5 },
		{ "32.3", 32 },
		{ "1.5GiB", 1610612736 },
		{ "512m", 536870912 },
		{ "9007199254740993", 9007199254740992 },
	};
	static const char *const bad[] = { "", "12xb", "b", "-1", "-1k", "1  k", " 1", "1kbb", "1bb", "1kiB5",
		"1ib", "1bi", "hello", ".", "1e", "1.2.3", "0x10", "inf", "nan", "8192p", "1e400", "1z",
		"1k ", "1\xc3\xa4", " ",
		"1e5000000000000000000000000000000000000000000000000000000000000000000" };
	int64_t v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		v = -1;
		if (str_size(good[i].text, &v) != 0 || v != good[i].bytes)
			fail_msg("'%s': %lld", good[i].text, (long long)v);
	}
	v = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_size(bad[i], &v) != -1 || v != 7)
			fail_msg("'%s' was taken: %lld", bad[i], (long long)v);
}

static void durations_in_and_out(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "1w", "168h0m0s" },
		{ "1h5m30s20ms", "1h5m30.02s" },
		{ "100us", "100\xc2\xb5s" },
		{ "1m0.5s", "1m0.5s" },
		{ "1500ms", "1.5s" },
		{ "60s", "1m0s" },
		{ "3600s", "1h0m0s" },
		{ "250ms", "250ms" },
		{ "2m", "2m0s" },
		{ "0", "0s" },
		{ "0s", "0s" },
		{ "+5s", "5s" },
		{ "-1.5h", "-1h30m0s" },
		{ "-0", "0s" },
		{ "1ns", "1ns" },
		{ "1.5us", "1.5\xc2\xb5s" },
		{ "1\xc2\xb5s", "1\xc2\xb5s" },
		{ "1\xce\xbcs", "1\xc2\xb5s" },
		{ "2d", "48h0m0s" },
		{ "1d12h", "36h0m0s" },
		{ ".5s", "500ms" },
		{ "5.s", "5s" },
		{ "1.000000001s", "1.000000001s" },
		{ "0.100000000000000000000h", "6m0s" },
		{ "1s1s", "2s" },
		{ "9223372036854775807ns", "2562047h47m16.854775807s" },
		{ "0.3333333333333333333h", "20m0s" },
		{ "1.1ms", "1.1ms" },
	};
	static const char *const bad[] = { "", "5", "s", ".s", "-", "+", "1x", "1 s", " 1s", "1s ", "1.2.3s",
		"ten", "1S", "--1s", "1y", "9223372036854775808ns", "99999999999999999999s", "2562048h",
		"15251w", "1m-5s", "1e3s", "18446744073.709551616s" };
	char out[32];
	int64_t v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (str_duration_ns(good[i].text, &v) != 0)
			fail_msg("'%s' was refused", good[i].text);
		str_duration_format(v, out);
		assert_string_equal(out, good[i].canonical);
	}
	v = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (str_duration_ns(bad[i], &v) != -1 || v != 7)
			fail_msg("'%s' was taken", bad[i]);
	str_duration_format(INT64_MIN, out);
	assert_string_equal(out, "-2562047h47m16.854775808s");
}

static void sizes_and_ages_for_people(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} ages[] = {
		{ -5, "Less than a second" },
		{ 0, "Less than a second" },
		{ 1, "1 second" },
		{ 59, "59 seconds" },
		{ 60, "About a minute" },
		{ 119, "About a minute" },
		{ 120, "2 minutes" },
		{ 3599, "59 minutes" },
		{ 3600, "About an hour" },
		{ 5399, "About an hour" },
		{ 5400, "2 hours" },
		{ 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" },
		{ 14 * 86400, "2 weeks" },
		{ 60 * 86400, "2 months" },
		{ 729 * 86400, "24 months" },
		{ 730 * 86400, "2 years" },
	};
	char out[32];

	for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
		str_human_age(ages[i].s, out);
		assert_string_equal(out, ages[i].text);
	}
	str_human_size(0, out);
	assert_string_equal(out, "0B");
	str_human_size(10500, out);
	assert_string_equal(out, "10.5kB");
	str_human_size(123456789, out);
	assert_string_equal(out, "123.5MB");
	str_human_size(1e30, out);
	assert_string_equal(out, "1e+06YB");
}

static void nearest_word(void **state)
{
	static const char *const keys[] = { "image", "build", "ports", "environment", "volumes",
		"network_mode", "networks", "cpu", NULL };

	assert_int_equal(str_distance("", "abc"), 3);
	assert_int_equal(str_distance("kitten", "sitting"), 3);
	assert_int_equal(str_distance("prots", "ports"), 1);
	assert_int_equal(str_distance("same", "same"), 0);
	assert_string_equal(str_nearest("imgae", keys), "image");
	assert_string_equal(str_nearest("port", keys), "ports");
	assert_string_equal(str_nearest("enviroment", keys), "environment");
	assert_string_equal(str_nearest("network", keys), "networks");
	assert_null(str_nearest("xyzzy", keys));
	assert_null(str_nearest("q", keys));
	assert_null(str_nearest("", keys));
}

static void utf8(void **state)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "a\xc3" };
	static const char good[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(str_is_utf8(bad[i], strlen(bad[i])));
	assert_true(str_is_utf8(good, strlen(good)));
	assert_true(str_is_utf8("", 0));
	assert_int_equal(str_utf8_count(good, strlen(good)), 5);
	assert_int_equal(str_utf8_decode("a", 1), 'a');
	assert_int_equal(str_utf8_decode("\xe2\x82\xac", 3), 0x20ac);
	assert_int_equal(str_utf8_decode("\xf4\x8f\xbf\xbf", 4), 0x10ffff);
}

static void lists_end_with_null(void **state)
{
	struct strs l = STRS_INIT;

	for (int i = 0; i < 50; i++) {
		strs_printf(&l, "arg-%d", i);
		assert_null(l.v[l.n]);
	}
	strs_add(&l, "x");
	strs_addn(&l, "longer", 4);
	assert_int_equal(l.n, 52);
	assert_string_equal(l.v[51], "long");
	assert_true(strs_has(&l, "arg-49"));
	assert_false(strs_has(&l, "arg-50"));
	strs_done(&l);
	assert_null(l.v);
	strs_done(&l);
}

static void words(void **state)
{
	assert_true(str_starts("docker.io/x", "docker.io/"));
	assert_false(str_starts("doc", "docker"));
	assert_true(str_ends("a.yaml", ".yaml"));
	assert_false(str_ends("l", "yaml"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq("a", NULL));
	assert_true(str_eq("a", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(sizes_as_docker_reads_them),
		cmocka_unit_test(durations_in_and_out),
		cmocka_unit_test(sizes_and_ages_for_people),
		cmocka_unit_test(nearest_word),
		cmocka_unit_test(utf8),
		cmocka_unit_test(lists_end_with_null),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
