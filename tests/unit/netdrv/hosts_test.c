#include "room.h"

static void check(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

#define FIXED                                                                                                \
	"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n"            \
	"ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

static void test_hosts(void **state)
{
	static const uint32_t addrs[] = { 0xac120002, 0xac130002 };
	static const struct hosts_entry extra[] = { { "db.example", "10.0.0.1" }, { "six", "fd00::1" } };
	check(hosts_text("web", NULL, addrs, 2, extra, 2),
		FIXED "10.0.0.1\tdb.example\nfd00::1\tsix\n172.18.0.2\tweb\n172.19.0.2\tweb\n");
	check(hosts_text("web", "example.org", addrs, 1, NULL, 0), FIXED "172.18.0.2\tweb.example.org web\n");
	check(hosts_text("web", NULL, NULL, 0, NULL, 0), FIXED);
	check(hosts_text(NULL, NULL, addrs, 1, NULL, 0), FIXED);
}

static void test_resolv(void **state)
{
	static const char *const servers[] = { "1.1.1.1", "fd00::53", NULL },
				 *const search[] = { "a.example", "b", NULL },
				 *const options[] = { "ndots:2", "rotate", NULL };
	check(resolv_text(true, servers, NULL, NULL), "nameserver 127.0.0.11\noptions ndots:0\n");
	check(resolv_text(true, NULL, search, options),
		"nameserver 127.0.0.11\nsearch a.example b\noptions ndots:2 rotate\n");
	check(resolv_text(false, servers, search, NULL),
		"nameserver 1.1.1.1\nnameserver fd00::53\nsearch a.example b\n");
	check(resolv_text(true, NULL, NULL, options + 1), "nameserver 127.0.0.11\noptions rotate ndots:0\n");
	check(resolv_text(false, NULL, NULL, options + 1), "options rotate\n");
	check(resolv_text(false, NULL, NULL, NULL), "");
}

static void test_addresses(void **state)
{
	char text[16];
	uint32_t addr;
	uint8_t mac[6];
	assert_int_equal(net_addr_parse("172.18.0.255", &addr), 0);
	assert_int_equal(addr, 0xac1200ff);
	net_addr_format(addr, text);
	assert_string_equal(text, "172.18.0.255");
	static const char *const wrong[] = { "", "1.2.3", "1.2.3.4.5", "1.2.3.256", " 1.2.3.4", "1.2.3.4/8",
		"::1" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(net_addr_parse(wrong[i], &addr), -1);
	net_mac(0xac1200ff, mac);
	assert_memory_equal(mac, "\x02\x42\xac\x12\x00\xff", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_resolv),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
