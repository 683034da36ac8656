/* Who is told what: tokens, Basic, redirects to elsewhere, login. A second registry on another address stands for everybody else. */
#include "fake.h"

static struct fake other;

static int both_begin(void **state)
{
	if (all_begin(state) < 0)
		return -1;
	fake_start(&other, "two", "127.0.0.2", NULL);
	return 0;
}

static int both_end(void **state)
{
	fake_stop(&other);
	return all_end(state);
}

static int begin(void **state)
{
	conf_of(&other, "{}");
	log_clear(&other);
	return each_begin(state);
}

#define auth_test(f) cmocka_unit_test_setup_teardown(f, begin, each_end)

static void manifest_good(void)
{
	auto_end struct end e = { 0 };

	get_manifest(&e, &at, "1");
	assert_good(&e);
}

static void manifest_bad(enum err_kind kind, const char *words, const char *hint)
{
	auto_end struct end e = { 0 };

	get_manifest(&e, &at, "1");
	assert_bad(&e, kind, words);
	if (hint && (!e.err.hint || !strstr(e.err.hint, hint)))
		fail_msg("'%s' is not in '%s'", hint, e.err.hint ? e.err.hint : "");
}

static void assert_field(const struct fake *f, const char *what, int n, const char *field, const char *value)
{
	auto_free char *is = field_of(f, what, n, field);

	if (!str_eq(is, value))
		fail_msg("%s of %s: %s", field, what, is ? is : "none");
}

/* ------------------------------------------------------------------ Basic */

static void basic_is_said_when_asked_for(void **state)
{
	conf("{'auth': 'basic', 'user': 'me', 'password': 'secret:x'}");
	be(&at, "me", "secret:x");
	manifest_good();
	assert_field(&fake, "GET", 0, "authorization", NULL);
	assert_field(&fake, "GET", 1, "authorization", "Basic bWU6c2VjcmV0Ong=");
	manifest_good();
	assert_int_equal(count_asked(&fake, "GET"), 3);
}

static void basic_that_is_wrong_is_said_once(void **state)
{
	conf("{'auth': 'basic', 'user': 'me', 'password': 'x'}");
	be(&at, "me", "y");
	manifest_bad(ERR_PERM, "401 Unauthorized: authentication required", "credentials of the test");
	assert_int_equal(count_asked(&fake, "GET"), 2);
}

static void nobody_is_told_to_log_in(void **state)
{
	auto_free char *hint = xasprintf("davit login %s", fake.host);

	conf("{'auth': 'basic', 'user': 'me', 'password': 'x'}");
	manifest_bad(ERR_PERM, "401 Unauthorized", hint);
	assert_int_equal(count_asked(&fake, "GET"), 1);
}

/* ------------------------------------------------------------------ tokens */

static void an_anonymous_token_is_got_and_kept(void **state)
{
	conf("{'auth': 'bearer'}");
	manifest_good();
	manifest_good();
	assert_int_equal(count_asked(&fake, "/token"), 1);
	assert_int_equal(count_asked(&fake, "/token?service=fake&scope=repository%3Aapp%3Apull"), 1);
	assert_field(&fake, "/token", 0, "authorization", NULL);
	assert_int_equal(count_asked(&fake, "manifests"), 3);
}

static void a_token_is_got_as_somebody(void **state)
{
	conf("{'auth': 'bearer', 'user': 'me', 'password': 'x'}");
	be(&at, "me", "x");
	manifest_good();
	assert_field(&fake, "/token", 0, "authorization", "Basic bWU6eA==");
	assert_int_equal(count_asked(&fake, "account=me"), 1);
}

static void an_identity_token_is_posted(void **state)
{
	struct reg_creds c = { .identity_token = (char *)"id&1=2", .from = (char *)"the test" };

	conf("{'auth': 'bearer', 'user': 'me', 'password': 'x', 'identity_token': 'id&1=2'}");
	reg_use_creds(reg, &at, &c);
	manifest_good();
	assert_int_equal(count_asked(&fake, "POST /token"), 1);
	assert_int_equal(count_asked(&fake, "id&"), 0);
	assert_field(&fake, "POST /token", 0, "content-type", "application/x-www-form-urlencoded");
}

static void many_calls_wait_for_one_token(void **state)
{
	struct end e[8] = { 0 };
	int fd[8];

	conf("{'auth': 'bearer', 'rules': [{'on': '/token', 'rate': 200}]}");
	for (int i = 0; i < 8; i++)
		get_blob(&e[i], &at, fd[i] = memory_file());
	for (int i = 0; i < 8; i++) {
		assert_good(&e[i]);
		close(fd[i]);
	}
	assert_int_equal(count_asked(&fake, "/token"), 1);
}

static void a_token_that_is_used_up_is_renewed(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 };

	conf("{'auth': 'bearer', 'token_uses': 2, 'rules': [{'on': 'blobs', 'truncate': 300000}]}");
	get_blob(&e, &at, fd);
	assert_good(&e);
	assert_is_blob(fd);
	assert_int_equal(count_asked(&fake, "/token"), 2);
}

/* However often it asks for another token: one more, and no end of them. */
static void a_loop_of_401_ends(void **state)
{
	conf("{'auth': 'bearer', 'token_uses': 0}");
	manifest_bad(ERR_PERM, "401 Unauthorized", "davit login");
	assert_int_equal(count_asked(&fake, "manifests"), 2);
	assert_int_equal(count_asked(&fake, "/token"), 1);
	manifest_bad(ERR_PERM, "401 Unauthorized", NULL);
	assert_true(count_asked(&fake, "/token") <= 3);
}

/* A realm elsewhere is told who we are, for the registry named it; the registry itself is not. */
static void a_token_that_drips_has_an_end(void **state)
{
	new_reg_with(20, 20, 300);
	conf("{'auth': 'bearer', 'rules': [{'on': '/token', 'rate': 20}]}");
	manifest_bad(ERR_TIMEOUT, "get a token for 'repository:app:pull' from 127.0.0.1: tried 2 times: too slow: ", NULL);
}

static void the_realm_that_the_registry_names_is_asked(void **state)
{
	conf("{'auth': 'bearer', 'realm': 'http://%s/token?x=y'}", other.host);
	conf_of(&other, "{'user': 'me', 'password': 'x'}");
	be(&at, "me", "x");
	manifest_good();
	assert_field(&other, "GET /token?x=y&service=fake", 0, "authorization", "Basic bWU6eA==");
	assert_field(&fake, "manifests", 0, "authorization", NULL);
	assert_int_equal(count_asked(&fake, "token"), 0);
}

static void a_realm_that_is_wrong_is_named(void **state)
{
	static const struct {
		const char *conf, *words;
	} cases[] = {
		{ "'rules': [{'on': '/token', 'status': 200, 'body': '<html>'}]", "its answer is no JSON object" },
		{ "'rules': [{'on': '/token', 'status': 200, 'body': '[]'}]", "its answer is no JSON object" },
		{ "'rules': [{'on': '/token', 'status': 200, 'body': '{}'}]", "its answer has no token" },
		{ "'rules': [{'on': '/token', 'status': 200, 'body': '{\\'token\\': \\'a\\\\r\\\\nX: y\\'}'}]", "its answer has no token" },
		{ "'rules': [{'on': '/token', 'endless': true}]", "more than 1048576 bytes" },
		{ "'rules': [{'on': '/token', 'redirect': '/x'}]", "a redirect, which credentials do not follow" },
		{ "'rules': [{'on': '/token', 'status': 503}]", "tried 6 times: 503" },
		{ "'user': 'somebody', 'password': 'else'", "incorrect username or password" },
		{ "'realm': 'ftp://127.0.0.1/'", "neither http nor https" },
		{ "'realm': 'http://192.0.2.1/token'", "the realm that it names for tokens (192.0.2.1) speaks plain http" },
		{ "'realm': 'http://127.0.0.1:1/'", "get a token for 'repository:app:pull' from 127.0.0.1: tried 3 times: " },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		new_reg();
		be(&at, "me", "x");
		conf("{'auth': 'bearer', %s}", cases[i].conf);
		get_manifest(&e, &at, "1");
		wait_end(&e);
		if (!strstr(text_of(&e), cases[i].words))
			fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].words, text_of(&e));
	}
}

/* ------------------------------------------------------------------ redirects */

static void nobody_else_is_told_who_we_are(void **state)
{
	static const char *const kinds[] = { "'auth': 'basic', 'user': 'me', 'password': 'x'", "'auth': 'bearer'" };

	be(&at, "me", "x");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_close int fd = memory_file();
		auto_end struct end e = { 0 };

		conf("{%s, 'rules': [{'on': 'blobs', 'skip': 1, 'redirect': 'http://%s{path}'}]}", kinds[i], other.host);
		conf_of(&other, "{'rules': [{'on': 'blobs', 'truncate': 300000, 'times': 1}]}");
		log_clear(&other);
		get_blob(&e, &at, fd);
		assert_good(&e);
		assert_is_blob(fd);
		assert_int_equal(count_asked(&other, "GET"), 2);
		assert_field(&other, "GET", 0, "authorization", NULL);
		assert_field(&other, "GET", 1, "authorization", NULL);
		assert_field(&other, "GET", 1, "range", "bytes=300000-");
	}
}

static void the_same_host_is_told_again(void **state)
{
	conf("{'auth': 'basic', 'user': 'me', 'password': 'x', 'rules': [{'on': '/manifests/1', 'skip': 1, 'redirect': "
	     "'/v2/app/manifests/%s'}]}",
		manifest_digest);
	be(&at, "me", "x");
	manifest_good();
	assert_field(&fake, "/manifests/sha256:", 0, "authorization", "Basic bWU6eA==");
}

/* Another port is another host, and one who was redirected to names no realm. */
static void a_401_from_elsewhere_is_the_end(void **state)
{
	conf("{'rules': [{'on': 'manifests', 'redirect': 'http://%s{path}'}]}", other.host);
	conf_of(&other, "{'auth': 'bearer'}");
	be(&at, "me", "x");
	manifest_bad(ERR_PERM, "redirected to 127.0.0.2: 401 Unauthorized", NULL);
	assert_int_equal(count_asked(&other, "GET"), 1);
}

/* That a place on this machine may speak plain http says nothing of whom it sends us to; who need not be verified may send us anywhere. */
static void plain_http_elsewhere_is_not_asked(void **state)
{
	conf("{'rules': [{'on': 'manifests', 'redirect': 'http://192.0.2.1{path}'}]}");
	manifest_bad(ERR_PROTO, "307: a redirect to plain http at 192.0.2.1, which is not this machine", NULL);
}

/* ------------------------------------------------------------------ login */

static void try_login(struct end *e, const char *user, const char *password)
{
	be(&at, user, password);
	assert_int_equal(reg_try_login(reg, &at, on_end, e, &e->call, NULL), 0);
}

static void login_is_tried(void **state)
{
	static const char *const kinds[] = { "basic", "bearer" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_end struct end good = { 0 }, bad = { 0 };

		new_reg();
		conf("{'auth': '%s', 'user': 'me', 'password': 'x'}", kinds[i]);
		try_login(&good, "me", "x");
		assert_good(&good);
		new_reg();
		try_login(&bad, "me", "y");
		assert_bad(&bad, ERR_PERM, "401 Unauthorized");
	}
}

static void a_web_page_is_no_registry(void **state)
{
	auto_end struct end e = { 0 };

	conf("{'rules': [{'on': '/v2/', 'status': 200, 'headers': {'Content-Type': 'text/html; charset=utf-8'}}]}");
	try_login(&e, "me", "x");
	assert_bad(&e, ERR_PROTO, "a web page, not a registry");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		auth_test(basic_is_said_when_asked_for),
		auth_test(basic_that_is_wrong_is_said_once),
		auth_test(nobody_is_told_to_log_in),
		auth_test(an_anonymous_token_is_got_and_kept),
		auth_test(a_token_is_got_as_somebody),
		auth_test(an_identity_token_is_posted),
		auth_test(many_calls_wait_for_one_token),
		auth_test(a_token_that_is_used_up_is_renewed),
		auth_test(a_loop_of_401_ends),
		auth_test(a_token_that_drips_has_an_end),
		auth_test(the_realm_that_the_registry_names_is_asked),
		auth_test(a_realm_that_is_wrong_is_named),
		auth_test(plain_http_elsewhere_is_not_asked),
		auth_test(nobody_else_is_told_who_we_are),
		auth_test(the_same_host_is_told_again),
		auth_test(a_401_from_elsewhere_is_the_end),
		auth_test(login_is_tried),
		auth_test(a_web_page_is_no_registry),
	};

	return cmocka_run_group_tests(tests, both_begin, both_end);
}
