#include "room.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "../../../netdrv/nls.h"
#include "../../../netdrv/owner.h"

static const struct net front = {
	.name = (char *)"demo_front",
	.project = (char *)"demo",
	.bridge = "dvfront",
	.subnet = 0xac140000,
	.gateway = 0xac140001,
	.prefix = 16,
};
static const struct net inside = {
	.name = (char *)"demo_inside",
	.project = (char *)"demo",
	.bridge = "dvinside",
	.internal = true,
	.subnet = 0xac150000,
	.gateway = 0xac150001,
	.prefix = 16,
	.mtu = 1400,
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

/* demo: web and api on front, db inside; other: a project with a bridge of its own; outside: the world beyond
 * the host. */
static const struct net other = {
	.name = (char *)"other_net",
	.project = (char *)"other",
	.bridge = "dvother",
	.subnet = 0xac160000,
	.gateway = 0xac160001,
	.prefix = 16,
};
static const struct net uplink = {
	/* a bridge stands for the LAN: its far end is a "host" without davit's rules */
	.name = (char *)"lan",
	.project = (char *)"lan",
	.bridge = "lan0",
	.subnet = 0x0a630000,
	.gateway = 0x0a630001,
	.prefix = 24,
};

struct stage {
	struct net_attach web, api, db[2], alien, world;
	int web_tcp, web_udp, db_tcp, world_tcp;
};
static struct stage stage;

static int listen_in(const char *pin, int type, unsigned port)
{
	int home = visit(pin);
	int fd = bound(type, "0.0.0.0", port);
	assert_true(fd >= 0);
	leave(home);
	return fd;
}

static int stage_up(void **state)
{
	struct stage *s = &stage;
	s->web = attach_to(&front, 2, "eth0");
	s->api = attach_to(&front, 3, "eth0");
	s->db[0] = attach_to(&inside, 2, "eth0");
	s->db[1] = attach_to(&inside, 3, "eth0");
	s->alien = attach_to(&other, 2, "eth0");
	s->world = attach_to(&uplink, 9, "eth0");
	struct net_slot slots[] = {
		{ .netns_path = NETNS "/web-1", .attach = &s->web, .n_attach = 1 },
		{ .netns_path = NETNS "/api-1", .attach = &s->api, .n_attach = 1 },
		{ .netns_path = NETNS "/db-1", .attach = &s->db[0], .n_attach = 1 },
		{ .netns_path = NETNS "/db-2", .attach = &s->db[1], .n_attach = 1 },
		{ .netns_path = ROOM "/run/projects/other/netns/x-1", .attach = &s->alien, .n_attach = 1 },
		{ .netns_path = ROOM "/run/projects/lan/netns/world", .attach = &s->world, .n_attach = 1 },
	};
	const struct net nets[] = { front, inside };
	const struct net_publish ports[] = {
		{ .host_port = 8080, .target = 80, .addr = s->web.addr },
		{ .host_port = 5353, .target = 53, .addr = s->web.addr, .udp = true },
		{ .host_addr = 0x7f000001, .host_port = 8081, .target = 80, .addr = s->web.addr },
		{ .host_addr = uplink.gateway, .host_port = 8082, .target = 80, .addr = s->web.addr },
		{ .host_port = 8083, .target = 80, .addr = s->db[0].addr },
		{ .host_port = 8084, .target = 80, .addr = s->web.addr },
		{ .host_port = 8084, .target = 80, .addr = s->api.addr },
		{ .host_addr = 0x7f000001, .host_port = 8085, .target = 80, .addr = s->api.addr },
		{ .host_addr = 0x7f000001, .host_port = 8085, .target = 80, .addr = s->web.addr },
	};
	struct fw_spec demo = {
		.project = "demo", .nets = nets, .n_nets = 2, .ports = ports, .n_ports = ARRAY_LEN(ports)
	};
	struct fw_spec others = { .project = "other", .nets = &other, .n_nets = 1 };
	must(net_up(&front, err));
	must(net_up(&inside, err));
	must(net_up(&other, err));
	must(net_up(&uplink, err));
	must(net_slots_up(slots, ARRAY_LEN(slots), err));
	must(fw_apply(&demo, err));
	must(fw_apply(&demo, err));
	must(fw_apply(&others, err));
	s->web_tcp = listen_in(NETNS "/web-1", SOCK_STREAM, 80);
	s->web_udp = listen_in(NETNS "/web-1", SOCK_DGRAM, 53);
	s->db_tcp = listen_in(NETNS "/db-1", SOCK_STREAM, 80);
	s->world_tcp = listen_in(ROOM "/run/projects/lan/netns/world", SOCK_STREAM, 80);
	return 0;
}

static int stage_down(void **state)
{
	close(stage.web_tcp);
	close(stage.web_udp);
	close(stage.db_tcp);
	close(stage.world_tcp);
	must(net_sweep(NETNS, "demo", err));
	must(net_sweep(ROOM "/run/projects/other/netns", "other", err));
	must(net_sweep(ROOM "/run/projects/lan/netns", "lan", err));
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i->if_index; i++)
		assert_false(str_starts(i->if_name, "dv"));
	if_freenameindex(all);
	return 0;
}

enum { SOON = 1000, NEVER = 40 };

static void test_published_from_the_host(void **state)
{
	struct sockaddr_in from;
	assert_true(reaches(SOCK_STREAM, "127.0.0.1", 8080, stage.web_tcp, &from, SOON));
	assert_int_equal(ntohl(from.sin_addr.s_addr), front.gateway);
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, stage.web_tcp, NULL, SOON));
	assert_true(reaches(SOCK_STREAM, "172.20.0.1", 8080, stage.web_tcp, NULL, SOON));
	assert_true(reaches(SOCK_DGRAM, "127.0.0.1", 5353, stage.web_udp, NULL, SOON));
	assert_true(reaches(SOCK_DGRAM, "10.99.0.1", 5353, stage.web_udp, NULL, SOON));
	assert_true(reaches(SOCK_STREAM, "127.0.0.1", 8081, stage.web_tcp, NULL, SOON));
	assert_false(reaches(SOCK_STREAM, "10.99.0.1", 8081, stage.web_tcp, NULL, NEVER));
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8082, stage.web_tcp, NULL, SOON));
	assert_false(reaches(SOCK_STREAM, "127.0.0.1", 8082, stage.web_tcp, NULL, NEVER));
}

static void test_published_to_the_world(void **state)
{
	struct sockaddr_in from;
	int home = visit(ROOM "/run/projects/lan/netns/world");
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, stage.web_tcp, &from, SOON));
	assert_int_equal(ntohl(from.sin_addr.s_addr), stage.world.addr);
	assert_true(reaches(SOCK_DGRAM, "10.99.0.1", 5353, stage.web_udp, NULL, SOON));
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8082, stage.web_tcp, NULL, SOON));
	assert_false(reaches(SOCK_STREAM, "10.99.0.1", 8081, stage.web_tcp, NULL, NEVER));
	/* what was not published is not reached by routing either */
	assert_false(reaches(SOCK_STREAM, "172.20.0.2", 80, stage.web_tcp, NULL, NEVER));
	/* nor is an internal network, published or not */
	assert_false(reaches(SOCK_STREAM, "10.99.0.1", 8083, stage.db_tcp, NULL, NEVER));
	leave(home);
}

static void test_hairpin(void **state)
{
	struct sockaddr_in from;
	int home = visit(NETNS "/api-1");
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, stage.web_tcp, NULL, SOON));
	assert_true(reaches(SOCK_STREAM, "172.20.0.1", 8080, stage.web_tcp, NULL, SOON));
	assert_true(reaches(SOCK_DGRAM, "10.99.0.1", 5353, stage.web_udp, NULL, SOON));
	leave(home);
	/* a container by way of its own published port */
	home = visit(NETNS "/web-1");
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, stage.web_tcp, NULL, SOON));
	leave(home);
	/* another project by way of the host; directly it must not */
	home = visit(ROOM "/run/projects/other/netns/x-1");
	assert_true(reaches(SOCK_STREAM, "10.99.0.1", 8080, stage.web_tcp, &from, SOON));
	assert_false(reaches(SOCK_STREAM, "172.20.0.2", 80, stage.web_tcp, NULL, NEVER));
	leave(home);
}

/* Of two connections one goes to each. */
static void comes_to_both(const char *ip, unsigned port, int api_tcp)
{
	bool first = reaches(SOCK_STREAM, ip, port, stage.web_tcp, NULL, NEVER);
	bool second = reaches(SOCK_STREAM, ip, port, stage.web_tcp, NULL, NEVER);
	int theirs = accept4(api_tcp, NULL, NULL, SOCK_CLOEXEC);
	assert_true(theirs >= 0);
	assert_int_not_equal(first, second);
	close(theirs);
}

static void test_one_port_of_several(void **state)
{
	int api_tcp = listen_in(NETNS "/api-1", SOCK_STREAM, 80);
	comes_to_both("127.0.0.1", 8084, api_tcp);
	comes_to_both("10.99.0.1", 8084, api_tcp);
	comes_to_both("127.0.0.1", 8085, api_tcp);
	int home = visit(NETNS "/api-1");
	comes_to_both("10.99.0.1", 8084, api_tcp);
	assert_false(reaches(SOCK_STREAM, "10.99.0.1", 8085, stage.web_tcp, NULL, NEVER));
	leave(home);
	close(api_tcp);
}

static size_t conversations(const char *pin)
{
	size_t n = 99;
	must(net_slot_conversations(pin, &n, err));
	return n;
}

/* Those that its servers are in: by a published port and directly, and until the other side has all. */
static void test_conversations(void **state)
{
	struct sockaddr_in published = at("10.99.0.1", 8080), direct = at("172.20.0.2", 80);
	int one = sock(SOCK_STREAM), two, home;
	size_t before = conversations(NETNS "/web-1");
	assert_int_equal(conversations(NETNS "/nobody-1"), 0);
	assert_int_equal(connect(one, (struct sockaddr *)&published, sizeof published), 0);
	home = visit(NETNS "/api-1");
	two = sock(SOCK_STREAM);
	assert_int_equal(connect(two, (struct sockaddr *)&direct, sizeof direct), 0);
	leave(home);
	assert_int_equal(conversations(NETNS "/web-1"), before + 2);
	assert_int_equal(conversations(NETNS "/api-1"), 0); /* what it asks others is none of its servers' */
	close(accept4(stage.web_tcp, NULL, NULL, SOCK_CLOEXEC));
	close(accept4(stage.web_tcp, NULL, NULL, SOCK_CLOEXEC));
	for (int i = 0; i < SOON && conversations(NETNS "/web-1") != before; i++) /* until they are acknowledged */
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(conversations(NETNS "/web-1"), before);
	close(one);
	close(two);
}

static size_t unheard(const char *pin, uint16_t port)
{
	const uint16_t ports[] = { 80, port };
	size_t n = 99;
	must(net_slot_unheard(pin, ports, 2, &n, err));
	return n;
}

/* A listener of the slot's own is none for others. */
static void test_unheard(void **state)
{
	int home, own, fd;
	struct sockaddr_in a = at("127.0.0.1", 4711);
	assert_int_equal(unheard(NETNS "/web-1", 80), 0);
	assert_int_equal(unheard(NETNS "/web-1", 4711), 1);
	assert_int_equal(unheard(NETNS "/nobody-1", 4711), 0);
	home = visit(NETNS "/web-1");
	own = sock(SOCK_STREAM);
	assert_int_equal(bind(own, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(own, 1), 0);
	leave(home);
	assert_int_equal(unheard(NETNS "/web-1", 4711), 1);
	close(own);
	fd = listen_in(NETNS "/web-1", SOCK_STREAM, 4711);
	assert_int_equal(unheard(NETNS "/web-1", 4711), 0);
	close(fd);
}

/* Each conversation stays where it began, as long as that one has the port; then it goes to another. */
static void test_udp_of_several(void **state)
{
	const struct net nets[] = { front, inside };
	struct net_publish ports[] = {
		{ .host_port = 5455, .target = 53, .addr = stage.web.addr, .udp = true },
		{ .host_port = 5455, .target = 53, .addr = stage.api.addr, .udp = true },
	};
	struct fw_spec spec = { .project = "demo", .nets = nets, .n_nets = 2, .ports = ports, .n_ports = 2 };
	int api_udp = listen_in(NETNS "/api-1", SOCK_DGRAM, 53), client = sock(SOCK_DGRAM);
	struct sockaddr_in a = at("127.0.0.1", 5455);
	struct pollfd in[2] = { { .fd = stage.web_udp, .events = POLLIN }, { .fd = api_udp, .events = POLLIN } };
	char byte;
	must(fw_apply(&spec, err));
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(client, "1", 1), 1);
	assert_int_equal(poll(in, 2, SOON), 1);
	int had = in[0].revents ? 0 : 1;
	assert_int_equal(read(in[had].fd, &byte, 1), 1);
	for (int i = 0; i < 3; i++) {
		must(fw_apply(&spec, err));
		assert_int_equal(write(client, "2", 1), 1);
		assert_int_equal(read(in[had].fd, &byte, 1), 1);
	}
	spec.ports = &ports[!had];
	spec.n_ports = 1;
	must(fw_apply(&spec, err));
	assert_int_equal(write(client, "3", 1), 1);
	assert_int_equal(read(in[!had].fd, &byte, 1), 1);
	close(client);
	close(api_udp);
}

static void test_ways_out(void **state)
{
	struct sockaddr_in from;
	int home = visit(NETNS "/web-1");
	assert_true(reaches(SOCK_STREAM, "10.99.0.9", 80, stage.world_tcp, &from, SOON));
	assert_int_equal(ntohl(from.sin_addr.s_addr), uplink.gateway);
	leave(home);
	home = visit(NETNS "/db-2");
	assert_true(reaches(SOCK_STREAM, "172.21.0.2", 80, stage.db_tcp, NULL, SOON));
	assert_false(reaches(SOCK_STREAM, "10.99.0.9", 80, stage.world_tcp, NULL, NEVER));
	leave(home);
}

/* A client that talks before its port is published, and does not pause. */
static void test_udp_from_before(void **state)
{
	const struct net nets[] = { front, inside };
	struct net_publish port = { .host_port = 5454, .target = 53, .addr = stage.web.addr, .udp = true };
	struct fw_spec spec = { .project = "demo", .nets = nets, .n_nets = 2, .ports = &port, .n_ports = 1 };
	int reserved = bound(SOCK_DGRAM, "0.0.0.0", 5454);
	int home = visit(ROOM "/run/projects/lan/netns/world");
	int client = sock(SOCK_DGRAM);
	struct sockaddr_in a = at("10.99.0.1", 5454);
	char byte;
	assert_int_equal(connect(client, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(client, "1", 1), 1);
	assert_int_equal(read(reserved, &byte, 1), 1);
	leave(home);
	must(fw_apply(&spec, err));
	assert_int_equal(write(client, "2", 1), 1);
	assert_int_equal(read(stage.web_udp, &byte, 1), 1);
	assert_int_equal(byte, '2');
	must(fw_apply(&spec, err)); /* what goes right is left alone */
	assert_int_equal(write(client, "3", 1), 1);
	assert_int_equal(read(stage.web_udp, &byte, 1), 1);
	close(client);
	close(reserved);
}

static void test_recovery_leaves_alone_what_is_right(void **state)
{
	struct net_attach both[] = { stage.web, attach_to(&other, 7, "eth1") };
	struct net_slot slot = { .netns_path = NETNS "/web-1", .attach = both, .n_attach = 1 };
	int home = visit(NETNS "/web-1");
	unsigned before = if_nametoindex("eth0");
	leave(home);
	must(net_slots_up(&slot, 1, err));
	slot.n_attach = 2; /* joins a network */
	must(net_slots_up(&slot, 1, err));
	home = visit(NETNS "/web-1");
	assert_int_equal(if_nametoindex("eth0"), before);
	assert_int_not_equal(if_nametoindex("eth1"), 0);
	leave(home);
	slot.n_attach = 1; /* leaves it */
	must(net_slots_up(&slot, 1, err));
	home = visit(NETNS "/web-1");
	assert_int_equal(if_nametoindex("eth0"), before);
	assert_int_equal(if_nametoindex("eth1"), 0);
	leave(home);
	must(net_down(front.bridge, err)); /* the bridge was lost and is made again */
	must(net_up(&front, err));
	must(net_slots_up(&slot, 1, err));
	assert_true(reaches(SOCK_STREAM, "172.20.0.2", 80, stage.web_tcp, NULL, SOON));
	home = visit(NETNS "/web-1");
	assert_int_equal(if_nametoindex("eth0"), before);
	leave(home);
	both[0] = attach_to(&front, 44, "eth0"); /* another address: the pair is made anew */
	must(net_slots_up(&slot, 1, err));
	assert_true(reaches(SOCK_STREAM, "172.20.0.44", 80, stage.web_tcp, NULL, SOON));
	both[0] = stage.web;
	must(net_slots_up(&slot, 1, err));
	assert_true(reaches(SOCK_STREAM, "172.20.0.2", 80, stage.web_tcp, NULL, SOON));
}

/* As its maker leaves a bridge that is killed between the birth and the alias. */
static void make_nameless(const char *bridge)
{
	auto_nls struct nls n = NLS_INIT;
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	must(nls_open(&n, NETLINK_ROUTE, err));
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, 0, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, bridge);
	nla_put(msg, IFLA_IFALIAS, 0, "");
	nls_queue(&n, msg, 0, "take the alias of '%s'", bridge);
	must(nls_flush(&n, err));
}

static void test_a_nameless_bridge_of_ours_is_mended_or_removed(void **state)
{
	auto_nls struct nls n = NLS_INIT;
	auto_links struct nls_links found = { 0 };
	must(net_up(&front, err));
	make_nameless(front.bridge);
	must(net_up(&front, err));
	must(nls_open(&n, NETLINK_ROUTE, err));
	assert_int_equal(nls_link_get(&n, front.bridge, &found, NULL), 0);
	assert_true(owner_is(found.v[0].alias, "demo"));
	make_nameless(front.bridge);
	must(net_down(front.bridge, err));
	assert_int_equal(if_nametoindex(front.bridge), 0);
	must(net_up(&front, err));
	make_nameless(front.bridge);
	must(net_sweep(NETNS, "demo", err));
	assert_int_equal(if_nametoindex(front.bridge), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_slots_talk),
		cmocka_unit_test_setup(test_published_from_the_host, stage_up),
		cmocka_unit_test(test_published_to_the_world),
		cmocka_unit_test(test_hairpin),
		cmocka_unit_test(test_ways_out),
		cmocka_unit_test(test_one_port_of_several),
		cmocka_unit_test(test_conversations),
		cmocka_unit_test(test_unheard),
		cmocka_unit_test(test_udp_from_before),
		cmocka_unit_test(test_udp_of_several),
		cmocka_unit_test_teardown(test_recovery_leaves_alone_what_is_right, stage_down),
		cmocka_unit_test(test_a_nameless_bridge_of_ours_is_mended_or_removed),
	};
	return cmocka_run_group_tests(tests, room_make, NULL);
}
