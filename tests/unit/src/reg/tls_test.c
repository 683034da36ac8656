/* Certificates: which are taken, what is said of those that are not; and when plain http will do. */
#include "fake.h"
#include "made_certs.h"

static struct fake tls; /* started by each test that needs one */

static void start_tls(const char *name, const char *client_ca)
{
	auto_free char *crt = fake_path("%s.crt", name), *key = fake_path("%s.key", name), *ca = fake_path("%s", client_ca ? client_ca : "");
	const char *more[] = { "--tls", crt, key, client_ca ? "--client-ca" : NULL, ca, NULL };

	fake_start(&tls, "tls", "127.0.0.1", more);
	conf_of(&tls, "{}");
	log_clear(&tls);
	at = place(&tls, "app");
	at.plain_http = false;
}

static void prepare(void)
{
	auto_reg_env struct reg_env env = certs_env();
	auto_err struct err err = ERR_INIT;

	if (reg_prepare(reg, &env, &at, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static void manifest(struct end *e)
{
	get_manifest(e, &at, "1");
	wait_end(e);
}

static int stop_tls(void **state)
{
	if (tls.child.pid)
		fake_stop(&tls);
	tls = (struct fake){ 0 };
	return each_end(state);
}

#define tls_test(f) cmocka_unit_test_setup_teardown(f, each_begin, stop_tls)

static void an_authority_of_the_place_is_taken(void **state)
{
	auto_end struct end e = { 0 };

	start_tls("good", NULL);
	certs_for(tls.host, "ca.crt");
	prepare();
	manifest(&e);
	assert_good(&e);
}

static void an_authority_of_the_system_is_taken(void **state)
{
	auto_free char *ca = fake_path("ca.crt"), *nobody = fake_path("self.crt");
	auto_end struct end good = { 0 }, both = { 0 }, bad = { 0 };

	start_tls("good", NULL);
	setenv("SSL_CERT_FILE", ca, 1);
	manifest(&good);
	new_reg();
	certs_sh("cp self.crt one.crt");
	certs_for(tls.host, "one.crt");
	prepare();
	manifest(&both);
	setenv("SSL_CERT_FILE", nobody, 1);
	new_reg();
	manifest(&bad);
	unsetenv("SSL_CERT_FILE");
	assert_good(&good);
	assert_good(&both);
	assert_bad(&bad, ERR_PERM, "not an authority that is trusted here");
}

/* Nothing is asked of whoever shows them, and nothing is tried again; on loopback neither. */
static void what_is_wrong_with_a_certificate_is_said(void **state)
{
	static const struct {
		const char *name;
		bool trusted;
		const char *words;
	} cases[] = {
		{ "good", false, "authority', which is not an authority that is trusted here" },
		{ "self", false, "signed by nobody but itself" },
		{ "expired", true, "has expired (" },
		{ "name", true, "is for another name" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_end struct end e = { 0 };
		auto_free char *hint = NULL;

		start_tls(cases[i].name, NULL);
		at.plain_http = true;
		if (cases[i].trusted)
			certs_for(tls.host, "ca.crt");
		prepare();
		be(&at, "me", "secret");
		manifest(&e);
		assert_bad(&e, ERR_PERM, cases[i].words);
		hint = xasprintf("/etc/containers/certs.d/%s/ca.crt", tls.host);
		if (!cases[i].trusted)
			assert_true(strstr(e.err.hint, hint));
		assert_int_equal(count_asked(&tls, ""), 0);
		assert_null(told.p);
		fake_stop(&tls);
		tls.child.pid = 0;
	}
}

static void an_insecure_place_may_show_any(void **state)
{
	auto_end struct end e = { 0 };

	start_tls("expired", NULL);
	at.unverified = true;
	manifest(&e);
	assert_good(&e);
}

static void we_show_a_certificate_where_one_lies(void **state)
{
	auto_end struct end good = { 0 }, bad = { 0 };

	start_tls("good", "ca.crt");
	certs_for(tls.host, "ca.crt");
	prepare();
	manifest(&bad);
	assert_true(bad.err.kind);
	new_reg();
	certs_for(tls.host, "client.crt");
	certs_for(tls.host, "client.key");
	auto_free char *line = xasprintf("cd etc/containers/certs.d/%s; mv client.crt client.cert", tls.host);
	assert_int_equal(certs_sh(line), 0);
	prepare();
	manifest(&good);
	assert_good(&good);
}

static void https_does_not_lead_to_http(void **state)
{
	static const char *const ways[] = { "{'rules': [{'on': 'manifests', 'redirect': 'http://%s{path}'}]}",
		"{'rules': [{'on': 'manifests', 'redirect': 'HTTP://%s{path}'}]}" };

	start_tls("good", NULL);
	certs_for(tls.host, "ca.crt");
	prepare();
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		auto_end struct end e = { 0 };
		auto_buf struct buf b = BUF_INIT;
		const char *cut = strstr(ways[i], "%s");

		buf_add(&b, ways[i], (size_t)(cut - ways[i]));
		buf_str(&b, fake.host);
		buf_str(&b, cut + 2);
		conf_of(&tls, b.p);
		manifest(&e);
		assert_bad(&e, ERR_PROTO, "a redirect from https to http (127.0.0.1), which is not followed");
		assert_int_equal(count_asked(&fake, ""), 0);
	}
}

static void an_upload_does_not_lead_to_http(void **state)
{
	auto_end struct end e = { 0 };
	auto_close int fd = memory_file();
	struct reg_blob b = { .digest = blob_digest, .size = 0, .fd = fd, .done = on_end, .arg = &e };
	auto_free char *text = xasprintf("{'upload_location': 'http://%s'}", fake.host);

	start_tls("good", NULL);
	certs_for(tls.host, "ca.crt");
	prepare();
	conf_of(&tls, text);
	b.at = &at;
	assert_int_equal(reg_put_blob(reg, &b, NULL, &e.call, NULL), 0);
	assert_bad(&e, ERR_PROTO, "leads from https to http");
	assert_int_equal(count_asked(&fake, ""), 0);
}

/* A realm that speaks plain http to others than loopback would be told our password in the clear. */
static void a_realm_in_the_clear_is_refused(void **state)
{
	auto_end struct end e = { 0 };

	start_tls("good", NULL);
	certs_for(tls.host, "ca.crt");
	prepare();
	be(&at, "me", "secret");
	conf_of(&tls, "{'auth': 'bearer', 'realm': 'http://realm.invalid/token'}");
	manifest(&e);
	assert_bad(&e, ERR_PROTO, "(realm.invalid) speaks plain http");
}

static void plain_http_is_spoken_only_where_it_may_be(void **state)
{
	auto_end struct end good = { 0 }, bad = { 0 };

	get_manifest(&good, &at, "1");
	assert_good(&good);
	at.plain_http = false;
	get_manifest(&bad, &at, "1");
	wait_end(&bad);
	assert_true(bad.err.kind);
	assert_true(strstr(bad.err.hint, "--tls-verify=false"));
	assert_int_equal(count_asked(&fake, ""), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		tls_test(an_authority_of_the_place_is_taken),
		tls_test(an_authority_of_the_system_is_taken),
		tls_test(what_is_wrong_with_a_certificate_is_said),
		tls_test(an_insecure_place_may_show_any),
		tls_test(we_show_a_certificate_where_one_lies),
		tls_test(https_does_not_lead_to_http),
		tls_test(an_upload_does_not_lead_to_http),
		tls_test(a_realm_in_the_clear_is_refused),
		tls_test(plain_http_is_spoken_only_where_it_may_be),
	};

	return cmocka_run_group_tests(tests, all_begin_with_certs, all_end);
}
