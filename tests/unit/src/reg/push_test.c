/* What is pushed comes back: the fake registry, and Debian's docker-registry with TLS and htpasswd. */
#include "fake.h"
#include "made_certs.h"

static char push_digest[80];
static const char push_text[] = "what is pushed";
static int push_fd = -1;

static int begin(void **state)
{
	char hex[HASH_HEX_LEN + 1];
	auto_free char *data = fake_path("data/new");

	path_remove_tree(AT_FDCWD, data, NULL);
	hash_sha256_hex(push_text, strlen(push_text), hex);
	snprintf(push_digest, sizeof push_digest, "sha256:%s", hex);
	push_fd = memory_file();
	assert_int_equal(write(push_fd, push_text, strlen(push_text)), strlen(push_text));
	each_begin(state);
	at.ref.repository = (char *)"new";
	return 0;
}

static int end(void **state)
{
	close(push_fd);
	return each_end(state);
}

#define push_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

static uint64_t sent_bytes;
static void on_progress(void *arg, uint64_t bytes)
{
	sent_bytes = bytes;
}

static void put(struct end *e, const char *from)
{
	struct reg_blob b = { .at = &at, .digest = push_digest, .size = strlen(push_text), .fd = push_fd, .progress = on_progress,
		.done = on_end, .arg = e };
	auto_err struct err err = ERR_INIT;

	sent_bytes = 0;
	if (reg_put_blob(reg, &b, from, &e->call, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static void assert_came_back(void)
{
	struct reg_blob b = { .at = &at, .digest = push_digest, .size = strlen(push_text), .done = on_end };
	auto_close int fd = b.fd = memory_file();
	auto_end struct end e = { 0 };
	char text[64] = "";

	b.arg = &e;
	assert_int_equal(reg_get_blob(reg, &b, &e.call, NULL), 0);
	assert_good(&e);
	assert_int_equal(pread(fd, text, sizeof text, 0), strlen(push_text));
	assert_string_equal(text, push_text);
}

static void has(struct end *e)
{
	assert_int_equal(reg_has_blob(reg, &at, push_digest, on_end, e, &e->call, NULL), 0);
}

/* ------------------------------------------------------------------ the fake one */

static void a_blob_goes_up_and_comes_back(void **state)
{
	auto_end struct end before = { 0 }, e = { 0 }, after = { 0 };

	has(&before);
	assert_bad(&before, ERR_NOT_FOUND, "404 Not Found");
	put(&e, NULL);
	assert_good(&e);
	assert_int_equal(sent_bytes, strlen(push_text));
	assert_int_equal(count_asked(&fake, "POST /v2/new/blobs/uploads/"), 1);
	assert_int_equal(count_asked(&fake, "PUT /v2/new/blobs/uploads/?state=a%3Db&digest=sha256%3A"), 1);
	has(&after);
	assert_good(&after);
	assert_came_back();
}

static void a_large_blob_goes_up(void **state)
{
	auto_close int fd = memory_file();
	auto_end struct end e = { 0 }, back = { 0 };
	struct reg_blob b = { .at = &at, .digest = blob_digest, .size = BLOB_SIZE, .fd = fd, .done = on_end, .arg = &e };

	assert_int_equal(write(fd, blob_text, BLOB_SIZE), BLOB_SIZE);
	assert_int_equal(reg_put_blob(reg, &b, NULL, &e.call, NULL), 0);
	assert_good(&e);
	assert_int_equal(ftruncate(fd, 0), 0);
	get_blob(&back, &at, fd);
	assert_good(&back);
	assert_is_blob(fd);
}

static void a_blob_is_mounted_where_that_works(void **state)
{
	auto_end struct end mounted = { 0 }, sent = { 0 };
	char digest[80];

	fake_blob("base", push_text, strlen(push_text), digest);
	conf("{'mount': true, 'auth': 'bearer'}");
	put(&mounted, "base");
	assert_good(&mounted);
	assert_int_equal(count_asked(&fake, "POST /v2/new/blobs/uploads/?mount=sha256%3A"), 2);
	assert_int_equal(count_asked(&fake, "/token?service=fake&scope=repository%3Anew%3Apull%2Cpush&scope=repository%3Abase%3Apull"), 1);
	assert_int_equal(count_asked(&fake, "PUT"), 0);
	assert_came_back();
	conf("{}");
	put(&sent, "base");
	assert_good(&sent);
	assert_int_equal(count_asked(&fake, "PUT"), 1);
}

static void an_upload_that_breaks_off_begins_anew(void **state)
{
	static const struct {
		const char *rule;
		int posts, puts; /* 0: libcurl may try again by itself where a kept connection turns out to be dead */
	} cases[] = {
		{ "'on': 'PUT', 'status': 503, 'times': 1", 2, 2 },
		{ "'on': 'PUT', 'reset': 3, 'times': 2", 0, 0 },
		{ "'on': 'PUT', 'status': 404, 'times': 1", 2, 2 },
		{ "'on': 'POST', 'status': 500, 'times': 1", 2, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		conf("{'rules': [{%s}]}", cases[i].rule);
		log_clear(&fake);
		put(&e, NULL);
		assert_good(&e);
		if (cases[i].posts && (count_asked(&fake, "POST") != cases[i].posts || count_asked(&fake, "PUT") != cases[i].puts))
			fail_msg("%s: %d and %d", cases[i].rule, count_asked(&fake, "POST"), count_asked(&fake, "PUT"));
		assert_came_back();
	}
}

static void an_upload_that_cannot_be_has_an_end(void **state)
{
	static const struct {
		const char *conf, *words;
	} cases[] = {
		{ "{'rules': [{'on': 'PUT', 'status': 500}]}", "tried 6 times: 500" },
		{ "{'rules': [{'on': 'PUT', 'status': 404}]}", "404 Not Found" },
		{ "{'rules': [{'on': 'PUT', 'status': 413}]}", "413 Content Too Large" },
		{ "{'rules': [{'on': 'POST', 'status': 202}]}", "does not say where it wants it" },
		{ "{'upload_location': 'ftp://127.0.0.1'}", "neither http nor https" },
		{ "{'rules': [{'on': 'POST', 'status': 302, 'redirect': '/x'}]}", "a redirect that loses what is sent" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };

		conf("%s", cases[i].conf);
		put(&e, NULL);
		wait_end(&e);
		if (!strstr(text_of(&e), cases[i].words))
			fail_msg("case %zu: '%s' is not in '%s'", i, cases[i].words, text_of(&e));
	}
}

/* What is sent may take long; what is said to it may not. */
static void an_answer_to_an_upload_that_drips_has_an_end(void **state)
{
	static const char *const on[] = { "POST .*uploads", "PUT .*uploads" };

	new_reg_with(20, 20, 300);
	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		auto_end struct end e = { 0 };

		conf("{'rules': [{'on': '%s', 'status': 201, 'rate': 20, 'body': '%0200d'}]}", on[i], 0);
		put(&e, NULL);
		assert_bad(&e, ERR_TIMEOUT, "tried 2 times: too slow: ");
		assert_true(strstr(text_of(&e), " bytes in 0.3 s (") && strstr(text_of(&e), " of the 200 of its answer so far)"));
	}
}

static void a_file_that_is_too_short_is_not_sent(void **state)
{
	auto_end struct end e = { 0 };

	assert_int_equal(ftruncate(push_fd, 3), 0);
	put(&e, NULL);
	assert_bad(&e, ERR_FAIL, "what is to be sent is shorter than it should be");
}

static void an_upload_elsewhere_is_not_told_who_we_are(void **state)
{
	auto_end struct end e = { 0 };
	auto_free char *auth = NULL;
	struct fake other;

	fake_start(&other, "two", "127.0.0.2", NULL);
	conf_of(&other, "{}");
	conf("{'auth': 'basic', 'user': 'me', 'password': 'x', 'upload_location': 'http://%s'}", other.host);
	be(&at, "me", "x");
	put(&e, NULL);
	assert_good(&e);
	auth = field_of(&other, "PUT", 0, "authorization");
	fake_stop(&other);
	assert_null(auth);
	assert_came_back();
}

static void put_manifest(struct end *e, const char *tag, const char *text)
{
	assert_int_equal(reg_put_manifest(reg, &at, tag, "application/vnd.oci.image.manifest.v1+json", text, strlen(text), on_end, e,
				 &e->call, NULL), 0);
}

static void a_manifest_goes_up_and_comes_back(void **state)
{
	auto_end struct end e = { 0 }, back = { 0 };
	auto_free char *type = NULL;

	conf("{'auth': 'bearer', 'rules': [{'on': 'PUT', 'status': 502, 'times': 1}]}");
	put_manifest(&e, "v1", "{\"schemaVersion\": 2}");
	assert_good(&e);
	type = field_of(&fake, "PUT /v2/new/manifests/v1", 0, "content-type");
	assert_string_equal(type, "application/vnd.oci.image.manifest.v1+json");
	get_manifest(&back, &at, "v1");
	assert_good(&back);
	assert_string_equal(back.text.p, "{\"schemaVersion\": 2}");
}

/* ------------------------------------------------------------------ a real one */

/* The hash of "secret" by bcrypt, which is all that it takes. */
static const char htpasswd[] = "me:$2b$04$RJUCxDBe/GecRBzB0Pg6SOLkmhKu/V0W9uo1pMHzF6sPkZZ/GfNjG\n";

static unsigned free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof a;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void wait_for_port(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int64_t until = clock_mono_in(WAIT_S * 1000);
	int r;

	do {
		auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		r = connect(fd, (struct sockaddr *)&a, sizeof a);
		usleep(r < 0 ? 10000 : 0);
	} while (r < 0 && clock_mono_ns() < until);
	assert_int_equal(r, 0);
}

static void start_real(struct fake *f)
{
	auto_free char *conf_file = fake_path("real.yml"), *log = fake_path("real.log");
	auto_close int out = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	const char *argv[] = { "docker-registry", "serve", conf_file, NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, out, out }, .die_with_parent = true };
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	f->port = free_port();
	snprintf(f->name, sizeof f->name, "real");
	snprintf(f->host, sizeof f->host, "127.0.0.1:%u", f->port);
	buf_printf(&b, "version: 0.1\nstorage: {filesystem: {rootdirectory: %s/real}}\n", fake_top);
	buf_printf(&b, "http: {addr: '%s', tls: {certificate: %s/good.crt, key: %s/good.key}}\n", f->host, fake_top, fake_top);
	buf_printf(&b, "auth: {htpasswd: {realm: here, path: %s/htpasswd}}\n", fake_top);
	fake_write("real.yml", b.p, b.len);
	fake_write("htpasswd", htpasswd, strlen(htpasswd));
	if (proc_spawn(&s, &f->child, &err) < 0)
		fail_msg("%s", err_msg(&err));
	wait_for_port(f->port);
}

static void docker_registry_takes_and_gives(void **state)
{
	auto_reg_env struct reg_env env = certs_env();
	auto_end struct end wrong = { 0 }, e = { 0 }, sent = { 0 }, back = { 0 }, text = { 0 }, there = { 0 };
	auto_free char *manifest = NULL;
	struct fake real;

	start_real(&real);
	certs_for(real.host, "ca.crt");
	at = place(&real, "some/where");
	assert_int_equal(reg_prepare(reg, &env, &at, NULL), 0);
	be(&at, "me", "wrong");
	assert_int_equal(reg_try_login(reg, &at, on_end, &wrong, &wrong.call, NULL), 0);
	assert_bad(&wrong, ERR_PERM, "401 Unauthorized");
	be(&at, "me", "secret");
	put(&e, NULL);
	assert_good(&e);
	has(&there);
	assert_good(&there);
	assert_came_back();
	manifest = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
			     "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[]}",
		push_digest, strlen(push_text));
	put_manifest(&sent, "v1", manifest);
	assert_good(&sent);
	get_manifest(&back, &at, "v1");
	assert_good(&back);
	assert_string_equal(back.text.p, manifest);
	assert_int_equal(reg_head_manifest(reg, &at, "v1", on_doc, &text, &text.call, NULL), 0);
	assert_good(&text);
	assert_string_equal(text.hex, back.hex);
	fake_stop(&real);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		push_test(a_blob_goes_up_and_comes_back),
		push_test(a_large_blob_goes_up),
		push_test(a_blob_is_mounted_where_that_works),
		push_test(an_upload_that_breaks_off_begins_anew),
		push_test(an_upload_that_cannot_be_has_an_end),
		push_test(an_answer_to_an_upload_that_drips_has_an_end),
		push_test(a_file_that_is_too_short_is_not_sent),
		push_test(an_upload_elsewhere_is_not_told_who_we_are),
		push_test(a_manifest_goes_up_and_comes_back),
		push_test(docker_registry_takes_and_gives),
	};

	return cmocka_run_group_tests(tests, all_begin_with_certs, all_end);
}
