/* The resolver cannot sit at port 53 itself: a container that serves names binds 0.0.0.0:53, which would then
 * be refused. So questions get another port as they leave, and answers get port 53 back, as those who ask
 * insist. Both pass the same hook, since both stay in the namespace: no state is needed. Address translation
 * would do as well, but with it the kernel tracks every connection of the container, and each packet of it,
 * whether names are asked for or not: a fifth of what a short connection costs.
 *
 * In the words of nft:  table ip davit-dns { chain to-65053-65053 { type filter hook output priority -100
 *                         ip daddr 127.0.0.11 udp dport 53 udp dport set 65053
 *                         ip saddr 127.0.0.11 udp sport 65053 udp sport set 53          and tcp likewise } }
 * When nobody is at port 65053, the kernel's word for it (ICMP, type 3) quotes the question: with its port.
 *
 * The rules never change but for the ports, and a project wants them in each of its namespaces: spelled out
 * as netlink messages they cost a third of what libnftables takes, which is not even loaded. The chain is
 * named after the ports, so that one question to the kernel says whether the rules are as wanted. */
#include "redirect.h"

#include <errno.h>
#include <stdio.h>

#include "nft.h"
#include "nls.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#define TABLE "davit-dns"

enum { RESOLVER_ADDR = 0x7f00000b, DNS_PORT = 53, PRIORITY = -100, IP_SADDR = 12, IP_DADDR = 16 };

/* A port to be changed in packets to or from the resolver: offsets in the IP header, and behind it. */
struct change {
	uint8_t protocol;
	unsigned addr, port, sum;
	bool back;                               /* from the resolver's port to 53, else the other way */
	uint8_t type;                            /* the first byte, 0: any */
};

static const struct change udp_changes[] = {
	{ IPPROTO_UDP, IP_DADDR, 2, 6, false, 0 },
	{ IPPROTO_UDP, IP_SADDR, 0, 6, true, 0 },
	{ IPPROTO_ICMP, IP_SADDR, 8 + 20 + 2, 2, true, 3 }, /* ICMP's header, the question's IP header */
	{ 0 },
};
static const struct change tcp_changes[] = {
	{ IPPROTO_TCP, IP_DADDR, 2, 16, false, 0 },
	{ IPPROTO_TCP, IP_SADDR, 0, 16, true, 0 },
	{ 0 },
};

static struct nl_msg *message(int type, int flags, int family, int res_id)
{
	struct nfgenmsg gen = { .nfgen_family = (uint8_t)family, .res_id = htons((uint16_t)res_id) };
	return nls_msg(type, flags, &gen, sizeof gen);
}

static struct nl_msg *nft_message(int type, int flags)
{
	return message(NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_IPV4, 0);
}

/* --- rules: a list of expressions --- */

static struct nlattr *expr_begin(struct nl_msg *msg, const char *name, struct nlattr **ret_data)
{
	struct nlattr *elem = nla_nest_start(msg, NFTA_LIST_ELEM);
	nla_put_string(msg, NFTA_EXPR_NAME, name);
	*ret_data = nla_nest_start(msg, NFTA_EXPR_DATA);
	return elem;
}

static void expr_end(struct nl_msg *msg, struct nlattr *elem, struct nlattr *data)
{
	nla_nest_end(msg, data);
	nla_nest_end(msg, elem);
}

static void put_be32(struct nl_msg *msg, int attr, uint32_t v)
{
	nla_put_u32(msg, attr, htonl(v));
}

static void put_value(struct nl_msg *msg, int attr, const void *value, size_t len)
{
	struct nlattr *data = nla_nest_start(msg, attr);
	nla_put(msg, NFTA_DATA_VALUE, (int)len, value);
	nla_nest_end(msg, data);
}

/* The packet's bytes [offset, offset + len) behind base equal value. */
static void match_payload(struct nl_msg *msg, unsigned base, unsigned offset, const void *value, size_t len)
{
	struct nlattr *data, *e = expr_begin(msg, "payload", &data);
	put_be32(msg, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_be32(msg, NFTA_PAYLOAD_BASE, base);
	put_be32(msg, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(msg, NFTA_PAYLOAD_LEN, (uint32_t)len);
	expr_end(msg, e, data);
	e = expr_begin(msg, "cmp", &data);
	put_be32(msg, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(msg, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(msg, NFTA_CMP_DATA, value, len);
	expr_end(msg, e, data);
}

static void match_protocol(struct nl_msg *msg, uint8_t protocol)
{
	struct nlattr *data, *e = expr_begin(msg, "meta", &data);
	put_be32(msg, NFTA_META_DREG, NFT_REG_1);
	put_be32(msg, NFTA_META_KEY, NFT_META_L4PROTO);
	expr_end(msg, e, data);
	e = expr_begin(msg, "cmp", &data);
	put_be32(msg, NFTA_CMP_SREG, NFT_REG_1);
	put_be32(msg, NFTA_CMP_OP, NFT_CMP_EQ);
	put_value(msg, NFTA_CMP_DATA, &protocol, sizeof protocol);
	expr_end(msg, e, data);
}

static void set_port(struct nl_msg *msg, const struct change *c, uint16_t port)
{
	struct nlattr *data, *e = expr_begin(msg, "immediate", &data);
	put_be32(msg, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(msg, NFTA_IMMEDIATE_DATA, &port, sizeof port);
	expr_end(msg, e, data);
	e = expr_begin(msg, "payload", &data);
	put_be32(msg, NFTA_PAYLOAD_SREG, NFT_REG_1);
	put_be32(msg, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_be32(msg, NFTA_PAYLOAD_OFFSET, c->port);
	put_be32(msg, NFTA_PAYLOAD_LEN, sizeof port);
	put_be32(msg, NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
	put_be32(msg, NFTA_PAYLOAD_CSUM_OFFSET, c->sum);
	expr_end(msg, e, data);
}

static struct nl_msg *rule(const char *chain, const struct change *c, unsigned resolver_port)
{
	struct nl_msg *msg = nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	uint32_t addr = htonl(RESOLVER_ADDR);
	uint16_t outer = htons(DNS_PORT), inner = htons((uint16_t)resolver_port);
	nla_put_string(msg, NFTA_RULE_TABLE, TABLE);
	nla_put_string(msg, NFTA_RULE_CHAIN, chain);
	struct nlattr *list = nla_nest_start(msg, NFTA_RULE_EXPRESSIONS);
	match_payload(msg, NFT_PAYLOAD_NETWORK_HEADER, c->addr, &addr, sizeof addr);
	match_protocol(msg, c->protocol);
	if (c->type)
		match_payload(msg, NFT_PAYLOAD_TRANSPORT_HEADER, 0, &c->type, sizeof c->type);
	match_payload(msg, NFT_PAYLOAD_TRANSPORT_HEADER, c->port, c->back ? &inner : &outer, sizeof inner);
	set_port(msg, c, c->back ? outer : inner);
	nla_nest_end(msg, list);
	return msg;
}

static void queue_rules(struct nls *s, const char *chain, const struct change *c, unsigned resolver_port)
{
	for (; resolver_port && c->protocol; c++)
		nls_queue(s, rule(chain, c, resolver_port), 0, "make a rule");
}

/* --- table and chain --- */

static struct nl_msg *table(int type, int flags)
{
	struct nl_msg *msg = nft_message(type, flags);
	nla_put_string(msg, NFTA_TABLE_NAME, TABLE);
	return msg;
}

static struct nl_msg *base_chain(const char *name)
{
	struct nl_msg *msg = nft_message(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nla_put_string(msg, NFTA_CHAIN_TABLE, TABLE);
	nla_put_string(msg, NFTA_CHAIN_NAME, name);
	nla_put_string(msg, NFTA_CHAIN_TYPE, "filter");
	struct nlattr *hook = nla_nest_start(msg, NFTA_CHAIN_HOOK);
	put_be32(msg, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	put_be32(msg, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
	nla_nest_end(msg, hook);
	return msg;
}

/* One transaction, whether there was a table or not. */
static int replace(bool fresh, const char *chain, unsigned udp_port, unsigned tcp_port, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_NETFILTER, err) < 0)
		return -1;
	nls_queue_frame(&s, message(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	if (!fresh) {
		nls_queue(&s, table(NFT_MSG_NEWTABLE, NLM_F_CREATE), 0, "make the table");
		nls_queue(&s, table(NFT_MSG_DELTABLE, 0), 0, "delete the old table");
	}
	nls_queue(&s, table(NFT_MSG_NEWTABLE, NLM_F_CREATE), 0, "make the table");
	nls_queue(&s, base_chain(chain), 0, "make the chain");
	queue_rules(&s, chain, udp_changes, udp_port);
	queue_rules(&s, chain, tcp_changes, tcp_port);
	nls_queue_frame(&s, message(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	return nls_flush(&s, err);
}

int redirect_install(bool fresh, unsigned udp_port, unsigned tcp_port, struct err *err)
{
	char chain[32];
	snprintf(chain, sizeof chain, "to-%u-%u", udp_port, tcp_port);
	int there = fresh ? 0 : nft_has(NFPROTO_IPV4, TABLE, chain, err);
	if (there == 0)
		there = replace(fresh, chain, udp_port, tcp_port, err);
	return there < 0 ? err_wrap(err, "resolver's redirection") : 0;
}
