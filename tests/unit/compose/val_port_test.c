/* val_port_test - the short form of a port. */
#include "fx.h"

#include "../../../compose/val.h"

static const struct {
	const char *text, *ip;
	unsigned target_min, target_max, published_min, published_max;
	bool published;
	const char *protocol;
} good[] = {
	{ "80", NULL, 80, 80, 0, 0, false, "tcp" },
	{ "4000-4002", NULL, 4000, 4002, 0, 0, false, "tcp" },
	{ "8080:80", NULL, 80, 80, 8080, 8080, true, "tcp" },
	{ "080:0081", NULL, 81, 81, 80, 80, true, "tcp" },
	{ "0:80", NULL, 80, 80, 0, 0, true, "tcp" },
	{ "9090-9091:8080-8081", NULL, 8080, 8081, 9090, 9091, true, "tcp" },
	{ "7000-7009:7000", NULL, 7000, 7000, 7000, 7009, true, "tcp" },
	{ "127.0.0.1:8443:443", "127.0.0.1", 443, 443, 8443, 8443, true, "tcp" },
	{ "127.0.0.1::6000", "127.0.0.1", 6000, 6000, 0, 0, false, "tcp" },
	{ "[::1]:8081:81", "::1", 81, 81, 8081, 8081, true, "tcp" },
	{ "[2001:db8::1]::81/udp", "2001:db8::1", 81, 81, 0, 0, false, "udp" },
	{ "[]:8081:81", NULL, 81, 81, 8081, 8081, true, "tcp" },
	{ "81/", NULL, 81, 81, 0, 0, false, "tcp" },
	{ "81/udp/tcp", NULL, 81, 81, 0, 0, false, "udp" },
	{ "1-3-9:81-83-", NULL, 81, 83, 1, 3, true, "tcp" },
	{ "0.0.0.0:1-3:4-6/SCTP", "0.0.0.0", 4, 6, 1, 3, true, "sctp" },
	{ ":80", NULL, 80, 80, 0, 0, false, "tcp" },
	{ "65535:65535/udp", NULL, 65535, 65535, 65535, 65535, true, "udp" },
};

static void test_good(void **state)
{
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct val_port p;
		char *why = NULL;

		if (val_port(fx->a, good[i].text, &p, &why) < 0)
			fail_msg("'%s': %s", good[i].text, why);
		if (good[i].ip)
			assert_string_equal(p.host_ip, good[i].ip);
		else
			assert_null(p.host_ip);
		assert_int_equal(p.target_min, good[i].target_min);
		assert_int_equal(p.target_max, good[i].target_max);
		assert_int_equal(p.published, good[i].published);
		assert_int_equal(p.published_min, good[i].published_min);
		assert_int_equal(p.published_max, good[i].published_max);
		assert_string_equal(p.protocol, good[i].protocol);
	}
}

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "no container port" },
	{ "80:", "no container port" },
	{ "http:80", "'http' is no host port" },
	{ "80800:80", "host port 80800 is out of range (1-65535)" },
	{ "80:65536", "container port 65536 is out of range (1-65535)" },
	{ "80:0", "container port 0 is out of range" },
	{ "99999999999999999999:80", "out of range" },
	{ "-1:80", "'-1' is no host port range" },
	{ "8000-8001:80-82", "different lengths" },
	{ "8001-8000:80", "runs backwards" },
	{ "localhost:80:80", "'localhost' is no IP address" },
	{ "1.2.3.4.5:80:80", "no IP address" },
	{ "::1:8081:81", "in brackets here: [::1]" },
	{ "[::1%eth0]:80:80", "no IP address" },
	{ "[[::1]]:80:80", "no IP address" },
	{ "/80", "unknown protocol '80'" },
	{ "80-", "'80-' is no container port range" },
	{ "80/icmp", "unknown protocol 'icmp'" },
	{ "80 :80", "'80 ' is no host port" },
};

static void test_bad(void **state)
{
	struct fx *fx = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct val_port p;
		char *why = NULL;

		if (val_port(fx->a, bad[i].text, &p, &why) == 0)
			fail_msg("'%s' was accepted", bad[i].text);
		if (!strstr(why, bad[i].why))
			fail_msg("'%s': '%s' does not say '%s'", bad[i].text, why, bad[i].why);
	}
}

static void test_range(void **state)
{
	struct fx *fx = *state;
	unsigned min, max;
	char *why;

	assert_int_equal(val_port_range(fx->a, "8083-8089", "host port", &min, &max, &why), 0);
	assert_int_equal(min, 8083);
	assert_int_equal(max, 8089);
	assert_int_equal(val_port_range(fx->a, "8083-", "host port", &min, &max, &why), -1);
	assert_int_equal(val_port_range(fx->a, "-", "host port", &min, &max, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { FX_TEST(test_good), FX_TEST(test_bad), FX_TEST(test_range) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
