#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../../src/reg/answers.h"
#include "../../../../src/reg/creds.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/json.h"
#include "dir.h"

#define DOCKER "home/.docker/config.json"
#define RUN "root/run/containers/0/auth.json"
#define CONFIG "home/.config/containers/auth.json"

/* In base64: u:p, v:q, u:, u */
#define UP "dTpw"
#define VQ "djpx"
#define U_ "dTo="
#define U "dQ=="

static char *dir;
static struct reg_env env;

static int set_up(void **state)
{
	auto_free char *path = NULL;

	dir = dir_make();
	dir_env(dir, &env);
	path = xasprintf("%s/bin:/usr/bin:/bin", dir);
	return setenv("PATH", path, 1) || chdir(dir);
}

static int tear_down(void **state)
{
	reg_env_done(&env);
	dir_remove(dir);
	return 0;
}

/* docker-credential-NAME does this. */
static void helper_is(const char *name, const char *script)
{
	auto_free char *text = xasprintf("#!/bin/sh\n%s\n", script), *file = xasprintf("bin/docker-credential-%s", name);
	auto_free char *path = xasprintf("%s/%s", dir, file);

	dir_put(dir, file, text);
	assert_int_equal(chmod(path, 0755), 0);
}

static void cut_dir(char *text)
{
	for (char *at = strstr(text, dir); at; at = strstr(text, dir))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
}

/* "USER PASSWORD TOKEN FROM", "none" or what is wrong; without DIR. */
static char *find(const char *registry, const char *repository)
{
	auto_err struct err err = ERR_INIT;
	auto_reg_creds struct reg_creds c = { 0 };
	int r = reg_creds_find(&env, registry, repository, &c, &err);
	char *said;

	if (r < 0)
		said = xstrdup(err_msg(&err));
	else if (r == 0)
		said = xstrdup("none");
	else
		said = xasprintf("%s %s %s %s", c.user ? c.user : "-", c.password ? c.password : "-",
			c.identity_token ? c.identity_token : "-", c.from);
	cut_dir(said);
	return said;
}

static void expect(const char *file, const char *registry, const char *repository, const char *answer)
{
	auto_free char *got = find(registry, repository);

	if (strcmp(got, answer) != 0)
		fail_msg("%s for %s/%s\ngives %s\nnot   %s", file, registry, repository, got, answer);
}

static void test_entries(void **state)
{
	static const char *const cases[][3] = {
		/* file, registry, answer */
		{ "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}", "r.io", "u p - " DOCKER },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}", "r.io:5000", "none" },
		{ "{\"auths\":{\"r.io:5000\":{\"auth\":\"" UP "\"}}}", "r.io:5000", "u p - " DOCKER },
		{ "{\"auths\":{\"r.io:5000\":{\"auth\":\"" UP "\"}}}", "r.io", "none" },
		{ "{\"auths\":{\"https://r.io/v1/\":{\"auth\":\"" UP "\"}}}", "r.io", "u p - " DOCKER },
		{ "{\"auths\":{\"HTTP://r.io\":{\"auth\":\"" UP "\"}}}", "r.io", "u p - " DOCKER },
		{ "{\"auths\":{\"https://r.io\":{\"auth\":\"" VQ "\"},\"r.io\":{\"auth\":\"" UP "\"}}}", "r.io", "u p - " DOCKER },
		{ "{\"auths\":{\"r.io/other\":{\"auth\":\"" UP "\"}}}", "r.io", "none" },
		/* docker.io has several names */
		{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" UP "\"}}}", "docker.io", "u p - " DOCKER },
		{ "{\"auths\":{\"docker.io\":{\"auth\":\"" UP "\"}}}", "docker.io", "u p - " DOCKER },
		{ "{\"auths\":{\"docker.io\":{\"auth\":\"" UP "\"}}}", "registry-1.docker.io", "u p - " DOCKER },
		{ "{\"auths\":{\"index.docker.io\":{\"auth\":\"" UP "\"}}}", "docker.io", "u p - " DOCKER },
		{ "{\"auths\":{\"docker.io\":{\"auth\":\"" VQ "\"},\"https://index.docker.io/v1/\":{\"auth\":\"" UP "\"}}}", "docker.io",
			"u p - " DOCKER },
		{ "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" UP "\"}}}", "hub.docker.io", "none" },
		/* what an entry may hold */
		{ "{\"auths\":{\"r.io\":{\"auth\":\"" U_ "\",\"identitytoken\":\"t\"}}}", "r.io", "u - t " DOCKER },
		{ "{\"auths\":{\"r.io\":{\"identitytoken\":\"t\"}}}", "r.io", "- - t " DOCKER },
		{ "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"p:p\"}}}", "r.io", "u p:p - " DOCKER },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"" U_ "\"}}}", "r.io", "u  - " DOCKER },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"dTpwAAA=\"}}}", "r.io", "u p - " DOCKER }, /* two zeros behind */
		{ "{\"auths\":{\"r.io\":{}}}", "r.io", "none" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"\"}}}", "r.io", "none" },
		{ "{\"auths\":{\"r.io\":7}}", "r.io", "none" },
		{ "{\"auths\":[]}", "r.io", "none" },
		{ "{}", "r.io", "none" },
		{ " \n", "r.io", "none" },
		/* wrong, and what was read stands in no message */
		{ "{\"auths\":{\"r.io\":{\"auth\":\"" U "\"}}}", "r.io",
			DOCKER ": 'auth' of 'r.io' is not USER:PASSWORD in base64" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"OnA=\"}}}", "r.io", DOCKER ": 'auth' of 'r.io' is not USER:PASSWORD in base64" },
		{ "{\"auths\":{\"r.io\":{\"auth\":\"dTpwAHA=\"}}}", "r.io",
			DOCKER ": 'auth' of 'r.io' is not USER:PASSWORD in base64" }, /* a zero within */
		{ "{\"auths\":{\"r.io\":{\"auth\":\"?\"}}}", "r.io", DOCKER ": 'auth' of 'r.io' is not USER:PASSWORD in base64" },
		{ "{\"auths\":{\"r.io\":{\"password\":\"hush", "r.io", DOCKER ":1:34: this is not JSON" },
		{ "[]", "r.io", DOCKER ": this is not a JSON object" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		dir_put(dir, DOCKER, cases[i][0]);
		expect(cases[i][0], cases[i][1], "a/b", cases[i][2]);
	}
}

/* The example of containers-auth.json(5). */
static void test_the_most_specific_key_counts(void **state)
{
	static const char text[] = "{\"auths\":{\"my-registry.local/foo/bar/image\":{\"auth\":\"aTpw\"},"
				   "\"my-registry.local/foo\":{\"auth\":\"Zjpw\"},"
				   "\"my-registry.local\":{\"auth\":\"cjpw\"}}}";
	static const char *const cases[][2] = {
		{ "foo/bar/image", "i p - " RUN },
		{ "foo/bar/image2", "f p - " RUN },
		{ "foo", "f p - " RUN },
		{ "fool/bar", "r p - " RUN },
		{ NULL, "r p - " RUN },
	};

	dir_put(dir, RUN, text);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect(text, "my-registry.local", cases[i][0], cases[i][1]);
}

static void test_files_in_their_order(void **state)
{
	dir_put(dir, CONFIG, "{\"auths\":{\"r.io\":{\"auth\":\"Yzpw\"},\"c.io\":{\"auth\":\"Yzpw\"}}}");
	expect("config", "r.io", "x", "c p - " CONFIG);
	dir_put(dir, RUN, "{\"auths\":{\"r.io\":{\"auth\":\"cjpw\"}}}");
	expect("run", "r.io", "x", "r p - " RUN);
	dir_put(dir, DOCKER, "{\"auths\":{\"r.io\":{\"auth\":\"ZDpw\"}}}");
	expect("docker", "r.io", "x", "d p - " DOCKER);
	expect("config", "c.io", "x", "c p - " CONFIG);
	env.auth_file = xasprintf("%s/mine.json", dir);
	expect("one that is not there", "r.io", "x", "none");
	dir_put(dir, "mine.json", "{\"auths\":{\"r.io\":{\"auth\":\"bTpw\"}}}");
	expect("mine", "r.io", "x", "m p - mine.json");
	expect("mine", "c.io", "x", "none");
}

static void test_hostile_files(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_free char *path = xasprintf("%s/" DOCKER, dir);

	for (int i = 0; i < 100000; i++)
		buf_str(&b, "{\"a\":");
	dir_put(dir, DOCKER, b.p);
	expect("deep", "r.io", "x", DOCKER ":1:10241: this is not JSON");
	for (int i = 0; i < (4 << 20); i++)
		buf_char(&b, ' ');
	dir_put(dir, DOCKER, b.p);
	expect("large", "r.io", "x", "read '" DOCKER "': it is larger than 4194304 bytes");
	assert_int_equal(path_write(AT_FDCWD, path, "{\"a\":\0}", 7, 0600, 0, NULL), 0);
	expect("a NUL", "r.io", "x", DOCKER ":1:6: this is not JSON");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect("a fifo", "r.io", "x", "'" DOCKER "' is not a file");
	assert_int_equal(unlink(path), 0);
}

static void test_helpers(void **state)
{
	helper_is("one", "read s; echo \"{\\\"Username\\\":\\\"one\\\",\\\"Secret\\\":\\\"$s\\\"}\"");
	helper_is("none", "echo 'credentials not found in native keychain'; exit 1");
	helper_is("bad", "echo 'locked'; exit 1");
	dir_put(dir, DOCKER,
		"{\"credsStore\":\"one\",\"credHelpers\":{\"n.io\":\"none\",\"b.io\":\"bad\",\"f.io\":\"\"},"
		"\"auths\":{\"r.io\":{},\"r.io/scoped\":{\"auth\":\"" UP "\"},\"n.io\":{\"auth\":\"" UP "\"},\"f.io\":{\"auth\":\"" VQ "\"}}}");
	dir_put(dir, RUN, "{\"auths\":{\"other.io\":{\"auth\":\"" UP "\"}},\"credHelpers\":{\"docker.io\":\"one\"}}");
	expect("the store", "r.io:5000", "x", "one r.io:5000 - docker-credential-one");
	expect("an entry of a namespace", "r.io", "scoped/x", "u p - " DOCKER);
	expect("a helper that has none", "n.io", "x", "u p - " DOCKER);
	expect("no helper for this one", "f.io", "x", "v q - " DOCKER);
	expect("a helper that fails", "b.io", "x",
		"credentials for 'b.io', as '" DOCKER "' says: 'docker-credential-bad get': locked");
	expect("docker.io's name", "docker.io", "x", "one https://index.docker.io/v1/ - docker-credential-one");
	dir_put(dir, DOCKER, "{\"credsStore\":\"none\"}");
	expect("the next file", "other.io", "x", "u p - " RUN);
	expect("the next file's helper", "docker.io", "x", "one https://index.docker.io/v1/ - docker-credential-one");
	expect("nowhere", "r.io", "x", "none");
	dir_put(dir, DOCKER, "{\"credsStore\":\"desktop\"}");
	expect("one that is not installed", "r.io", "x",
		"credentials for 'r.io', as '" DOCKER "' says: run 'docker-credential-desktop': No such file or directory");
}

static void expect_file(const char *name, const char *what)
{
	auto_buf struct buf text = BUF_INIT;

	assert_int_equal(path_read(AT_FDCWD, name, 1000, &text, NULL), 0);
	assert_string_equal(text.p, what);
}

/* What it fails with, too: a registry of twenty images is not waited for twenty times. */
static void test_a_helper_is_asked_once_for_a_registry(void **state)
{
	helper_is("one", "read s; echo $s >>asked; echo \"{\\\"Username\\\":\\\"one\\\",\\\"Secret\\\":\\\"$s\\\"}\"");
	helper_is("none", "cat >>asked; echo >>asked; echo 'credentials not found in native keychain'; exit 1");
	helper_is("bad", "cat >>asked; echo >>asked; echo 'locked'; exit 1");
	dir_put(dir, DOCKER,
		"{\"credsStore\":\"one\",\"credHelpers\":{\"n.io\":\"none\",\"b.io\":\"bad\"},\"auths\":{\"r.io/own\":{\"auth\":\"" UP "\"}}}");
	env.answers = answers_new();
	for (int i = 0; i < 3; i++) {
		expect("the store", "r.io", "x", "one r.io - docker-credential-one");
		expect("another registry", "s.io", "x", "one s.io - docker-credential-one");
		expect("a namespace", "r.io", "own/x", "u p - " DOCKER);
		expect("a helper that has none", "n.io", "x", "none");
		expect("a helper that fails", "b.io", "x",
			"credentials for 'b.io', as '" DOCKER "' says: 'docker-credential-bad get': locked");
	}
	expect_file("asked", "r.io\ns.io\nn.io\nb.io\n");
}

/* --- login and logout --- */

static void expect_json(const char *name, const char *what)
{
	auto_json json_t *have = NULL, *want = json_loads(what, 0, NULL);
	auto_free char *path = xasprintf("%s/%s", dir, name), *text = NULL;

	assert_non_null(want);
	assert_int_equal(jx_load(AT_FDCWD, path, 1 << 20, &have, NULL), 0);
	text = json_dumps(have, JSON_COMPACT);
	if (!json_equal(have, want))
		fail_msg("%s says %s\nnot %s", name, text, what);
}

static mode_t mode_of(const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

/* Where it says that it went. */
static char *store(const char *registry, const char *user, const char *password, const char *token)
{
	struct reg_creds c = { .user = (char *)user, .password = (char *)password, .identity_token = (char *)token };
	auto_err struct err err = ERR_INIT;
	char *where = NULL;

	if (reg_creds_store(&env, registry, &c, &where, &err) < 0)
		where = xstrdup(err_msg(&err));
	cut_dir(where);
	return where;
}

static void expect_store(const char *registry, const char *user, const char *password, const char *token, const char *says)
{
	auto_free char *got = store(registry, user, password, token);

	assert_string_equal(got, says);
}

static void expect_erase(const char *registry, int r, const char *says)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *where = NULL;

	assert_int_equal(reg_creds_erase(&env, registry, &where, &err), r);
	if (r < 0)
		where = xstrdup(err_msg(&err));
	cut_dir(where);
	assert_string_equal(where, says);
}

static void test_store_makes_the_file(void **state)
{
	expect_store("r.io", "u", "p", NULL, DOCKER);
	expect_json(DOCKER, "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}");
	assert_int_equal(mode_of(DOCKER), S_IFREG | 0600);
	assert_int_equal(mode_of("home/.docker"), S_IFDIR | 0700);
	expect("what was stored", "r.io", "x", "u p - " DOCKER);
	expect_store("docker.io", "v", "q", NULL, DOCKER);
	expect_json(DOCKER, "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"},\"https://index.docker.io/v1/\":{\"auth\":\"" VQ "\"}}}");
	expect("what was stored", "docker.io", "library/x", "v q - " DOCKER);
	expect_erase("r.io", 0, DOCKER);
	expect_erase("r.io", 1, DOCKER);
	expect_erase("docker.io", 0, DOCKER);
	expect_json(DOCKER, "{\"auths\":{}}");
}

static void test_store_keeps_what_else_is_there(void **state)
{
	dir_put(dir, DOCKER,
		"{\"psFormat\":\"x\",\"n\":1.5,\"auths\":{\"https://r.io/v1/\":{\"auth\":\"" VQ "\",\"email\":\"e\"},\"s.io\":{\"auth\":\"" VQ
		"\"},\"r.io/ns\":{\"auth\":\"" VQ "\"}},\"plugins\":{\"a\":[null,true]}}");
	expect_store("r.io", "u", "", "t", DOCKER);
	expect_json(DOCKER,
		"{\"psFormat\":\"x\",\"n\":1.5,\"auths\":{\"s.io\":{\"auth\":\"" VQ "\"},\"r.io/ns\":{\"auth\":\"" VQ
		"\"},\"r.io\":{\"auth\":\"" U_ "\",\"identitytoken\":\"t\"}},\"plugins\":{\"a\":[null,true]}}");
	expect_erase("r.io", 0, DOCKER);
	expect_json(DOCKER,
		"{\"psFormat\":\"x\",\"n\":1.5,\"auths\":{\"s.io\":{\"auth\":\"" VQ "\"},\"r.io/ns\":{\"auth\":\"" VQ
		"\"}},\"plugins\":{\"a\":[null,true]}}");
}

static void test_store_follows_links(void **state)
{
	auto_free char *link = xasprintf("%s/" DOCKER, dir), *second = xasprintf("%s/dotfiles/link.json", dir);

	dir_put(dir, "dotfiles/real/old.json", "");
	dir_put(dir, "home/.docker/x", "");
	assert_int_equal(symlink("../../dotfiles/link.json", link), 0);
	assert_int_equal(symlink("real/config.json", second), 0); /* nothing is there yet */
	expect_store("r.io", "u", "p", NULL, DOCKER);
	assert_true(S_ISLNK(mode_of(DOCKER)));
	assert_true(S_ISLNK(mode_of("dotfiles/link.json")));
	assert_int_equal(mode_of("dotfiles/real/config.json"), S_IFREG | 0600);
	expect_json("dotfiles/real/config.json", "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}");
	assert_int_equal(unlink(second), 0);
	assert_int_equal(symlink("link.json", second), 0);
	expect_store("r.io", "u", "p", NULL, "open '" DOCKER "': Too many levels of symbolic links");
}

/* A process that is killed leaves its file beside; what it held goes with the next change. */
static void test_store_takes_away_what_was_left(void **state)
{
	auto_free char *left = xasprintf("%s/home/.docker/.config.json.davit", dir);

	dir_put(dir, "home/.docker/.config.json.davit", "half a secr");
	expect_store("r.io", "u", "p", NULL, DOCKER);
	assert_int_equal(access(left, F_OK), -1);
	expect_json(DOCKER, "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}");
}

/* Each of them reads, adds and writes: none takes back what another has written. */
static void test_stores_at_the_same_time_all_count(void **state)
{
	enum { PROCESSES = 8, TIMES = 5 };
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		for (int k = 0; pids[i] == 0 && k < TIMES; k++) {
			auto_free char *registry = xasprintf("r%d-%d.io", i, k);
			auto_free char *where = store(registry, "u", "p", NULL);

			if (strcmp(where, DOCKER) != 0)
				_exit(1);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < PROCESSES * TIMES; i++) {
		auto_free char *registry = xasprintf("r%d-%d.io", i / TIMES, i % TIMES);

		expect("one of many", registry, "x", "u p - " DOCKER);
	}
}

static void test_logout_makes_nothing(void **state)
{
	auto_free char *home = xasprintf("%s/home", dir);

	expect_erase("r.io", 1, DOCKER);
	assert_int_equal(access(home, F_OK), -1);
}

static void test_store_elsewhere(void **state)
{
	env.auth_file = xasprintf("%s/new/deep/auth.json", dir);
	expect_store("r.io", "u", "p", NULL, "new/deep/auth.json");
	expect_json("new/deep/auth.json", "{\"auths\":{\"r.io\":{\"auth\":\"" UP "\"}}}");
	free(take(env.auth_file));
	free(take(env.docker));
	expect_store("r.io", "u", "p", NULL, "there is no home directory for credentials");
}

static void test_store_with_helpers(void **state)
{
	helper_is("pass", "echo \"$1 $(cat)\" >>heard");
	helper_is("bad", "echo 'locked'; exit 1");
	dir_put(dir, DOCKER, "{\"auths\":{\"r.io\":{\"auth\":\"" VQ "\"}},\"credsStore\":\"pass\",\"credHelpers\":{\"b.io\":\"bad\"}}");
	expect_store("r.io", "u", "p", NULL, "docker-credential-pass");
	expect_json(DOCKER, "{\"auths\":{\"r.io\":{}},\"credsStore\":\"pass\",\"credHelpers\":{\"b.io\":\"bad\"}}");
	expect_erase("r.io", 0, "docker-credential-pass");
	expect_json(DOCKER, "{\"auths\":{},\"credsStore\":\"pass\",\"credHelpers\":{\"b.io\":\"bad\"}}");
	expect_file("heard", "store {\"ServerURL\":\"r.io\",\"Username\":\"u\",\"Secret\":\"p\"}\nerase r.io\n");
	expect_store("b.io", "u", "p", NULL,
		"credentials for 'b.io', as '" DOCKER "' says: 'docker-credential-bad store': locked");
	expect_erase("b.io", -1, "credentials for 'b.io', as '" DOCKER "' says: 'docker-credential-bad erase': locked");
	expect_store("r.io", "u", "\xff", NULL,
		"credentials for 'r.io', as '" DOCKER "' says: 'docker-credential-pass' takes no name or password that is not UTF-8");
}

static void test_what_cannot_be_stored(void **state)
{
	expect_store("r.io", "u:v", "p", NULL, "a user name cannot have a colon");
	expect_store("r.io", "u", "\xff:", NULL, DOCKER);
	expect("bytes", "r.io", "x", "u \xff: - " DOCKER);
	dir_put(dir, DOCKER, "{\"auths\":");
	expect_store("r.io", "u", "p", NULL, DOCKER ":1:9: this is not JSON");
	dir_put(dir, DOCKER, "{\"auths\":[1]}");
	expect_store("r.io", "u", "p", NULL, DOCKER ": 'auths' is not an object");
}

#ifndef __SANITIZE_ADDRESS__
/* Whether the heap of this process holds the text. Takes no memory itself: that could be what was just released. */
static bool heap_has(const char *text)
{
	static char maps[64 << 10];
	auto_close int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned long from, to;
	size_t len = 0;
	char *line;

	for (ssize_t n = 1; n > 0; len += (size_t)n) {
		n = read(fd, maps + len, sizeof maps - 1 - len);
		assert_true(n >= 0);
	}
	maps[len] = '\0';
	line = strstr(maps, "[heap]");
	if (!line)
		return false;
	while (line > maps && line[-1] != '\n')
		line--;
	assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
	return memmem((const void *)from, to - from, text, strlen(text)) != NULL;
}

/* Texts on the stack only, so that what the heap has is what was left there. The end of a long one is looked for: the allocator itself
 * writes over the beginning. */
static void test_released_secrets_are_wiped(void **state)
{
	char secret[] = "b!tfdsfu!uibu!jt!mpohfs!uibo!uif!cfhjoojoht!pg!qjfdft!pg!nfnpsz", file[300];
	const char *tail = secret + 32;
	auto_reg_creds struct reg_creds c = { 0 };
	struct reg_creds mine = { .user = (char *)"u", .password = secret };
	auto_free char *where = NULL;

	for (char *p = secret; *p; p++) /* it stands nowhere as it is */
		*p = (char)(*p - 1);
	snprintf(file, sizeof file, "{\"auths\":{\"r.io\":{\"username\":\"u\",\"password\":\"%s\",\"auth\":\"\"}}}", secret);
	dir_put(dir, DOCKER, file);
	assert_int_equal(reg_creds_find(&env, "r.io", "x", &c, NULL), 1);
	assert_true(strcmp(c.password, secret) == 0);
	assert_true(heap_has(tail));
	reg_creds_done(&c);
	assert_false(heap_has(tail));
	assert_int_equal(reg_creds_store(&env, "r.io", &mine, &where, NULL), 0);
	assert_false(heap_has(tail));
	assert_int_equal(reg_creds_find(&env, "r.io", "x", &c, NULL), 1);
	reg_creds_done(&c);
	assert_false(heap_has(tail));
}
#endif

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_entries),
		EACH(test_the_most_specific_key_counts),
		EACH(test_files_in_their_order),
		EACH(test_hostile_files),
		EACH(test_helpers),
		EACH(test_a_helper_is_asked_once_for_a_registry),
		EACH(test_store_makes_the_file),
		EACH(test_store_keeps_what_else_is_there),
		EACH(test_store_follows_links),
		EACH(test_store_takes_away_what_was_left),
		EACH(test_stores_at_the_same_time_all_count),
		EACH(test_logout_makes_nothing),
		EACH(test_store_elsewhere),
		EACH(test_store_with_helpers),
		EACH(test_what_cannot_be_stored),
#ifndef __SANITIZE_ADDRESS__ /* its memory is elsewhere, and released memory may not be looked at */
		EACH(test_released_secrets_are_wiped),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
