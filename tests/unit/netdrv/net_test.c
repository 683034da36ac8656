#include "room.h"

static const struct net front = {
	.name = (char *)"demo_front", .project = (char *)"demo", .bridge = "dvfront",
	.subnet = 0xac140000, .gateway = 0xac140001, .prefix = 16,
};
static const struct net inside = {
	.name = (char *)"demo_inside", .project = (char *)"demo", .bridge = "dvinside", .internal = true,
	.subnet = 0xac150000, .gateway = 0xac150001, .prefix = 16, .mtu = 1400,
};

static struct net_attach attach_to(const struct net *n, unsigned host, const char *ifname)
{
	struct net_attach a = { .net = n, .addr = n->subnet + host, .default_route = STREQ(ifname, "eth0") };
	snprintf(a.ifname, sizeof a.ifname, "%s", ifname);
	net_mac(a.addr, a.mac);
	return a;
}

static void test_two_slots_talk(void **state)
{
	struct net_attach a = attach_to(&front, 2, "eth0"), b = attach_to(&front, 3, "eth0");
	struct net_slot slots[] = {
		{ .netns_path = NETNS "/a-1", .attach = &a, .n_attach = 1 },
		{ .netns_path = NETNS "/b-1", .attach = &b, .n_attach = 1 },
	};
	must(net_up(&front, err));
	must(net_up(&front, err));
	must(net_slots_up(slots, 2, err));
	int home = visit(NETNS "/a-1");
	int tcp = bound(SOCK_STREAM, "0.0.0.0", 80), udp = bound(SOCK_DGRAM, "0.0.0.0", 53);
	leave(home);
	struct sockaddr_in from;
	assert_true(reaches(SOCK_STREAM, "172.20.0.2", 80, tcp, &from, 1000));
	assert_int_equal(ntohl(from.sin_addr.s_addr), front.gateway);
	home = visit(NETNS "/b-1");
	assert_true(reaches(SOCK_STREAM, "172.20.0.2", 80, tcp, &from, 1000));
	assert_int_equal(ntohl(from.sin_addr.s_addr), b.addr);
	assert_true(reaches(SOCK_DGRAM, "172.20.0.2", 53, udp, &from, 1000));
	leave(home);
	close(tcp);
	close(udp);
	must(net_slot_down(NETNS "/a-1", err));
	must(net_slot_down(NETNS "/a-1", err));
	must(net_slot_down(NETNS "/b-1", err));
	must(net_down(front.bridge, err));
	must(net_down(front.bridge, err));
	assert_int_equal(if_nametoindex(front.bridge), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_slots_talk),
	};
	return cmocka_run_group_tests(tests, room_make, NULL);
}
