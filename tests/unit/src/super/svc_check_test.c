/* What this host cannot do for a service: all of it is said, each with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "../../../../src/super/svc_check.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/mem.h"

#define T(text) ((char *)(text))   /* the model is the arena's, and never written to */

static void note(void *arg, const char *where, bool is_key, struct err *why)
{
	buf_printf(arg, "%s%s: %s\n", where, is_key ? " (key)" : "", err_msg(why));
}

static void expect(const struct project *m, const struct service *svc, const char *want)
{
	auto_buf struct buf got = BUF_INIT;

	svc_check(m, svc, note, &got);
	assert_string_equal(got.p ? got.p : "", want);
}

static void nothing_is_said_of_what_can_be_had(void **state)
{
	struct project m = { 0 };
	struct service svc = { .name = T("web"), .network_mode = T("container:other"), .log_driver = T("gelf") };

	expect(&m, &svc, "");
}

static void all_is_said(void **state)
{
	char *dns[] = { T("127.0.0.1"), T("nowhere"), T("::g"), NULL };
	struct host_entry hosts[] = { { T("a"), T("host-gateway") }, { T("b"), T("1.2.3") } };
	struct service_network net = { .network = T("front"), .mac_address = T("02:00") };
	struct kv options[] = { { T("max-file"), T("0") }, { T("max-sise"), T("1m") } };
	struct file_object key = { .key = T("key"), .environment = T("UNSET") };
	struct file_ref ref = { .source = T("key") };
	struct project m = { .secrets = &key, .n_secrets = 1 };
	struct service svc = {
		.name = T("web"), .network_mode = T("brigde"), .mac_address = T("x"), .networks = &net, .n_networks = 1, .secrets = &ref, .n_secrets = 1,
		.dns = { .v = dns, .n = 3 }, .extra_hosts = hosts, .n_extra_hosts = 2, .container_name = T("a b"), .limits = { .cpus = -1, .shm_bytes = -5 },
		.restart_unknown = T("alwys"), .restart_place = "restart", .stop_signal = T("SIGNONE"), .log_options = { options, 2 },
		.healthcheck = { .given = true, .interval_ns = 5, .timeout_ns = -1, .start_period_ns = 1000000 },
	};
	auto_buf struct buf got = BUF_INIT;

	svc_check(&m, &svc, note, &got);
	assert_string_equal(strchr(strstr(got.p, "cpus: "), '\n') + 1,
			    "shm_size: a size of -5 bytes cannot be had\n"
			    "restart: 'alwys' is no restart policy (no, always, on-failure[:N], unless-stopped)\n"
			    "stop_signal: there is no signal 'SIGNONE'\n"
			    "healthcheck/interval: the health check's interval cannot be less than 1ms\n"
			    "logging/options/max-file: log option max-file '0' is not a number from 1 to 1000\n"
			    "logging/options/max-sise (key): log driver 'json-file' has no option 'max-sise'\n");
	*strstr(got.p, "cpus: ") = 0;
	assert_string_equal(got.p, "network_mode: network mode 'brigde' is not known\n"
				   "secrets/0: environment variable 'UNSET' required by secret 'key' is not set\n"
				   "mac_address: 'x' is not a MAC address\n"
				   "networks/front/mac_address: '02:00' is not a MAC address\n"
				   "dns/1: 'nowhere' is not the address of a DNS server\n"
				   "dns/2: '::g' is not the address of a DNS server\n"
				   "extra_hosts/1: '1.2.3' is not an IP address\n"
				   "container_name: 'a b' is no name for a container (letters, digits, then also '_', '.', '-')\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_of_what_can_be_had),
		cmocka_unit_test(all_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
