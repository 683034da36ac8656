#include "veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../src/util/hash.h"
#include "owner.h"

void veth_name(const char *netns_path, uint64_t ns_inode, const char *ifname, char ret[static NET_IFNAMSIZ])
{
	char text[4096 + 64], hex[HASH_HEX_LEN + 1];
	int n = snprintf(text, sizeof text, "%s\n%s\n%" PRIu64, netns_path, ifname, ns_inode);
	hash_sha256_hex(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, hex);
	snprintf(ret, NET_IFNAMSIZ, "dv%.12s", hex);
}

/* One queue each way, said beforehand: left to itself the kernel makes one per processor and takes all but
 * one away again, waiting for a grace period each time (1 ms, twice a pair). */
static void put_queues(struct nl_msg *msg)
{
	nla_put_u32(msg, IFLA_NUM_TX_QUEUES, 1);
	nla_put_u32(msg, IFLA_NUM_RX_QUEUES, 1);
}

static void put_peer(struct nl_msg *msg, const struct net_attach *a, int ns_fd)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC }; /* flags other than 0 are refused here */
	struct nlattr *peer = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, &ifi, sizeof ifi, NLMSG_ALIGNTO);
	nla_put_string(msg, IFLA_IFNAME, a->ifname);
	nla_put(msg, IFLA_ADDRESS, sizeof a->mac, a->mac);
	nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)ns_fd);
	put_queues(msg);
	if (a->net->mtu)
		nla_put_u32(msg, IFLA_MTU, a->net->mtu);
	nla_nest_end(msg, peer);
}

void veth_queue_make(struct nls *host, const char *name, const struct net_attach *a, int bridge_index,
	int ns_fd, const char *group_of)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put_u32(msg, IFLA_MASTER, (uint32_t)bridge_index);
	nla_put_u32(msg, IFLA_GROUP, owner_group(group_of));
	put_queues(msg);
	if (a->net->mtu)
		nla_put_u32(msg, IFLA_MTU, a->net->mtu);
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);
	put_peer(msg, a, ns_fd);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	nls_queue(host, msg, 0, "connect '%s' to network '%s'", a->ifname, a->net->name);
}

/* No link-local IPv6 address on the host's end: a bridge port needs none, and would announce itself. */
static void put_no_ipv6(struct nl_msg *msg)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = nla_nest_start(msg, AF_INET6);
	nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
}

/* Hairpin: a container reaches itself at a port that it publishes on the host. */
static void put_hairpin(struct nl_msg *msg)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge");
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	nla_put_u8(msg, IFLA_BRPORT_MODE, 1);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
}

void veth_queue_master(struct nls *host, const char *name, int bridge_index)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, 0, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put_u32(msg, IFLA_MASTER, (uint32_t)bridge_index);
	nls_queue(host, msg, 0, "put '%s' on its bridge", name);
}

void veth_queue_set(struct nls *host, const char *name, const char *alias)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, 0, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, name);
	nla_put(msg, IFLA_IFALIAS, (int)strlen(alias), alias);
	put_hairpin(msg);
	put_no_ipv6(msg);
	nls_queue(host, msg, 0, "set up '%s'", name);
}

void veth_queue_drop(struct nls *host, int index, const char *name)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	nls_queue(host, nls_msg(RTM_DELLINK, 0, &ifi, sizeof ifi), ENODEV, "remove '%s'", name);
}

static struct nl_msg *set_up(int index)
{
	struct ifinfomsg ifi = {
		.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};
	return nls_msg(RTM_NEWLINK, 0, &ifi, sizeof ifi);
}

void veth_queue_lo(struct nls *inner)
{
	nls_queue(inner, set_up(1), 0, "set up 'lo'");
}

static struct nl_msg *default_route(uint32_t gateway, int index)
{
	struct rtmsg rt = { .rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST };
	struct nl_msg *msg = nls_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rt, sizeof rt);
	nla_put_u32(msg, RTA_GATEWAY, htonl(gateway));
	nla_put_u32(msg, RTA_OIF, (uint32_t)index);
	return msg;
}

void veth_queue_inner(struct nls *inner, const struct net_attach *a, int index)
{
	struct ifaddrmsg ifa = {
		.ifa_family = AF_INET, .ifa_prefixlen = a->net->prefix, .ifa_index = (unsigned)index
	};
	struct nl_msg *msg = nls_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof ifa);
	uint32_t mask = a->net->prefix ? ~0u << (32 - a->net->prefix) : 0;
	nla_put_u32(msg, IFA_LOCAL, htonl(a->addr));
	nla_put_u32(msg, IFA_ADDRESS, htonl(a->addr));
	if (a->net->prefix < 31)
		nla_put_u32(msg, IFA_BROADCAST, htonl(a->addr | ~mask));
	nls_queue(inner, msg, EEXIST, "give '%s' its address", a->ifname);
	nls_queue(inner, set_up(index), 0, "set up '%s'", a->ifname);
	if (a->default_route && !a->net->internal)
		nls_queue(inner, default_route(a->net->gateway, index), 0,
			"set the default route through '%s'", a->ifname);
}

/* Asking for the link state runs the pending link events of the interface (linkwatch) in the kernel. */
void veth_settle(int sock_fd, const char *name)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct ifreq r = { .ifr_data = (char *)&value };
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	ioctl(sock_fd, SIOCETHTOOL, &r);
}

struct address_search {
	const struct net_attach *a;
	int index;
	bool found;
};

static int match_address(const struct nlmsghdr *nh, void *arg)
{
	struct address_search *search = arg;
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg *ifa = NLMSG_DATA(nh);
	if (nh->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != search->index ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof *ifa, tb, IFA_MAX, NULL) < 0 || !tb[IFA_LOCAL])
		return 0;
	if (ntohl(nla_get_u32(tb[IFA_LOCAL])) == search->a->addr &&
		ifa->ifa_prefixlen == search->a->net->prefix)
		search->found = true;
	return 0;
}

int veth_has_address(struct nls *inner, const struct net_attach *a, int index, struct err *err)
{
	struct address_search search = { .a = a, .index = index };
	struct ifaddrmsg ifa = { .ifa_family = AF_INET };
	if (nls_ask(inner, nls_msg(RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof ifa), match_address, &search,
		    "list addresses", err) < 0)
		return -1;
	return search.found;
}
