#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/reg/certs.h"
#include "../../../../src/util/buf.h"
#include "dir.h"

#define COMMON "root/etc/containers/certs.d/"
#define DOCKER "root/etc/docker/certs.d/"
#define OWN "home/.config/containers/certs.d/"

/* "ca ca | cert key", or what is wrong; without DIR. */
static char *find(const char *dir, const char *registry)
{
	auto_reg_env struct reg_env env;
	auto_err struct err err = ERR_INIT;
	struct reg_certs c = { 0 };
	struct buf b = BUF_INIT;
	char *at;

	dir_env(dir, &env);
	if (reg_certs_find(&env, registry, &c, &err) < 0) {
		buf_str(&b, err_msg(&err));
	} else {
		for (size_t i = 0; i < c.ca.n; i++)
			buf_printf(&b, "%s ", c.ca.v[i]);
		buf_str(&b, "|");
		if (c.cert)
			buf_printf(&b, " %s %s", c.cert, c.key);
	}
	while ((at = strstr(b.p, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	reg_certs_done(&c);
	return b.p;
}

static void expect(const char *dir, const char *registry, const char *answer)
{
	auto_free char *got = find(dir, registry);

	assert_string_equal(got, answer);
}

static void test_the_manuals_example(void **state)
{
	char *dir = dir_make();

	expect(dir, "my-registry.com:5000", "|");
	dir_put(dir, COMMON "my-registry.com:5000/client.cert", "");
	dir_put(dir, COMMON "my-registry.com:5000/client.key", "");
	dir_put(dir, COMMON "my-registry.com:5000/ca.crt", "");
	dir_put(dir, COMMON "my-registry.com:5000/b.crt", "");
	dir_put(dir, COMMON "my-registry.com:5000/README", "");
	expect(dir, "my-registry.com:5000",
		COMMON "my-registry.com:5000/b.crt " COMMON "my-registry.com:5000/ca.crt | " COMMON
		       "my-registry.com:5000/client.cert " COMMON "my-registry.com:5000/client.key");
	expect(dir, "my-registry.com", "|");
	dir_remove(dir);
}

static void test_the_first_directory_counts_alone(void **state)
{
	char *dir = dir_make();

	dir_put(dir, DOCKER "r/docker.crt", "");
	expect(dir, "r", DOCKER "r/docker.crt |");
	dir_put(dir, COMMON "r/common.crt", "");
	expect(dir, "r", COMMON "r/common.crt |");
	dir_put(dir, OWN "r/own.crt", "");
	expect(dir, "r", OWN "r/own.crt |");
	dir_remove(dir);
}

static void test_halves_are_refused(void **state)
{
	char *dir = dir_make();

	dir_put(dir, COMMON "a/x.cert", "");
	expect(dir, "a", "'" COMMON "a/x.cert' has no '" "x.key' beside it");
	dir_put(dir, COMMON "b/x.key", "");
	expect(dir, "b", "'" COMMON "b/x.key' has no 'x.cert' beside it");
	dir_put(dir, COMMON "c/x.cert", "");
	dir_put(dir, COMMON "c/x.key", "");
	dir_put(dir, COMMON "c/y.cert", "");
	dir_put(dir, COMMON "c/y.key", "");
	expect(dir, "c", "more than one client certificate in '" COMMON "c': x.cert, y.cert");
	dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_manuals_example),
		cmocka_unit_test(test_the_first_directory_counts_alone),
		cmocka_unit_test(test_halves_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
