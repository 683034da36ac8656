/* What slots and bridges are made of, and what becomes of things that are in the way. */
#include "room.h"

#include "../../../netdrv/nls.h"
#include "../../../netdrv/owner.h"
#include "../../../src/util/buf.h"
#include "../../../src/util/path.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/vfs.h>

#define PIN NETNS "/web-1"

static struct net front = {
	.name = (char *)"demo_front",
	.project = (char *)"demo",
	.bridge = "dvfront",
	.subnet = 0xac140000,
	.gateway = 0xac140001,
	.prefix = 16,
	.mtu = 1400,
};
static const struct net inside = {
	.name = (char *)"demo_inside",
	.project = (char *)"demo",
	.bridge = "dvinside",
	.internal = true,
	.subnet = 0xac150000,
	.gateway = 0xac150001,
	.prefix = 24,
};

static struct net_attach attach_to(const struct net *n, unsigned host, const char *ifname, bool default_route)
{
	struct net_attach a = { .net = n, .addr = n->subnet + host, .default_route = default_route };
	snprintf(a.ifname, sizeof a.ifname, "%s", ifname);
	net_mac(a.addr, a.mac);
	return a;
}

static ino_t own_netns(void)
{
	struct stat st;
	assert_int_equal(stat("/proc/thread-self/ns/net", &st), 0);
	return st.st_ino;
}

/* A line of a small file holds the text; the file as seen from the slot. */
static bool file_has(const char *path, const char *text)
{
	auto_buf struct buf b = BUF_INIT;
	must(path_read(AT_FDCWD, path, 65536, &b, err));
	return b.p && strstr(b.p, text);
}

static struct nls_links links(void)
{
	auto_nls struct nls s = NLS_INIT;
	struct nls_links l = { 0 };
	must(nls_open(&s, NETLINK_ROUTE, err));
	must(nls_links(&s, &l, err));
	return l;
}

static int bridges_up(void **state)
{
	must(net_up(&front, err));
	must(net_up(&inside, err));
	return 0;
}

static int all_down(void **state)
{
	must(net_sweep(NETNS, "demo", err));
	must(net_sweep(NETNS, "demo", err));
	assert_int_equal(access(PIN, F_OK), -1);
	struct nls_links l = links();
	for (size_t i = 0; i < l.n; i++)
		assert_false(owner_is(l.v[i].alias, "demo"));
	nls_links_done(&l);
	return 0;
}

static void test_what_a_slot_has(void **state)
{
	struct net_attach a[] = { attach_to(&inside, 9, "eth0", false), attach_to(&front, 9, "eth1", true) };
	struct net_sysctl sysctls[] = { { "net.ipv4.ip_unprivileged_port_start", "0" },
		{ "net.ipv4.conf.eth1.rp_filter", "2" } };
	struct net_slot slot = {
		.netns_path = PIN, .attach = a, .n_attach = 2, .sysctls = sysctls, .n_sysctls = 2
	};
	ino_t here = own_netns();
	must(net_slots_up(&slot, 1, err));
	assert_int_equal(own_netns(), here);
	int home = visit(PIN);
	struct nls_links l = links();
	const struct nls_link *eth0 = nls_link_find(&l, "eth0"), *eth1 = nls_link_find(&l, "eth1");
	assert_true(nls_link_find(&l, "lo")->up);
	assert_true(eth0 && eth0->up && eth1 && eth1->up);
	assert_int_equal(eth1->mtu, 1400);
	assert_memory_equal(eth1->mac, a[1].mac, 6);
	assert_true(file_has(
		"/proc/thread-self/net/route", "eth1\t00000000\t010014AC")); /* default by 172.20.0.1 */
	assert_false(file_has("/proc/thread-self/net/route", "eth0\t00000000"));
	assert_true(file_has("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0\n"));
	assert_true(file_has("/proc/sys/net/ipv4/conf/eth1/rp_filter", "2\n"));
	assert_true(file_has("/proc/thread-self/net/if_inet6", " lo\n"));
	assert_false(file_has("/proc/thread-self/net/if_inet6", " eth"));
	nls_links_done(&l);
	leave(home);
	l = links();
	unsigned ends = 0;
	for (size_t i = 0; i < l.n; i++)
		ends += l.v[i].alias && STREQ(l.v[i].alias, "davit demo/web-1");
	assert_int_equal(ends, 2);
	assert_string_equal(nls_link_find(&l, "dvfront")->alias, "davit demo demo_front");
	nls_links_done(&l);
}

static void test_internal_has_no_way_out(void **state)
{
	struct net_attach a = attach_to(&inside, 9, "eth0", true);
	struct net_slot slot = { .netns_path = PIN, .attach = &a, .n_attach = 1 };
	must(net_slots_up(&slot, 1, err));
	int home = visit(PIN);
	assert_false(file_has("/proc/thread-self/net/route", "eth0\t00000000"));
	leave(home);
}

static void test_no_network(void **state)
{
	struct net_slot slot = { .netns_path = PIN };
	must(net_slots_up(&slot, 1, err));
	must(net_slots_up(&slot, 1, err));
	int home = visit(PIN);
	struct nls_links l = links();
	assert_true(nls_link_find(&l, "lo")->up);
	assert_null(nls_link_find(&l, "eth0"));
	nls_links_done(&l);
	leave(home);
}

static void refuse(const struct net_slot *slots, size_t n, enum err_kind kind, const char *text)
{
	struct err why = ERR_INIT;
	ino_t here = own_netns();
	assert_int_equal(net_slots_up(slots, n, &why), -1);
	assert_int_equal(own_netns(), here);
	assert_int_equal(why.kind, kind);
	if (!strstr(err_msg(&why), text))
		fail_msg("'%s' lacks '%s'", err_msg(&why), text);
	err_done(&why);
}

static void test_failures_name_the_slot(void **state)
{
	struct net gone = { .name = (char *)"demo_gone", .bridge = "dvgone", .prefix = 24 };
	struct net_attach a = attach_to(&gone, 9, "eth0", true), b = attach_to(&front, 9, "eth0", true);
	struct net_sysctl wrong[] = { { "kernel.hostname", "x" } },
			  absent[] = { { "net.ipv4.no_such_thing", "1" } },
			  up[] = { { "net.//.kernel.hostname", "x" } },
			  value[] = { { "net.ipv4.ip_forward", "banana" } };
	struct net_slot slot = { .netns_path = PIN, .attach = &a, .n_attach = 1 };
	refuse(&slot, 1, ERR_NOT_FOUND, "slot 'web-1': bridge 'dvgone'");
	slot = (struct net_slot){
		.netns_path = PIN, .attach = &b, .n_attach = 1, .sysctls = wrong, .n_sysctls = 1
	};
	refuse(&slot, 1, ERR_INPUT, "slot 'web-1': 'kernel.hostname'");
	slot.sysctls = absent;
	refuse(&slot, 1, ERR_NOT_FOUND, "net.ipv4.no_such_thing");
	slot.sysctls = up;
	refuse(&slot, 1, ERR_INPUT, "net.//.kernel");
	slot.sysctls = value;
	refuse(&slot, 1, ERR_FAIL, "banana");
	slot.n_sysctls = 0;
	must(net_slots_up(&slot, 1, err)); /* what a failed one left behind is no obstacle */
}

/* The machine went down between the making of the file and the mount, and the file is on a disk. */
static void test_bare_pin(void **state)
{
	struct net_slot slot = { .netns_path = PIN };
	must(path_mkdirs(AT_FDCWD, NETNS, 0755, err));
	close(open(PIN, O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
	must(net_slots_up(&slot, 1, err));
	int home = visit(PIN);
	leave(home);
}

/* The pin was lost while something still holds the old namespace: its interface, with the same address, must
 * not stay on the bridge. */
static void test_lost_pin(void **state)
{
	struct net_attach a = attach_to(&front, 9, "eth0", true);
	struct net_slot slot = { .netns_path = PIN, .attach = &a, .n_attach = 1 };
	int held = -1;
	must(net_slots_up(&slot, 1, err));
	assert_int_equal(netns_open(PIN, &held, NULL), 0);
	must(net_slot_down(PIN, err));
	must(net_slots_up(&slot, 1, err));
	struct nls_links l = links();
	unsigned ends = 0;
	for (size_t i = 0; i < l.n; i++)
		ends += l.v[i].alias && STREQ(l.v[i].alias, "davit demo/web-1");
	assert_int_equal(ends, 1);
	nls_links_done(&l);
	int home = visit(PIN), web = bound(SOCK_STREAM, "0.0.0.0", 80);
	leave(home);
	assert_true(reaches(SOCK_STREAM, "172.20.0.9", 80, web, NULL, 1000));
	close(web);
	close(held);
}

static void test_bridge_is_mended(void **state)
{
	struct net moved = front;
	moved.subnet = 0xac1e0000;
	moved.gateway = 0xac1e0001;
	must(net_up(&moved, err));
	assert_true(file_has("/proc/thread-self/net/fib_trie", "172.30.0.1"));
	assert_false(file_has("/proc/thread-self/net/fib_trie", "172.20.0.1"));
	must(net_up(&front, err));
	assert_true(file_has("/proc/thread-self/net/fib_trie", "172.20.0.1"));
}

static void add_link(const char *name, const char *kind, uint32_t group)
{
	auto_nls struct nls s = NLS_INIT;
	struct ifinfomsg ifi = { 0 };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put_u32(msg, IFLA_GROUP, group);
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, kind);
	nla_nest_end(msg, info);
	must(nls_open(&s, NETLINK_ROUTE, err));
	nls_queue(&s, msg, 0, "add a link");
	must(nls_flush(&s, err));
}

static void test_other_peoples_links(void **state)
{
	struct net lent = front, odd = front;
	struct err why = ERR_INIT;
	add_link("mine0", "bridge", 0);
	add_link("veth7", "veth", owner_group("demo")); /* a stranger in our group */
	snprintf(lent.bridge, sizeof lent.bridge, "mine0");
	snprintf(odd.bridge, sizeof odd.bridge, "veth7");
	assert_int_equal(net_up(&odd, &why), -1);
	assert_int_equal(why.kind, ERR_EXISTS);
	err_done(&why);
	must(net_down("dvfront", err));
	must(net_up(&lent, err));
	must(net_down("mine0", err));
	must(net_sweep(NETNS, "demo", err));
	assert_int_not_equal(if_nametoindex("mine0"), 0);
	assert_int_not_equal(if_nametoindex("veth7"), 0);
	assert_int_equal(if_nametoindex("dvinside"), 0);
}

static void test_owner_names(void **state)
{
	char text[OWNER_ALIAS_MAX], project[16];
	owner_slot_alias("/run/davit/projects/shop/netns/web-1", text);
	assert_string_equal(text, "davit shop/web-1");
	assert_true(owner_is(text, "shop"));
	assert_false(owner_is(text, "sho"));
	assert_false(owner_is(text, "shop2"));
	owner_slot_alias("web-1", text);
	assert_true(str_starts(text, "davit "));
	owner_bridge_alias("shop", "shop_a b", text);
	assert_true(owner_is(text, "shop"));
	assert_true(owner_is(text, NULL));
	static const char *const foreign[] = { "", "davit", "davit ", "davit /x", "davit shop",
		"Davit shop/x", "docker" };
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		assert_false(owner_is(foreign[i], NULL));
	assert_false(owner_is(NULL, "shop"));
	assert_false(owner_project("davit averyveryverylongname/x", project, sizeof project));
	assert_int_not_equal(owner_group("shop"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owner_names),
		cmocka_unit_test_setup_teardown(test_what_a_slot_has, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_internal_has_no_way_out, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_no_network, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_failures_name_the_slot, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_bare_pin, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_lost_pin, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_bridge_is_mended, bridges_up, all_down),
		cmocka_unit_test_setup_teardown(test_other_peoples_links, bridges_up, all_down),
	};
	return cmocka_run_group_tests(tests, room_make, NULL);
}
