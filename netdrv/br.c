/* A bridge has a fixed MAC address: one that it borrowed from its ports would change with them, and the
 * containers' neighbour tables would be wrong for their gateway each time a container comes or goes. */
#include "br.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <arpa/inet.h>

#include "../src/util/auto.h"
#include "../src/util/log.h"
#include "../src/util/str.h"
#include "netns.h"
#include "owner.h"

static struct nl_msg *bridge_new(const struct net *n, const char *project)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof ifi);
	uint8_t mac[6];
	net_mac(n->gateway, mac);
	nla_put_string(msg, IFLA_IFNAME, n->bridge);
	nla_put(msg, IFLA_ADDRESS, sizeof mac, mac);
	nla_put_u32(msg, IFLA_GROUP, owner_group(project));
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "bridge");
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);
	nla_put_u32(msg, IFLA_BR_STP_STATE, 0);
	nla_put_u32(msg, IFLA_BR_FORWARD_DELAY, 0); /* a port forwards from the moment it is up */
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

/* What an existing link can be told: it is the same for a new bridge and for one that was found. */
static struct nl_msg *bridge_set(const struct net *n, const char *alias)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = nls_msg(RTM_NEWLINK, 0, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, n->bridge);
	if (alias)
		nla_put(msg, IFLA_IFALIAS, (int)strlen(alias), alias);
	if (n->mtu)
		nla_put_u32(msg, IFLA_MTU, n->mtu);
	return msg;
}

static struct nl_msg *address_msg(int type, int flags, int index, uint32_t addr, uint8_t prefix)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_INET,
		.ifa_prefixlen = prefix,
		.ifa_index = (unsigned)index,
		.ifa_scope = RT_SCOPE_UNIVERSE };
	struct nl_msg *msg = nls_msg(type, flags, &ifa, sizeof ifa);
	uint32_t mask = prefix ? ~0u << (32 - prefix) : 0;
	nla_put_u32(msg, IFA_LOCAL, htonl(addr));
	nla_put_u32(msg, IFA_ADDRESS, htonl(addr));
	if (type == RTM_NEWADDR && prefix < 31)
		nla_put_u32(msg, IFA_BROADCAST, htonl(addr | ~mask));
	return msg;
}

struct address_scan {
	struct nls *queue; /* gets the deletions */
	const struct net *net;
	int index;
};

/* An address of an earlier life of the network would go on answering for a gateway that is now elsewhere. */
static int drop_other_address(const struct nlmsghdr *nh, void *arg)
{
	struct address_scan *scan = arg;
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg *ifa = NLMSG_DATA(nh);
	if (nh->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != scan->index ||
		ifa->ifa_family != AF_INET ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof *ifa, tb, IFA_MAX, NULL) < 0 || !tb[IFA_LOCAL])
		return 0;
	uint32_t addr = ntohl(nla_get_u32(tb[IFA_LOCAL]));
	if (addr == scan->net->gateway && ifa->ifa_prefixlen == scan->net->prefix)
		return 0;
	nls_queue(scan->queue, address_msg(RTM_DELADDR, 0, scan->index, addr, ifa->ifa_prefixlen),
		EADDRNOTAVAIL, "remove the old address of bridge '%s'", scan->net->bridge);
	return 0;
}

static int mend_addresses(struct nls *s, const struct net *n, int index, struct err *err)
{
	struct nls later = { .fd = -1 };
	struct address_scan scan = { .queue = &later, .net = n, .index = index };
	struct ifaddrmsg ifa = { .ifa_family = AF_INET };
	/* interrupted or not: an address that is missed now is dropped by the next `up` */
	int r = nls_ask(s, nls_msg(RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof ifa), drop_other_address, &scan,
		"list addresses", err);
	if (r >= 0) {
		later.fd = s->fd;
		later.seq = s->seq;
		r = nls_flush(&later, err);
		s->seq = later.seq;
		later.fd = -1;
	}
	nls_close(&later);
	return r;
}

/* 0: there, and ours or lent; 1: to be made. */
static int find_bridge(struct nls *s, const struct net *n, struct nls_links *ret, struct err *err)
{
	int r = nls_link_get(s, n->bridge, ret, err);
	if (r != 0)
		return r;
	if (!STREQ(ret->v[0].kind, "bridge"))
		return err_set(err, ERR_EXISTS, "interface '%s' exists and is no bridge", n->bridge);
	return 0;
}

static void sysctl_or_log(const char *family, const char *bridge, const char *leaf, const char *value)
{
	char name[128], inside[NET_IFNAMSIZ];
	auto_err struct err e = ERR_INIT;
	snprintf(inside, sizeof inside, "%s", bridge);
	/* in a sysctl's name a dot of an interface name is written as a slash */
	for (char *p = inside; *p; p++)
		if (*p == '.')
			*p = '/';
	snprintf(name, sizeof name, "net.%s.conf.%s.%s", family, inside, leaf);
	if (netns_sysctl(name, value, &e) < 0)
		log_warn("bridge %s: %s", bridge, err_msg(&e));
}

void br_route_localnet(const char *bridge)
{
	sysctl_or_log("ipv4", bridge, "route_localnet", "1");
}

int br_forwarding(struct err *err)
{
	char now = 0;
	auto_close int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &now, 1) == 1 && now != '0')
		return 0;
	return netns_sysctl("net.ipv4.ip_forward", "1", err) < 0 ? -1 : 0;
}

static int br_make(struct nls *s, const struct net *n, const char *project, struct err *err)
{
	nls_queue(s, bridge_new(n, project), EEXIST, "make bridge '%s'", n->bridge);
	if (nls_flush(s, err) < 0)
		return -1;
	/* no IPv6 on it yet: no duplicate address detection, no router solicitations, nothing that could be
	 * reached by it */
	sysctl_or_log("ipv6", n->bridge, "disable_ipv6", "1");
	sysctl_or_log("ipv6", n->bridge, "accept_ra", "0");
	return 0;
}

/* The project is not part of struct net; the network's name is PROJECT_KEY, or whatever the user called it.
 */
static const char *bridge_project(const struct net *n)
{
	return n->project && *n->project ? n->project : n->name;
}

/* The kernel takes an alias only after the birth: who was killed in between has left a bridge that has nothing but our group. project
 * NULL: any; the name tells then. */
static bool is_ours(const struct nls_link *l, const char *project)
{
	if (l->alias && *l->alias)
		return owner_is(l->alias, NULL);
	return project ? l->group == owner_group(project) : l->group != 0 && str_starts(l->name, "dv");
}

int br_up(struct nls *s, const struct net *n, struct err *err)
{
	auto_links struct nls_links found = { 0 };
	char alias[OWNER_ALIAS_MAX];
	owner_bridge_alias(bridge_project(n), n->name, alias);
	int r = find_bridge(s, n, &found, err);
	if (r < 0)
		return -1;
	bool lent = r == 0 && !is_ours(&found.v[0], bridge_project(n));
	if (r == 1) {
		if (n->external)
			return err_set(err, ERR_NOT_FOUND, "bridge '%s' of an external network is not there",
				n->bridge);
		if (br_make(s, n, bridge_project(n), err) < 0 || find_bridge(s, n, &found, err) != 0)
			return -1;
	} else if (!lent && mend_addresses(s, n, found.v[0].index, err) < 0) {
		return -1;
	}
	nls_queue(s, bridge_set(n, lent || n->external ? NULL : alias), 0, "set up bridge '%s'", n->bridge);
	nls_queue(s,
		address_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, found.v[0].index, n->gateway, n->prefix),
		EEXIST, "give bridge '%s' its address", n->bridge);
	if (nls_flush(s, err) < 0)
		return -1;
	br_route_localnet(n->bridge);
	return br_forwarding(err);
}

int br_down(struct nls *s, const char *bridge, struct err *err)
{
	auto_links struct nls_links found = { 0 };
	int r = nls_link_get(s, bridge, &found, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!is_ours(&found.v[0], NULL))
		return 0;
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = found.v[0].index };
	nls_queue(s, nls_msg(RTM_DELLINK, 0, &ifi, sizeof ifi), ENODEV, "delete bridge '%s'", bridge);
	return nls_flush(s, err);
}
