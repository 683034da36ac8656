#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/image/image.h"
#include "../../../../src/util/auto.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_normal_forms(void **state)
{
	static const char *const cases[][3] = {
		/* written, whole, familiar */
		{ "redis", "docker.io/library/redis:latest", "redis:latest" },
		{ "redis:7-alpine", "docker.io/library/redis:7-alpine", "redis:7-alpine" },
		{ "docker.io/redis", "docker.io/library/redis:latest", "redis:latest" },
		{ "index.docker.io/library/redis:7", "docker.io/library/redis:7", "redis:7" },
		{ "valkey/valkey:8", "docker.io/valkey/valkey:8", "valkey/valkey:8" },
		{ "library/redis", "docker.io/library/redis:latest", "redis:latest" },
		{ "localhost/app", "localhost/app:latest", "localhost/app:latest" },
		{ "localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest" },
		{ "ghcr.io/a/b/c__d.e---f:V1.0_x", "ghcr.io/a/b/c__d.e---f:V1.0_x",
			"ghcr.io/a/b/c__d.e---f:V1.0_x" },
		{ "Host/app", "Host/app:latest", "Host/app:latest" },
		{ "[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest" },
		{ "app@sha256:" HEX, "docker.io/library/app@sha256:" HEX, "app@sha256:" HEX },
		{ "app:1@sha256:" HEX, "docker.io/library/app:1@sha256:" HEX, "app:1@sha256:" HEX },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_err struct err err = ERR_INIT;
		struct image_ref r;
		if (ref_parse(cases[i][0], &r, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err_msg(&err));
		auto_free char *whole = ref_format(&r), *familiar = ref_familiar(&r);
		assert_string_equal(whole, cases[i][1]);
		assert_string_equal(familiar, cases[i][2]);
		ref_done(&r);
	}
}

static void test_a_digest_alone_has_no_tag(void **state)
{
	struct image_ref r;

	assert_int_equal(ref_parse("app@sha256:" HEX, &r, NULL), 0);
	assert_null(r.tag);
	assert_string_equal(r.digest, "sha256:" HEX);
	ref_done(&r);
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "", "is empty" },
		{ "Redis", "must be lower case" },
		{ "redis:", "a tag has" },
		{ "redis:.x", "a tag has" },
		{ "redis:a/b", "" },
		{ ":7", "the name is missing" },
		{ "ghcr.io/", "the name is missing" },
		{ "a//b", "a name consists of" },
		{ "-a", "a name consists of" },
		{ "a..b", "a name consists of" },
		{ "a___b", "a name consists of" },
		{ "a/../b", "a name consists of" },
		{ "re dis", "a name consists of" },
		{ "bad_host.io:x/app", "the registry is not a host name" },
		{ "localhost:99999/app", "the port of the registry is not one of 1 to 65535" },
		{ "[::1]:0/app", "the port of the registry is not one of 1 to 65535" },
		{ "https://host.io/app", "it begins with a scheme" },
		{ "app@sha256:12", "a digest is" },
		{ "app@md5:" HEX, "a digest is" },
		{ HEX, "an image id" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_err struct err err = ERR_INIT;
		struct image_ref r;
		if (ref_parse(cases[i][0], &r, &err) == 0)
			fail_msg("'%s' was taken", cases[i][0]);
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err_msg(&err), cases[i][1]))
			fail_msg("'%s': %s", cases[i][0], err_msg(&err));
	}
}

static void test_length_is_bounded(void **state)
{
	char name[400];
	struct image_ref r;

	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(ref_parse(name, &r, NULL), -1);
	name[200] = '\0';
	assert_int_equal(ref_parse(name, &r, NULL), 0);
	ref_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_forms),
		cmocka_unit_test(test_a_digest_alone_has_no_tag),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_length_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
