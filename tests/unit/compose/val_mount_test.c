/* val_mount_test - the short form of a volume. */
#include "fx.h"

#include "../../../compose/val.h"

static const struct {
	const char *text;
	bool bind;
	const char *source, *target;
	bool read_only, nocopy;
	const char *propagation, *selinux, *unknown;
} good[] = {
	{ "/var/lib/anon", false, NULL, "/var/lib/anon" },
	{ "data:/var/lib", false, "data", "/var/lib" },
	{ "data:/var/lib:ro", false, "data", "/var/lib", true },
	{ "data:/v:nocopy", false, "data", "/v", false, true },
	{ "./a:/a", true, "./a", "/a" },
	{ ".:/here", true, ".", "/here" },
	{ "~/conf:/etc/conf:ro", true, "~/conf", "/etc/conf", true },
	{ "/srv:/trailing/", true, "/srv", "/trailing" },
	{ "/srv:/a/../b//c", true, "/srv", "/b/c" },
	{ "./Z:/Z:ro,Z", true, "./Z", "/Z", true, false, NULL, "Z" },
	{ "./p:/p:rw,rshared", true, "./p", "/p", false, false, "rshared" },
	{ "./p:/p:ro,rw", true, "./p", "/p" },
	{ "./p:/p:rw,ro", true, "./p", "/p", true },
	{ "./q:/q:a,b", true, "./q", "/q", false, false, NULL, NULL, "a', 'b" },
	{ "./${X:-y}:/r", true, "./${X:-y}", "/r" },
	{ "\\\\srv\\s:/s", true, "\\\\srv\\s", "/s" },
	{ "é:/data", false, NULL, "é:/data" },
	{ "./c:/c:cached", true, "./c", "/c" },
	{ "./c:/c:nosuch", true, "./c", "/c", false, false, NULL, NULL, "nosuch" },
	{ "C:\\data:C:\\target", true, "C:\\data", "C:\\target" },
	{ "D:\\data:/unix:ro", true, "D:\\data", "/unix", true },
	{ "v:/data", false, NULL, "v:/data" },
	{ "/a", false, NULL, "/a" },
};

static void same(const char *got, const char *want, const char *text)
{
	if (!want)
		assert_null(got);
	else if (!got || strcmp(got, want) != 0)
		fail_msg("'%s': got '%s', want '%s'", text, got ? got : "nothing", want);
}

static void test_good(void **state)
{
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct val_mount m;
		char *why = NULL;

		if (val_mount(fx->a, good[i].text, &m, &why) < 0)
			fail_msg("'%s': %s", good[i].text, why);
		assert_int_equal(m.bind, good[i].bind);
		same(m.source, good[i].source, good[i].text);
		same(m.target, good[i].target, good[i].text);
		assert_int_equal(m.read_only, good[i].read_only);
		assert_int_equal(m.nocopy, good[i].nocopy);
		same(m.propagation, good[i].propagation, good[i].text);
		same(m.selinux, good[i].selinux, good[i].text);
		same(m.unknown, good[i].unknown, good[i].text);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = { "", "aa::b", ":/data", "a:/b:", "aa:/b:ro:x", "aa:/b:c:d:e",
		":::" };
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct val_mount m;
		char *why = NULL;

		if (val_mount(fx->a, bad[i], &m, &why) == 0)
			fail_msg("'%s' was accepted", bad[i]);
		assert_non_null(why);
	}
}

static void test_path_clean(void **state)
{
	static const struct {
		const char *path, *clean;
	} paths[] = {
		{ "/", "/" },
		{ "", "." },
		{ ".", "." },
		{ "/a/", "/a" },
		{ "//a//b", "/a/b" },
		{ "/..", "/" },
		{ "/../a", "/a" },
		{ "a/..", "." },
		{ "a/../..", ".." },
		{ "../a", "../a" },
		{ "../../a/../b", "../../b" },
		{ "/a/b/../../c", "/c" },
		{ "./a/./b", "a/b" },
		{ "a/b/../c", "a/c" },
	};
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_string_equal(val_path_clean(fx->a, paths[i].path), paths[i].clean);
}

int main(void)
{
	const struct CMUnitTest tests[] = { FX_TEST(test_good), FX_TEST(test_bad), FX_TEST(test_path_clean) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
