#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "nls.h"
#include "pool.h"

struct tuple {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};

struct scan {
	const struct net_publish *ports;
	size_t n;
	struct subnets local; /* this host's addresses, as /32 */
	struct nls doomed;    /* deletions, queued */
};

static int tuple_read(struct nlattr *a, struct tuple *ret)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	if (!a || nla_parse_nested(tb, CTA_TUPLE_MAX, a, NULL) < 0 || !tb[CTA_TUPLE_IP] ||
		!tb[CTA_TUPLE_PROTO] || nla_parse_nested(ip, CTA_IP_MAX, tb[CTA_TUPLE_IP], NULL) < 0 ||
		nla_parse_nested(proto, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO], NULL) < 0 || !ip[CTA_IP_V4_SRC] ||
		!ip[CTA_IP_V4_DST] || !proto[CTA_PROTO_NUM] || !proto[CTA_PROTO_SRC_PORT] ||
		!proto[CTA_PROTO_DST_PORT])
		return -1;
	*ret = (struct tuple){
		.src = ntohl(nla_get_u32(ip[CTA_IP_V4_SRC])),
		.dst = ntohl(nla_get_u32(ip[CTA_IP_V4_DST])),
		.proto = nla_get_u8(proto[CTA_PROTO_NUM]),
		.sport = ntohs(nla_get_u16(proto[CTA_PROTO_SRC_PORT])),
		.dport = ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT])),
	};
	return 0;
}

static bool is_local(const struct scan *s, uint32_t addr)
{
	if (addr >> 24 == 127)
		return true;
	for (size_t i = 0; i < s->local.n; i++)
		if (s->local.v[i].addr == addr)
			return true;
	return false;
}

/* To none of those that have the port now. */
static bool goes_astray(const struct scan *s, const struct tuple *orig, const struct tuple *reply)
{
	bool published = false;
	if (orig->proto != IPPROTO_UDP || !is_local(s, orig->dst))
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const struct net_publish *p = &s->ports[i];
		if (!p->udp || p->host_port != orig->dport || (p->host_addr && p->host_addr != orig->dst))
			continue;
		if (reply->src == p->addr && reply->sport == p->target)
			return false;
		published = true;
	}
	return published;
}

static int take_entry(const struct nlmsghdr *nh, void *arg)
{
	struct scan *s = arg;
	struct nlattr *tb[CTA_MAX + 1];
	struct tuple orig, reply;
	struct nfgenmsg gen = { .nfgen_family = AF_INET };
	if (nlmsg_parse((struct nlmsghdr *)nh, sizeof gen, tb, CTA_MAX, NULL) < 0 ||
		tuple_read(tb[CTA_TUPLE_ORIG], &orig) < 0 || tuple_read(tb[CTA_TUPLE_REPLY], &reply) < 0 ||
		!goes_astray(s, &orig, &reply))
		return 0;
	struct nl_msg *msg = nls_msg(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, &gen, sizeof gen);
	nla_put(msg, CTA_TUPLE_ORIG | NLA_F_NESTED, nla_len(tb[CTA_TUPLE_ORIG]),
		nla_data(tb[CTA_TUPLE_ORIG]));
	nls_queue(&s->doomed, msg, ENOENT, "forget a UDP conversation");
	return 0;
}

static int take_address(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[IFA_MAX + 1];
	if (nh->nlmsg_type == RTM_NEWADDR &&
		nlmsg_parse((struct nlmsghdr *)nh, sizeof(struct ifaddrmsg), tb, IFA_MAX, NULL) == 0 &&
		tb[IFA_LOCAL])
		subnets_add(arg, ntohl(nla_get_u32(tb[IFA_LOCAL])), 32);
	return 0;
}

static int read_addresses(struct subnets *ret, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	struct ifaddrmsg ifa = { .ifa_family = AF_INET };
	if (nls_open(&s, NETLINK_ROUTE, err) < 0)
		return -1;
	return nls_ask(&s, nls_msg(RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof ifa), take_address, ret,
		"list addresses", err);
}

static int scan_and_delete(struct scan *s, struct err *err)
{
	auto_nls struct nls ask = NLS_INIT;
	struct nfgenmsg gen = { .nfgen_family = AF_INET };
	if (read_addresses(&s->local, err) < 0 || nls_open(&ask, NETLINK_NETFILTER, err) < 0 ||
		nls_open(&s->doomed, NETLINK_NETFILTER, err) < 0)
		return -1;
	int type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	if (nls_ask(&ask, nls_msg(type, NLM_F_DUMP, &gen, sizeof gen), take_entry, s,
		    "list UDP conversations", err) < 0)
		return -1;
	return nls_flush(&s->doomed, err);
}

int conntrack_forget(const struct net_publish *ports, size_t n, struct err *err)
{
	bool any = false;
	for (size_t i = 0; i < n; i++)
		any = any || ports[i].udp;
	if (!any)
		return 0;
	struct scan s = { .ports = ports, .n = n, .doomed = NLS_INIT };
	int r = scan_and_delete(&s, err);
	nls_close(&s.doomed);
	subnets_done(&s.local);
	return r;
}
