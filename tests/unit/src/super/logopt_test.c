/* `logging:` of a service: what is refused, what it comes to, and the messages that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../../../src/super/logopt.h"
#include "../../../../src/super/logtag.h"
#include "../../../../src/super/shipaddr.h"
#include "../../../../src/super/shipfmt.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
static const struct log_who web = { .id = ID, .name = "demo-web-1", .image = "nginx:1", .image_id = "sha256:fedcba9876543210" };

static struct service service(const char *driver, struct kv *options, size_t n)
{
	return (struct service){ .log_driver = (char *)driver, .log_options = { .v = options, .n = n } };
}

static void expect_refused(const char *driver, const char *key, const char *value, const char *words)
{
	struct kv o[] = { { .key = (char *)key, .value = (char *)value } };
	struct service svc = service(driver, o, 1);
	auto_err struct err err = ERR_INIT;

	assert_int_not_equal(logopt_check_option(&svc, 0, &err), 0);
	if (!strstr(err_msg(&err), words))
		fail_msg("'%s' is not in: %s", words, err_msg(&err));
}

static void expect_fine(const char *driver, const char *key, const char *value)
{
	struct kv o[] = { { .key = (char *)key, .value = (char *)value } };
	struct service svc = service(driver, o, 1);
	auto_err struct err err = ERR_INIT;

	if (logopt_check_driver(&svc, &err) < 0 || logopt_check_option(&svc, 0, &err) != 0)
		fail_msg("%s", err_msg(&err));
}

static void options_are_known_or_refused(void **state)
{
	static const char *const all[] = { NULL, "", "json-file", "local", "journald", "syslog" };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		expect_fine(all[i], "mode", "non-blocking");
		expect_fine(all[i], "max-buffer-size", "4m");
		expect_refused(all[i], "mode", "other", "blocking");
		expect_refused(all[i], "no-such", "x", "has no option 'no-such'");
	}
	expect_fine(NULL, "max-size", "10m");
	expect_fine("local", "compress", "true");
	expect_refused("json-file", "max-size", "ten", "not a size");
	expect_refused("json-file", "max-size", "0", "not a size");
	expect_refused("syslog", "max-size", "10m", "has no option");
	expect_refused("local", "tag", "x", "has no option");
	expect_fine("gelf", "gelf-address", "udp://x:1");
	expect_fine("none", "whatever", "x");
	expect_refused("syslog", "syslog-tls-key", "/k", "TLS");
	expect_fine("grafana/loki-docker-driver:latest", "x", "y");
	assert_true(logopt_known_driver(NULL) && logopt_known_driver("none") && !logopt_known_driver("gelf"));
}

static void drivers_are_known_or_refused(void **state)
{
	struct service svc = service("jounald", NULL, 0);
	auto_err struct err err = ERR_INIT, far = ERR_INIT;

	assert_int_equal(logopt_check_driver(&svc, &err), -1);
	assert_string_equal(err_msg(&err), "there is no log driver 'jounald'");
	assert_string_equal(err.hint, "did you mean 'journald'?");
	svc = service("something-else", NULL, 0);
	assert_int_equal(logopt_check_driver(&svc, &far), -1);
	assert_string_equal(far.hint, "there are json-file, local, journald, syslog and none");
}

static void tags(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "plain", "plain" }, { "{{.ID}}", "0123456789ab" }, { "{{ .Name }}-{{.FullID}}", "demo-web-1-" ID },
		{ "{{.FullName}}", "/demo-web-1" }, { "{{.ImageName}} {{.ImageID}}", "nginx:1 fedcba987654" },
		{ "a}}b", "a}}b" }, { "{{.DaemonName}}", "davit" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = log_tag(cases[i].text, &web, NULL);
		assert_string_equal(got, cases[i].want);
	}
	assert_null(log_tag("{{.Nmae}}", &web, NULL));
	assert_null(log_tag("{{.Name", &web, NULL));
	assert_null(log_tag("{{}}", &web, NULL));
}

static void addresses(void **state)
{
	static const struct {
		const char *text, *host, *port, *path;
		int type;
	} good[] = {
		{ NULL, NULL, "514", NULL, SOCK_DGRAM }, { "udp://h", "h", "514", NULL, SOCK_DGRAM },
		{ "tcp://10.0.0.1:601", "10.0.0.1", "601", NULL, SOCK_STREAM }, { "tcp://[::1]:9/", "::1", "9", NULL, SOCK_STREAM },
		{ "unix:///run/x", NULL, "514", "/run/x", SOCK_STREAM }, { "unixgram:///dev/log", NULL, "514", "/dev/log", SOCK_DGRAM },
	};
	static const char *const bad[] = { "tcp+tls://h:1", "h:514", "udp://", "udp://:514", "udp://h:70000", "udp://h:", "udp://[::1",
					   "unix://relative", "tcp://h:1x" };
	struct ship_addr a;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(ship_addr_parse(good[i].text, &a, NULL), 0);
		assert_true(str_eq(a.host, good[i].host) && str_eq(a.path, good[i].path));
		assert_string_equal(a.port, good[i].port);
		assert_int_equal(a.type, good[i].type);
		ship_addr_done(&a);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ship_addr_parse(bad[i], &a, NULL), -1);
}

static void journald_messages(void **state)
{
	struct kv o[] = { { .key = (char *)"labels", .value = (char *)"a.b,x" }, { .key = (char *)"env-regex", .value = (char *)"^C" } };
	struct service svc = service("journald", o, 2);
	auto_json json_t *labels = json_pack("{s:s, s:s, s:s}", "a.b", "two\nlines", "a", "no", "__x", "no");
	auto_strs struct strs env = STRS_INIT;
	struct log_who who = web;
	struct log_ship s;
	auto_buf struct buf got = BUF_INIT;
	static const char want[] = "MESSAGE=he\0lo\nPRIORITY=3\nCONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=" ID
				   "\nCONTAINER_NAME=demo-web-1\nCONTAINER_TAG=0123456789ab\nIMAGE_NAME=nginx:1\n"
				   "SYSLOG_IDENTIFIER=0123456789ab\nSYSLOG_TIMESTAMP=1970-01-01T00:00:01.000000000Z\n"
				   "CONTAINER_PARTIAL_MESSAGE=true\nA_B\n\x09\0\0\0\0\0\0\0two\nlines\nCOLOUR=red\n";

	strs_add(&env, "COLOUR=red");
	strs_add(&env, "SHAPE=round");
	who.labels = labels;
	who.env = &env;
	assert_int_equal(logopt_ship(&svc, &who, &s, NULL), 0);
	ship_format_journald(&s, &who, &(struct ship_msg){ .text = "he\0lo", .len = 5, .stream = 2, .at_ns = SEC_NS, .partial = true }, &got);
	assert_int_equal(got.len, sizeof want - 1);
	assert_memory_equal(got.p, want, got.len);
	log_ship_done(&s);
}

/* Before and after the process id. */
static void expect_syslog(const char *format, const char *head, const char *rest)
{
	struct kv o[] = { { .key = (char *)"tag", .value = (char *)"t" }, { .key = (char *)"syslog-format", .value = (char *)format },
			  { .key = (char *)"syslog-facility", .value = (char *)"local0" } };
	struct service svc = service("syslog", o, format ? 3 : 1);
	auto_free char *full = xasprintf("%s%d%s", head, (int)getpid(), rest);
	auto_json json_t *j = NULL;
	auto_buf struct buf got = BUF_INIT;
	struct log_ship s, same;

	assert_int_equal(logopt_ship(&svc, &web, &s, NULL), 0);
	j = log_ship_to_json(&s);
	log_ship_from_json(j, &same);    /* what the launch record keeps is all of it */
	ship_format_syslog(&same, "h", &(struct ship_msg){ .text = "hello", .len = 5, .stream = 1, .at_ns = SEC_NS / 4 }, &got);
	assert_string_equal(got.p, full);
	log_ship_done(&s);
	log_ship_done(&same);
}

static void syslog_messages(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	expect_syslog(NULL, "<30>Jan  1 00:00:00 t[", "]: hello\n");
	expect_syslog("rfc3164", "<134>Jan  1 00:00:00 h t[", "]: hello\n");
	expect_syslog("rfc5424", "<134>1 1970-01-01T00:00:00Z h t ", " t - hello\n");
	expect_syslog("rfc5424micro", "<134>1 1970-01-01T00:00:00.250000Z h t ", " t - hello\n");
}

static void nothing_is_sent_without_a_driver(void **state)
{
	struct service svc = service(NULL, NULL, 0);
	struct log_ship s;

	assert_int_equal(logopt_ship(&svc, &web, &s, NULL), 0);
	assert_int_equal(s.to, SHIP_NOWHERE);
	assert_null(log_ship_to_json(&s));
	log_ship_from_json(NULL, &s);
	assert_int_equal(s.to, SHIP_NOWHERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_known_or_refused),
		cmocka_unit_test(drivers_are_known_or_refused), cmocka_unit_test(tags), cmocka_unit_test(addresses),
		cmocka_unit_test(journald_messages), cmocka_unit_test(syslog_messages), cmocka_unit_test(nothing_is_sent_without_a_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
