/* The resolver cannot sit at port 53 itself: a container that serves names binds 0.0.0.0:53, which would then
 * be refused. Answers are translated back by connection tracking, so that they come from port 53 as resolvers
 * insist.
 *
 * In the words of nft:  table ip davit-dns { chain to-65053-65053 { type nat hook output priority -100
 *                         ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:65053     and tcp likewise } }
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

enum { RESOLVER_ADDR = 0x7f00000b, DNS_PORT = 53, PRIORITY = -100, IP_DADDR_OFFSET = 16, DPORT_OFFSET = 2 };

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

static void load(struct nl_msg *msg, unsigned reg, const void *value, size_t len)
{
	struct nlattr *data, *e = expr_begin(msg, "immediate", &data);
	put_be32(msg, NFTA_IMMEDIATE_DREG, reg);
	put_value(msg, NFTA_IMMEDIATE_DATA, value, len);
	expr_end(msg, e, data);
}

static void destination(struct nl_msg *msg, uint32_t addr, uint16_t port)
{
	load(msg, NFT_REG_1, &addr, sizeof addr);
	load(msg, NFT_REG_2, &port, sizeof port);
	struct nlattr *data, *e = expr_begin(msg, "nat", &data);
	put_be32(msg, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(msg, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put_be32(msg, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	put_be32(msg, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
	expr_end(msg, e, data);
}

static struct nl_msg *rule(const char *chain, uint8_t protocol, unsigned port)
{
	struct nl_msg *msg = nft_message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	uint32_t addr = htonl(RESOLVER_ADDR);
	uint16_t asked = htons(DNS_PORT);
	nla_put_string(msg, NFTA_RULE_TABLE, TABLE);
	nla_put_string(msg, NFTA_RULE_CHAIN, chain);
	struct nlattr *list = nla_nest_start(msg, NFTA_RULE_EXPRESSIONS);
	match_payload(msg, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR_OFFSET, &addr, sizeof addr);
	match_protocol(msg, protocol);
	match_payload(msg, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, &asked, sizeof asked);
	destination(msg, addr, htons((uint16_t)port));
	nla_nest_end(msg, list);
	return msg;
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
	nla_put_string(msg, NFTA_CHAIN_TYPE, "nat");
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
	if (udp_port)
		nls_queue(&s, rule(chain, IPPROTO_UDP, udp_port), 0, "make the rule for UDP");
	if (tcp_port)
		nls_queue(&s, rule(chain, IPPROTO_TCP, tcp_port), 0, "make the rule for TCP");
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
