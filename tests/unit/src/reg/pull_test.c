/* Manifests and blobs from a registry that does, and does not, what it should. */
#include <nettle/sha2.h>
#include <sys/socket.h>

#include "fake.h"

/* ------------------------------------------------------------------ manifests */

static void a_tag_is_got(void **state)
{
	auto_end struct end e = { 0 };
	auto_free char *accept = NULL, *agent = NULL;

	get_manifest(&e, &at, "1");
	assert_good(&e);
	assert_true(strstr(e.text.p, "schemaVersion"));
	assert_string_equal(e.type, "application/vnd.oci.image.manifest.v1+json");
	assert_string_equal(e.hex, manifest_digest + 7);
	accept = field_of(&fake, "GET /v2/app/manifests/1", 0, "accept");
	agent = field_of(&fake, "GET /v2/app/manifests/1", 0, "user-agent");
	assert_true(strstr(accept, "manifest.list.v2+json") && strstr(accept, "image.index.v1+json"));
	assert_true(str_starts(agent, "davit/"));
}

static void a_digest_is_got_and_compared(void **state)
{
	auto_end struct end good = { 0 }, bad = { 0 };

	get_manifest(&good, &at, manifest_digest);
	assert_good(&good);
	conf("{'rules': [{'on': 'GET', 'body': '{}'}]}");
	get_manifest(&bad, &at, manifest_digest);
	assert_bad(&bad, ERR_PROTO, "what came has the digest sha256:44136fa");
}

static void a_tag_is_compared_with_what_the_head_says(void **state)
{
	auto_end struct end e = { 0 };

	conf("{'rules': [{'on': 'GET', 'body': '{}'}]}");
	get_manifest(&e, &at, "1");
	assert_bad(&e, ERR_PROTO, "its head says");
}

static void what_is_not_there_is_named(void **state)
{
	auto_end struct end e = { 0 };
	auto_free char *words = NULL;

	get_manifest(&e, &at, "2");
	words = xasprintf("get the manifest of '%s/app:2' from %s: 404 Not Found: manifest unknown", fake.host, fake.host);
	assert_bad(&e, ERR_NOT_FOUND, words);
	assert_int_equal(count_asked(&fake, "GET"), 1);
}

/* What to do about it depends on what the registry knows of it. */
static void what_is_not_there_has_a_hint(void **state)
{
	static const struct {
		const char *rule, *words;
	} cases[] = {
		{ "'status': 404, 'body': '{\\'errors\\': [{\\'code\\': \\'NAME_UNKNOWN\\'}]}'", "it has no repository 'app'" },
		{ "'status': 404, 'body': '{\\'errors\\': [{\\'code\\': \\'MANIFEST_UNKNOWN\\'}]}'", "'app' has no such tag or digest" },
		{ "'status': 404, 'body': '[1]'", "look how name and tag are written" },
		{ "'status': 404, 'body': '<html>'", "look how name and tag are written" },
		{ "'status': 401", "davit login" },
		{ "'status': 403", "davit login" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		conf("{'rules': [{'on': 'GET', %s}]}", cases[i].rule);
		get_manifest(&e, &at, "1");
		wait_end(&e);
		if (!e.err.hint || !strstr(e.err.hint, cases[i].words) || !strstr(e.err.hint, "davit login"))
			fail_msg("%s: %s; %s", cases[i].rule, text_of(&e), e.err.hint ? e.err.hint : "no hint");
	}
}

static void head_tells_the_digest(void **state)
{
	auto_end struct end e = { 0 };

	assert_int_equal(reg_head_manifest(reg, &at, "1", on_doc, &e, &e.call, NULL), 0);
	assert_good(&e);
	assert_string_equal(e.hex, manifest_digest + 7);
	assert_null(e.text.p);
	assert_int_equal(count_asked(&fake, "GET"), 0);
}

static void get_stands_in_for_head(void **state)
{
	static const char *const confs[] = {
		"{'rules': [{'on': 'HEAD', 'no_digest': true}]}",
		"{'rules': [{'on': 'HEAD', 'status': 405}]}",
	};

	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		auto_end struct end e = { 0 };

		conf("%s", confs[i]);
		assert_int_equal(reg_head_manifest(reg, &at, "1", on_doc, &e, &e.call, NULL), 0);
		assert_good(&e);
		assert_string_equal(e.hex, manifest_digest + 7);
		assert_non_null(e.text.p);
	}
}

static void words_that_would_be_paths_start_nothing(void **state)
{
	struct reg_call *c = NULL;
	struct reg_place odd = place(&fake, "app/../x");
	struct reg_blob blob = { .at = &at, .digest = "sha256:../../etc", .size = 1, .fd = -1, .done = on_end };

	assert_int_equal(reg_get_manifest(reg, &at, "../x", on_doc, NULL, &c, NULL), -1);
	assert_int_equal(reg_get_manifest(reg, &at, "a/b", on_doc, NULL, &c, NULL), -1);
	assert_int_equal(reg_get_manifest(reg, &at, "sha512:00", on_doc, NULL, &c, NULL), -1);
	assert_int_equal(reg_get_manifest(reg, &at, "", on_doc, NULL, &c, NULL), -1);
	assert_int_equal(reg_get_manifest(reg, &odd, "1", on_doc, NULL, &c, NULL), -1);
	assert_int_equal(reg_get_blob(reg, &blob, &c, NULL), -1);
	assert_null(c);
}

/* Each of these ends soon, with words that say what is wrong. */
static void nonsense_has_an_end(void **state)
{
	static const struct {
		const char *conf, *words;
	} cases[] = {
		{ "{'rules': [{'on': '.', 'endless': true}]}", "larger than 8388608 bytes" },
		{ "{'rules': [{'on': '.', 'length': 9000000}]}", "larger than 8388608 bytes" },
		{ "{'rules': [{'on': '.', 'fields': 300}]}", "a head of more than 200 fields" },
		{ "{'rules': [{'on': '.', 'fields': 100, 'field_size': 2000}]}", "or 131072 bytes" },
		{ "{'rules': [{'on': '.', 'fields': 1, 'field_size': 200000}]}", "a head that is too large" },
		{ "{'rules': [{'on': '.', 'raw': 'SSH-2.0-OpenSSH\\r\\n'}]}", "HTTP/0.9" },
		{ "{'rules': [{'on': '.', 'status': 307}]}", "a redirect to nowhere" },
		{ "{'rules': [{'on': '.', 'redirect': 'ftp://127.0.0.1/x'}]}", "neither http nor https" },
		{ "{'rules': [{'on': '.', 'redirect': 'http://me:secret@127.0.0.1/x'}]}", "a user or a password" },
		{ "{'rules': [{'on': '.', 'redirect': '{path}'}]}", "more than 10 redirects" },
		{ "{'rules': [{'on': '.', 'status': 418, 'endless': true}]}", "8388608" },
		{ "{'rules': [{'on': '.', 'status': 401, 'headers': {'WWW-Authenticate': 'Bearer realm=\\'x'}}]}", "WWW-Authenticate" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		conf_of(&fake, cases[i].conf);
		get_manifest(&e, &at, "1");
		wait_end(&e);
		if (!strstr(text_of(&e), cases[i].words))
			fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].words, text_of(&e));
		assert_true(count_asked(&fake, "GET") <= 11);
		log_clear(&fake);
	}
}

/* ------------------------------------------------------------------ blobs */

static void a_blob_is_got(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 };

	get_blob(&e, &at, fd);
	assert_good(&e);
	assert_is_blob(fd);
}

/* What the file has already is not asked for, whatever becomes of the rest; when it is wrong, the end says so. */
static void what_is_there_is_gone_on_with(void **state)
{
	static const struct {
		const char *conf;
		bool wrong;
		int requests;
	} cases[] = {
		{ "{}", false, 1 },
		{ "{}", true, 1 },
		{ "{'rules': [{'on': 'blobs', 'truncate': 300000, 'times': 1}]}", false, 2 },
		{ "{'rules': [{'on': 'blobs', 'no_range': true}]}", false, 1 },
		{ "{'rules': [{'on': 'blobs', 'range_416': true}]}", false, 2 },
		{ "{'rules': [{'on': 'blobs', 'content_range': 'bytes 0-5/6'}]}", false, 2 },
	};
	enum { HAVE = 1000 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_close int fd = memory_file();
		auto_end struct end e = { 0 };
		auto_free char *range = NULL;
		struct sha256_ctx sha;
		struct reg_blob b = { .at = &at, .digest = blob_digest, .size = BLOB_SIZE, .fd = fd, .have = HAVE, .hashed = &sha, .done = on_end, .arg = &e };

		sha256_init(&sha);
		sha256_update(&sha, HAVE, (const uint8_t *)blob_text + cases[i].wrong);
		assert_int_equal(pwrite(fd, blob_text, HAVE, 0), HAVE);
		conf_of(&fake, cases[i].conf);
		log_clear(&fake);
		assert_int_equal(reg_get_blob(reg, &b, &e.call, NULL), 0);
		memset(&sha, 0, sizeof sha); /* it was copied */
		if (cases[i].wrong) {
			assert_bad(&e, ERR_PROTO, "what came has the digest");
		} else {
			assert_good(&e);
			assert_is_blob(fd);
		}
		range = field_of(&fake, "GET", 0, "range");
		assert_string_equal(range, "bytes=1000-");
		assert_int_equal(count_asked(&fake, "GET"), cases[i].requests);
	}
}

static void an_empty_blob_is_one_too(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 };
	char digest[80];
	struct reg_blob b = { .at = &at, .digest = digest, .size = 0, .fd = fd, .done = on_end, .arg = &e };

	fake_blob("app", "", 0, digest);
	assert_int_equal(reg_get_blob(reg, &b, &e.call, NULL), 0);
	assert_good(&e);
}

static void a_full_disk_is_said(void **state)
{
	auto_close int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	auto_end struct end e = { 0 };

	get_blob(&e, &at, fd);
	assert_bad(&e, ERR_FAIL, "No space left on device");
	assert_int_equal(count_asked(&fake, "GET"), 1);
}

/* ------------------------------------------------------------------ proxies */

/* The fake one is the proxy: it is asked for addresses of others, and never for its own. */
static void the_proxy_of_the_environment_is_asked(void **state)
{
	auto_end struct end e = { 0 }, here = { 0 };
	struct reg_place far = at;
	auto_free char *proxy = xasprintf("http://%s", fake.host);

	far.host = (char *)"registry.invalid";
	far.unverified = true;
	setenv("http_proxy", proxy, 1);
	setenv("https_proxy", proxy, 1);
	get_manifest(&e, &far, "1");
	wait_end(&e);
	get_manifest(&here, &at, "1");
	wait_end(&here);
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	assert_good(&e);
	assert_good(&here);
	assert_int_equal(count_asked(&fake, "GET http://registry.invalid/v2/app/manifests/1"), 1);
	assert_int_equal(count_asked(&fake, "GET /v2/app/manifests/1"), 1);
}

/* Set all to value, or with NULL none. */
static void proxies(const char *const *names, const char *value)
{
	for (; *names; names++)
		if (value)
			setenv(*names, value, 1);
		else
			unsetenv(*names);
}

/* As Go's programs do: in capitals, too, but not in a CGI program, where HTTP_PROXY is what the visitor says. */
static void http_proxy_in_capitals_counts_but_in_a_cgi_program(void **state)
{
	static const char *const all[] = { "HTTPS_PROXY", "HTTP_PROXY", NULL }, *const cgi[] = { "REQUEST_METHOD", NULL };
	auto_end struct end plain = { 0 }, visited = { 0 };
	auto_free char *proxy = xasprintf("http://%s", fake.host);
	struct reg_place far = at, other;

	far.host = (char *)"registry.invalid";
	far.unverified = true;
	other = far;
	other.host = (char *)"other.invalid";
	proxies(all, proxy);
	get_manifest(&plain, &far, "1");
	wait_end(&plain);
	proxies(cgi, "GET");
	get_manifest(&visited, &other, "1");
	wait_end(&visited);
	proxies(cgi, NULL);
	proxies(all, NULL);
	assert_good(&plain);
	assert_int_equal(count_asked(&fake, "GET http://registry.invalid/v2/app/manifests/1"), 1);
	assert_bad(&visited, ERR_FAIL, "other.invalid");
	assert_int_equal(count_asked(&fake, "GET http://other.invalid"), 0);
}

static void a_proxy_that_fails_is_called_one(void **state)
{
	static const struct {
		const char *proxy, *no_proxy, *words, *none;
	} cases[] = {
		{ "http://me:secret@127.0.0.1:9", NULL, "the proxy '127.0.0.1' that https_proxy names: ", "secret" },
		{ "proxy.invalid:9", NULL, "the proxy 'proxy.invalid' that https_proxy names: ", "secret" },
		{ "http://127.0.0.1:9", "registry.invalid", "registry.invalid", "the proxy" },
	};
	static const char *const proxy[] = { "https_proxy", NULL }, *const except[] = { "no_proxy", NULL };
	struct reg_place far = at;

	far.host = (char *)"registry.invalid";
	far.plain_http = false;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		proxies(proxy, cases[i].proxy);
		proxies(except, cases[i].no_proxy);
		get_manifest(&e, &far, "1");
		wait_end(&e);
		proxies(proxy, NULL);
		proxies(except, NULL);
		assert_bad(&e, ERR_FAIL, cases[i].words);
		if (strstr(text_of(&e), cases[i].none) || !e.err.hint || !strstr(e.err.hint, cases[i].no_proxy ? "written" : "https_proxy"))
			fail_msg("case %zu: %s; %s", i, text_of(&e), e.err.hint ? e.err.hint : "no hint");
	}
}

/* ------------------------------------------------------------------ many at once, and ends that come early */

static void blobs_come_at_once_but_not_too_many(void **state)
{
	struct end e[10] = { 0 };
	auto_json json_t *all = NULL;
	const json_t *line;
	int64_t most = 0;
	int fd[10];
	size_t i;

	conf("{'rules': [{'on': 'blobs', 'rate': 2000000}]}");
	for (i = 0; i < 10; i++)
		get_blob(&e[i], &at, fd[i] = memory_file());
	for (i = 0; i < 10; i++) {
		assert_good(&e[i]);
		assert_is_blob(fd[i]);
		close(fd[i]);
		end_done(&e[i]);
	}
	all = log_of(&fake);
	json_array_foreach (all, i, line)
		if (jx_int(line, "active", 0) > most)
			most = jx_int(line, "active", 0);
	assert_int_equal(most, REG_PER_HOST);
}

static struct end *others;
static void cancel_all(void *arg, uint64_t bytes)
{
	for (int i = 0; i < 3; i++) {
		reg_cancel(others[i].call);
		others[i].call = NULL;
	}
}

static void a_callback_may_cancel_itself_and_others(void **state)
{
	struct end e[3] = { 0 };
	auto_end struct end last = { 0 };
	auto_close int fd = memory_file();

	others = e;
	for (int i = 0; i < 3; i++) {
		struct reg_blob b = { .at = &at, .digest = blob_digest, .size = BLOB_SIZE, .fd = fd, .progress = cancel_all,
			.done = on_end, .arg = &e[i] };

		assert_int_equal(reg_get_blob(reg, &b, &e[i].call, NULL), 0);
	}
	while (e[0].call)
		event_base_loop(base, EVLOOP_ONCE);
	get_manifest(&last, &at, "1");
	assert_good(&last);
	for (int i = 0; i < 3; i++)
		assert_false(e[i].come);
}

static void a_client_may_go_in_the_middle(void **state)
{
	struct end e = { 0 };
	auto_close int fd = memory_file();

	conf("{'rules': [{'on': 'blobs', 'stall': 100000}]}");
	get_blob(&e, &at, fd);
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	reg_cancel(e.call);
	get_blob(&e, &at, fd);
	event_base_loop(base, EVLOOP_ONCE);
	assert_false(e.come);
}

static void connections_are_not_inherited(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 };
	int sockets = 0;

	get_blob(&e, &at, fd);
	assert_good(&e);
	for (int i = 3; i < 256; i++) {
		struct stat st;

		if (fstat(i, &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		sockets++;
		if (i != fake.child.pidfd && !(fcntl(i, F_GETFD) & FD_CLOEXEC)) {
			int domain = 0;
			socklen_t n = sizeof domain;

			getsockopt(i, SOL_SOCKET, SO_DOMAIN, &domain, &n);
			assert_int_not_equal(domain, AF_INET);
		}
	}
	assert_true(sockets > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		reg_test(a_tag_is_got),
		reg_test(a_digest_is_got_and_compared),
		reg_test(a_tag_is_compared_with_what_the_head_says),
		reg_test(what_is_not_there_is_named),
		reg_test(head_tells_the_digest),
		reg_test(get_stands_in_for_head),
		reg_test(words_that_would_be_paths_start_nothing),
		reg_test(nonsense_has_an_end),
		reg_test(a_blob_is_got),
		reg_test(what_is_there_is_gone_on_with),
		reg_test(what_is_not_there_has_a_hint),
		reg_test(an_empty_blob_is_one_too),
		reg_test(a_full_disk_is_said),
		reg_test(the_proxy_of_the_environment_is_asked),
		reg_test(http_proxy_in_capitals_counts_but_in_a_cgi_program),
		reg_test(a_proxy_that_fails_is_called_one),
		reg_test(blobs_come_at_once_but_not_too_many),
		reg_test(a_callback_may_cancel_itself_and_others),
		reg_test(a_client_may_go_in_the_middle),
		reg_test(connections_are_not_inherited),
	};

	return cmocka_run_group_tests(tests, all_begin, all_end);
}
