/* Credential helpers are shell scripts here, found in a PATH of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/reg/helper.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "dir.h"

enum { LONG_MS = 60000, SHORT_MS = 100 };

static char *dir;

static int set_up(void **state)
{
	auto_free char *path = NULL;

	dir = dir_make();
	path = xasprintf("%s:%s", dir, getenv("PATH"));
	return setenv("PATH", path, 1);
}

/* docker-credential-x does this. */
static void helper_is(const char *script)
{
	auto_free char *text = xasprintf("#!/bin/sh\n%s\n", script), *path = xasprintf("%s/docker-credential-x", dir);

	dir_put(dir, "docker-credential-x", text);
	assert_int_equal(chmod(path, 0755), 0);
}

/* "user password token from" of what `get` finds, "none", or what is wrong. */
static char *get(int timeout_ms)
{
	auto_err struct err err = ERR_INIT;
	auto_reg_creds struct reg_creds c = { 0 };
	int r = helper_get("x", "reg.example", timeout_ms, &c, &err);

	if (r < 0)
		return xstrdup(err_msg(&err));
	if (r == 0)
		return xstrdup("none");
	return xasprintf("%s %s %s %s", c.user ? c.user : "-", c.password ? c.password : "-", c.identity_token ? c.identity_token : "-",
		c.from);
}

static void test_get(void **state)
{
	static const char *const cases[][2] = {
		/* the server is on standard input, the verb an argument */
		{ "read s; echo \"{\\\"ServerURL\\\":\\\"$s\\\",\\\"Username\\\":\\\"$1\\\",\\\"Secret\\\":\\\"$s\\\"}\"",
			"get reg.example - docker-credential-x" },
		{ "echo '{\"Username\":\"<token>\",\"Secret\":\"t\"}'", "- - t docker-credential-x" },
		{ "echo '{\"Username\":\"\",\"Secret\":\"\"}'", "none" },
		{ "echo '{\"Username\":\"u\",\"Secret\":\"p\\u00e9\"}'; echo warning >&2", "u p\xc3\xa9 - docker-credential-x" },
		{ "echo 'credentials not found in native keychain'; exit 1", "none" },
		{ "echo 'no\tkeychain'; exit 1", "'docker-credential-x get': no\tkeychain" },
		{ "echo; echo 'two'; echo lines; exit 1", "'docker-credential-x get': two" },
		{ "echo 'on stderr' >&2; exit 3", "'docker-credential-x get': on stderr" },
		{ "printf '\\033[2J'; exit 1", "'docker-credential-x get': \\x1b[2J" },
		{ "exit 3", "'docker-credential-x get' ended with status 3" },
		{ "kill -9 $$", "'docker-credential-x get' ended with status 137" },
		{ "echo '{\"Secret\":\"hush\"}'; exit 1", "'docker-credential-x get' ended with status 1" },
		{ "echo '{\"Username\":\"u\"}'", "'docker-credential-x get' does not answer with Username and Secret" },
		{ "echo '{\"Username\":1,\"Secret\":2}'", "'docker-credential-x get' does not answer with Username and Secret" },
		{ "echo hush", "'docker-credential-x get' does not answer with Username and Secret" },
		{ "", "'docker-credential-x get' does not answer with Username and Secret" },
		{ "yes", "'docker-credential-x get' says more than 65536 bytes" },
		{ "yes >&2", "'docker-credential-x get' says more than 65536 bytes" },
		/* an agent that it leaves behind keeps the pipe open */
		{ "sleep 60 & echo $! >agent; echo '{\"Username\":\"u\",\"Secret\":\"p\"}'", "u p - docker-credential-x" },
	};

	assert_int_equal(chdir(dir), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = NULL;

		helper_is(cases[i][0]);
		got = get(LONG_MS);
		if (strcmp(got, cases[i][1]) != 0)
			fail_msg("%s\ngives %s\nnot   %s", cases[i][0], got, cases[i][1]);
	}
}

static void end_agent(void)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = xasprintf("%s/agent", dir);

	if (path_read(AT_FDCWD, path, 100, &text, NULL) == 0)
		kill((pid_t)strtol(text.p, NULL, 10), SIGKILL);
}

static int tear_down(void **state)
{
	end_agent();
	dir_remove(dir);
	return 0;
}

static void test_one_that_hangs_is_named_and_killed(void **state)
{
	static const char *const scripts[] = {
		"exec sleep 1000",
		"exec >&- 2>&-; exec sleep 1000",
		"echo '{\"Username\":\"u\",\"Secret\":\"p\"}'; exec sleep 1000",
		"while :; do echo; sleep 0.01; done",
	};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		auto_err struct err err = ERR_INIT;
		struct reg_creds c = { 0 };

		helper_is(scripts[i]);
		assert_int_equal(helper_get("x", "reg.example", SHORT_MS, &c, &err), -1);
		assert_int_equal(err.kind, ERR_TIMEOUT);
		assert_string_equal(err_msg(&err), "'docker-credential-x get' did not end within 0.1 s");
		assert_null(c.user);
	}
}

static void test_one_that_is_not_there(void **state)
{
	static const char *const bad[] = { "", "../x", "a b", "x;y", "a/b" };
	auto_err struct err err = ERR_INIT;
	struct reg_creds c = { 0 };

	assert_int_equal(helper_get("absent", "reg.example", LONG_MS, &c, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_msg(&err), "run 'docker-credential-absent': No such file or directory");
	assert_string_equal(err.hint, "install docker-credential-absent, or take its name out of that file");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(helper_get(bad[i], "reg.example", LONG_MS, &c, NULL), -1);
}

static void expect_heard(const char *what)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *path = xasprintf("%s/heard", dir);

	assert_int_equal(path_read(AT_FDCWD, path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text.p, what);
}

static void test_store_and_erase(void **state)
{
	struct reg_creds c = { .user = (char *)"u", .password = (char *)"p\"\\" };
	struct reg_creds t = { .user = (char *)"u", .identity_token = (char *)"t" };
	auto_err struct err err = ERR_INIT;

	assert_int_equal(chdir(dir), 0);
	helper_is("{ echo \"$1\"; cat; } >heard");
	assert_int_equal(helper_store("x", "reg.example", &c, LONG_MS, NULL), 0);
	expect_heard("store\n{\"ServerURL\":\"reg.example\",\"Username\":\"u\",\"Secret\":\"p\\\"\\\\\"}");
	assert_int_equal(helper_store("x", "reg.example", &t, LONG_MS, NULL), 0);
	expect_heard("store\n{\"ServerURL\":\"reg.example\",\"Username\":\"<token>\",\"Secret\":\"t\"}");
	assert_int_equal(helper_erase("x", "reg.example", LONG_MS, NULL), 1);
	expect_heard("erase\nreg.example");
	helper_is("echo 'credentials not found in native keychain'; exit 1");
	assert_int_equal(helper_erase("x", "reg.example", LONG_MS, NULL), 0);
	helper_is("echo 'locked'; exit 1");
	assert_int_equal(helper_store("x", "reg.example", &c, LONG_MS, &err), -1);
	assert_string_equal(err_msg(&err), "'docker-credential-x store': locked");
	assert_int_equal(helper_erase("x", "reg.example", LONG_MS, NULL), -1);
}

static void test_one_that_reads_nothing_does_no_harm(void **state)
{
	auto_buf struct buf secret = BUF_INIT;
	struct reg_creds c = { .user = (char *)"u" };

	for (int i = 0; i < 200000; i++)
		buf_char(&secret, 'x');
	c.password = secret.p;
	helper_is("exit 0");
	assert_int_equal(helper_store("x", "reg.example", &c, LONG_MS, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_one_that_hangs_is_named_and_killed),
		cmocka_unit_test(test_one_that_is_not_there),
		cmocka_unit_test(test_store_and_erase),
		cmocka_unit_test(test_one_that_reads_nothing_does_no_harm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
