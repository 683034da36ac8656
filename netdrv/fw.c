/* One nftables table per project. How it works:
 *
 * Publishing is two maps per protocol: port → (address, port) for ports published on all addresses, (address,
 * port) → (address, port) for those on one. They are consulted for packets to any address of this host,
 * arriving (prerouting) or made here (output). A host port that several containers have has rules of its own
 * before them, which deal new connections out one after the other; conntrack keeps each with its container.
 *
 * The rules change while connections come, and none may be refused for that. So the chains that the kernel
 * calls stay: a new one beside the old one is asked first, while it is empty still, and a packet that the
 * change overtakes between the two finds nothing in either. And the rules that deal out name their addresses
 * themselves: a map is looked up as it is at that moment, a rule holds to the end of the chain. Therefore
 * each port is in its map, too, whoever has it.
 *
 * Masquerading: whatever leaves a bridge's subnet by another interface; what came from 127.0.0.1 (a container
 * could not answer it); and what a container sent to a neighbour by way of the host's address, so that the
 * answer comes back the same way.
 *
 * Forwarding: into a bridge comes only what belongs to a known connection or was published; so networks do
 * not see each other, and hosts of the LAN see no port that was not published. An internal network neither
 * sends nor receives.
 *
 * Our table can only refuse more than others do. Where Docker made DROP the policy of iptables' FORWARD
 * chain, see fw_docker.c. */
#include <stdio.h>
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/hash.h"
#include "../src/util/log.h"
#include "../src/util/str.h"
#include "br.h"
#include "conntrack.h"
#include "fw_docker.h"
#include "net.h"
#include "nft.h"

/* Names come from compose/, which lets nothing through that would end a quoted name; here it is a matter of
 * course to check. */
static int check_name(const char *what, const char *name, struct err *err)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@:";
	if (!*name || strlen(name) > 100 || name[strspn(name, fine)])
		return err_set(err, ERR_INPUT, "%s '%s' cannot be used in a firewall rule", what, name);
	return 0;
}

static bool same_host_port(const struct net_publish *a, const struct net_publish *b)
{
	return a->host_addr == b->host_addr && a->host_port == b->host_port && a->udp == b->udp;
}

/* How many containers it is for; *ret_first: the first of them. */
static size_t takers(const struct fw_spec *spec, const struct net_publish *p, size_t *ret_first)
{
	size_t n = 0;
	for (size_t i = 0; i < spec->n_ports; i++)
		if (same_host_port(&spec->ports[i], p) && n++ == 0)
			*ret_first = i;
	return n;
}

/* numgen counts in the kernel, so that no container is left out however the connections come: the first takes
 * one in n, the next one in n - 1 of the others … */
static void add_spread(struct buf *b, const struct fw_spec *spec, size_t i)
{
	const struct net_publish *p = &spec->ports[i];
	size_t first = i, n = takers(spec, p, &first);
	char addr[16];
	if (n < 2 || first != i)
		return;
	for (size_t j = i; j < spec->n_ports; j++) {
		if (!same_host_port(&spec->ports[j], p))
			continue;
		net_addr_format(p->host_addr, addr);
		buf_str(b, "\t\t");
		if (p->host_addr)
			buf_printf(b, "ip daddr %s ", addr);
		buf_printf(b, "%s dport %u ", p->udp ? "udp" : "tcp", p->host_port);
		if (n > 1)
			buf_printf(b, "numgen inc mod %zu == 0 ", n);
		net_addr_format(spec->ports[j].addr, addr);
		buf_printf(b, "dnat ip to %s:%u\n", addr, spec->ports[j].target);
		n--;
	}
}

static void add_map(struct buf *b, const struct fw_spec *spec, bool udp, bool any)
{
	buf_printf(b, "\tmap %s_%s {\n\t\ttype %sinet_service : ipv4_addr . inet_service\n",
		udp ? "udp" : "tcp", any ? "any" : "at", any ? "" : "ipv4_addr . ");
	const char *before = "\t\telements = { ";
	for (size_t i = 0; i < spec->n_ports; i++) {
		const struct net_publish *p = &spec->ports[i];
		char host[16], to[16];
		size_t first = i;
		takers(spec, p, &first);
		if (p->udp != udp || (p->host_addr == 0) != any || first != i)
			continue;
		net_addr_format(p->host_addr, host);
		net_addr_format(p->addr, to);
		buf_str(b, before);
		if (!any)
			buf_printf(b, "%s . ", host);
		buf_printf(b, "%u : %s . %u", p->host_port, to, p->target);
		before = ", ";
	}
	buf_str(b, *before == ',' ? " }\n\t}\n" : "\t}\n");
}

static void add_publishing(struct buf *b, const struct fw_spec *spec)
{
	for (int udp = 0; udp < 2; udp++) {
		add_map(b, spec, udp, true);
		add_map(b, spec, udp, false);
	}
	buf_str(b, "\tchain publish {\n");
	for (size_t i = 0; i < spec->n_ports; i++)
		add_spread(b, spec, i);
	for (int udp = 0; udp < 2; udp++) {
		const char *proto = udp ? "udp" : "tcp";
		buf_printf(b, "\t\tdnat ip to ip daddr . %s dport map @%s_at\n", proto, proto);
		buf_printf(b, "\t\tdnat ip to %s dport map @%s_any\n", proto, proto);
	}
	buf_str(b, "\t}\n"
		   "\tchain prerouting {\n\t\ttype nat hook prerouting priority -100\n"
		   "\t\tmeta nfproto ipv4 fib daddr type local jump publish\n\t}\n"
		   "\tchain output {\n\t\ttype nat hook output priority -100\n"
		   "\t\tmeta nfproto ipv4 fib daddr type local jump publish\n\t}\n");
}

static void subnet_text(const struct net *n, char buf[static 20])
{
	char addr[16];
	net_addr_format(n->subnet, addr);
	snprintf(buf, 20, "%s/%u", addr, n->prefix);
}

static void add_masquerading(struct buf *b, const struct fw_spec *spec)
{
	buf_str(b, "\tchain postrouting {\n\t\ttype nat hook postrouting priority 100\n");
	for (size_t i = 0; i < spec->n_nets; i++) {
		const struct net *n = &spec->nets[i];
		char subnet[20];
		subnet_text(n, subnet);
		if (!n->internal)
			buf_printf(b, "\t\tip saddr %s oifname != \"%s\" masquerade\n", subnet, n->bridge);
		buf_printf(b, "\t\tip saddr 127.0.0.0/8 oifname \"%s\" masquerade\n", n->bridge);
		buf_printf(
			b, "\t\tip saddr %s oifname \"%s\" ct status dnat masquerade\n", subnet, n->bridge);
	}
	buf_str(b, "\t}\n");
}

static void add_filters(struct buf *b, const struct fw_spec *spec)
{
	buf_str(b, "\tchain raw {\n\t\ttype filter hook prerouting priority -300\n");
	for (size_t i = 0; i < spec->n_nets; i++) {
		const char *br = spec->nets[i].bridge;
		buf_printf(b, "\t\tiifname \"%s\" ip daddr 127.0.0.0/8 drop\n", br);
		buf_printf(b, "\t\tiifname \"%s\" ip saddr 127.0.0.0/8 drop\n", br);
	}
	buf_str(b, "\t}\n\tchain forward {\n\t\ttype filter hook forward priority 0\n");
	for (size_t i = 0; i < spec->n_nets; i++) {
		const struct net *n = &spec->nets[i];
		if (!n->internal)
			continue;
		buf_printf(b, "\t\tiifname \"%s\" oifname != \"%s\" drop\n", n->bridge, n->bridge);
		buf_printf(b, "\t\toifname \"%s\" iifname != \"%s\" drop\n", n->bridge, n->bridge);
	}
	buf_str(b, "\t\tct state established,related accept\n\t\tct status dnat accept\n");
	for (size_t i = 0; i < spec->n_nets; i++)
		buf_printf(b, "\t\toifname \"%s\" iifname != \"%s\" drop\n", spec->nets[i].bridge,
			spec->nets[i].bridge);
	buf_str(b, "\t}\n");
}

static void add_table(struct buf *b, const struct fw_spec *spec)
{
	buf_printf(b, "table inet davit-%s {\n", spec->project);
	add_publishing(b, spec);
	add_masquerading(b, spec);
	add_filters(b, spec);
	buf_str(b, "}\n");
}

/* A chain without rules whose name is the hash of all others: one question tells whether they are as wanted.
 */
static void mark_chain(const struct buf *rules, char ret[static 24])
{
	char hex[HASH_HEX_LEN + 1];
	hash_sha256_hex(rules->p, rules->len, hex);
	snprintf(ret, 24, "is-%.16s", hex);
}

/* What is in the table is exchanged in one transaction, the table and its chains stay. -1: it is not one of ours as
 * they are now. */
static int exchange_rules(const char *table, const struct buf *rules, const char *mark, struct err *err)
{
	static const char *const maps[] = { "tcp_any", "tcp_at", "udp_any", "udp_at" };
	auto_buf struct buf all = BUF_INIT;
	char was[24];
	if (nft_find_chain(NFPROTO_INET, table, "is-", was, sizeof was, err) <= 0)
		return -1;
	buf_printf(&all, "flush table inet %s\ndelete chain inet %s %s\n", table, table, was);
	for (size_t i = 0; i < ARRAY_LEN(maps); i++)
		buf_printf(&all, "flush map inet %s %s\n", table, maps[i]);
	buf_printf(&all, "%sadd chain inet %s %s\n", rules->p, table, mark);
	return nft_run(all.p, err);
}

/* What is right is left alone, and what is not there is not deleted: the kernel would go through the motions, and
 * the worker would wait for the grace period that ends them (10 ms) when it closes its socket. */
static int replace_table(const struct fw_spec *spec, struct err *err)
{
	auto_buf struct buf rules = BUF_INIT, all = BUF_INIT;
	char table[128], mark[24] = "";
	snprintf(table, sizeof table, "davit-%s", spec->project);
	if (spec->n_nets) {
		add_table(&rules, spec);
		mark_chain(&rules, mark);
	}
	int there = nft_has(NFPROTO_INET, table, NULL, err);
	int same = there > 0 && *mark ? nft_has(NFPROTO_INET, table, mark, err) : 0;
	if (there < 0 || same < 0)
		return -1;
	if (same || (!there && !*mark))
		return 0;
	if (there && *mark && exchange_rules(table, &rules, mark, NULL) == 0)
		return 0;
	if (there)
		buf_printf(&all, "delete table inet %s\n", table);
	if (*mark)
		buf_printf(&all, "%sadd chain inet %s %s\n", rules.p, table, mark);
	return nft_run(all.p, err);
}

/* Some kernels cannot tell; then conversations that began too early end when the client pauses. */
static void forget_conversations(const struct fw_spec *spec)
{
	auto_err struct err e = ERR_INIT;
	if (conntrack_forget(spec->ports, spec->n_ports, &e) < 0)
		log_warn("project %s: %s", spec->project, err_msg(&e));
}

int fw_apply(const struct fw_spec *spec, struct err *err)
{
	if (check_name("project", spec->project, err) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_nets; i++)
		if (check_name("bridge", spec->nets[i].bridge, err) < 0)
			return -1;
	if (replace_table(spec, err) < 0)
		return err_wrap(err, "project '%s'", spec->project);
	for (size_t i = 0; i < spec->n_nets; i++)
		br_route_localnet(spec->nets[i].bridge);
	if (spec->n_nets && br_forwarding(err) < 0)
		return -1;
	forget_conversations(spec);
	return fw_docker_apply(spec, err);
}

int fw_remove(const char *project, struct err *err)
{
	return fw_apply(&(struct fw_spec){ .project = project }, err);
}
