/* A host as Docker leaves it: FORWARD drops what DOCKER-USER does not let through. */
#include "room.h"

#include "../../../src/util/buf.h"
#include "../../../src/util/proc.h"

#define PIN   NETNS "/web-1"
#define WORLD ROOM "/run/projects/lan/netns/world"

static const struct net front = {
	.name = (char *)"demo_front",
	.project = (char *)"demo",
	.bridge = "dvfront",
	.subnet = 0xac140000,
	.gateway = 0xac140001,
	.prefix = 16,
};
static const struct net lan = {
	.name = (char *)"lan",
	.bridge = "lan0",
	.subnet = 0x0a630000,
	.gateway = 0x0a630001,
	.prefix = 24,
};

static int run(int out, const char *const *argv)
{
	struct spawn s = { .argv = argv, .stdio = { -1, out, -1 } };
	struct child c;
	int status = -1;
	must(proc_spawn(&s, &c, err));
	must(proc_wait(&c, 5000, argv[0], &status, err));
	return status;
}

#define IPTABLES(...) assert_int_equal(run(-1, (const char *const[]){ "iptables", __VA_ARGS__, NULL }), 0)

static unsigned our_rules(void)
{
	static const char *const list[] = { "iptables", "-S", "DOCKER-USER", NULL };
	char text[8192] = "";
	unsigned n = 0;
	int fd = open(ROOM "/rules", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(run(fd, list), 0);
	assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
	close(fd);
	for (const char *p = text; (p = strstr(p, "\"davit demo\"")); p++)
		n++;
	assert_non_null(strstr(text, "-A DOCKER-USER -s 203.0.113.7/32 -j DROP"));
	return n;
}

static int setup(void **state)
{
	char text[256] = "";
	room_make(state);
	assert_int_equal(fw_is_shut(text, sizeof text), 0);
	IPTABLES("-P", "FORWARD", "DROP");
	assert_int_equal(fw_is_shut(text, sizeof text), 1);
	assert_non_null(strstr(text, "iptables -P FORWARD ACCEPT"));
	IPTABLES("-N", "ufw-user-forward");
	assert_int_equal(fw_is_shut(text, sizeof text), 1);
	assert_true(str_starts(text, "ufw drops"));
	IPTABLES("-N", "DOCKER-USER");
	assert_int_equal(fw_is_shut(text, sizeof text), 0);
	IPTABLES("-A", "DOCKER-USER", "-s", "203.0.113.7", "-j", "DROP");
	IPTABLES("-A", "DOCKER-USER", "-j", "RETURN");
	IPTABLES("-A", "FORWARD", "-j", "DOCKER-USER");
	return 0;
}

static void test_passes_docker(void **state)
{
	struct net_attach a[] = {
		{ .net = &front, .addr = 0xac140002, .ifname = "eth0", .default_route = true },
		{ .net = &lan, .addr = 0x0a630009, .ifname = "eth0", .default_route = true },
	};
	struct net_slot slots[] = {
		{ .netns_path = PIN, .attach = &a[0], .n_attach = 1 },
		{ .netns_path = WORLD, .attach = &a[1], .n_attach = 1 },
	};
	struct net_publish port = { .host_port = 8080, .target = 80, .addr = a[0].addr };
	struct fw_spec spec = {
		.project = "demo", .nets = &front, .n_nets = 1, .ports = &port, .n_ports = 1
	};
	for (int i = 0; i < 2; i++)
		net_mac(a[i].addr, a[i].mac);
	must(net_up(&front, err));
	must(net_up(&lan, err));
	must(net_slots_up(slots, 2, err));
	must(fw_apply(&spec, err));
	assert_int_equal(our_rules(), 3);
	must(fw_apply(&spec, err));
	assert_int_equal(our_rules(), 3);
	int home = visit(PIN), web = bound(SOCK_STREAM, "0.0.0.0", 80);
	leave(home);
	home = visit(WORLD);
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, web, NULL, 1000));
	int world = bound(SOCK_STREAM, "0.0.0.0", 81);
	leave(home);
	home = visit(PIN);
	assert_true(reaches(SOCK_STREAM, "10.99.0.9", 81, world, NULL, 1000));
	leave(home);
	must(fw_remove("demo", err));
	must(fw_remove("demo", err));
	assert_int_equal(our_rules(), 0);
	close(web);
	close(world);
	must(net_sweep(NETNS, "demo", err));
	must(net_sweep(ROOM "/run/projects/lan/netns", "lan", err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes_docker),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
