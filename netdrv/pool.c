#include "pool.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "net.h"
#include "nls.h"

/* 172.17 is the last of the first kind, since Docker's own bridge has it where Docker is. */
static const struct {
	uint32_t from;
	uint8_t prefix;
	unsigned count;
} defaults[] = {
	{ 0xac120000, 16, 14 },  /* 172.18.0.0 - 172.31.0.0 */
	{ 0xac110000, 16, 1 },   /* 172.17.0.0 */
	{ 0xc0a80000, 20, 16 },  /* 192.168.0.0 - 192.168.240.0 */
	{ 0x0a000000, 16, 256 }, /* 10.0.0.0 - 10.255.0.0 */
};

static uint32_t mask_of(uint8_t prefix)
{
	return prefix ? ~0u << (32 - prefix) : 0;
}

static int cidr_parse(const char *text, uint32_t *ret_addr, uint8_t *ret_prefix)
{
	char addr[32];
	const char *slash = strchr(text, '/');
	unsigned prefix;
	if (!slash || (size_t)(slash - text) >= sizeof addr || str_uint(slash + 1, 0, 32, &prefix) < 0)
		return -1;
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = 0;
	*ret_prefix = (uint8_t)prefix;
	return net_addr_parse(addr, ret_addr);
}

static int range_parse(const char *ip_range, struct pool *p, struct err *err)
{
	uint32_t addr;
	uint8_t prefix;
	p->first = p->subnet + 1;
	p->last = (p->subnet | ~mask_of(p->prefix)) - 1;
	if (!ip_range)
		return 0;
	if (cidr_parse(ip_range, &addr, &prefix) < 0)
		return err_set(err, ERR_INPUT, "'%s' is not an IPv4 range such as '172.20.5.0/24'", ip_range);
	addr &= mask_of(prefix);
	if (prefix < p->prefix || !pool_overlaps(p, addr, prefix))
		return err_set(err, ERR_INPUT, "range '%s' is not inside the subnet", ip_range);
	uint32_t end = addr | ~mask_of(prefix);
	p->first = addr > p->first ? addr : p->first;
	p->last = end < p->last ? end : p->last;
	return 0;
}

int pool_parse(
	const char *subnet, const char *gateway, const char *ip_range, struct pool *ret, struct err *err)
{
	struct pool p = { 0 };
	if (cidr_parse(subnet, &p.subnet, &p.prefix) < 0)
		return err_set(err, ERR_INPUT, "'%s' is not an IPv4 subnet such as '172.20.0.0/16'", subnet);
	if (p.prefix < 8 || p.prefix > 30)
		return err_set(err, ERR_INPUT, "subnet '%s': the prefix must be 8 to 30", subnet);
	p.subnet &= mask_of(p.prefix);
	p.gateway = p.subnet + 1;
	if (gateway && net_addr_parse(gateway, &p.gateway) < 0)
		return err_set(err, ERR_INPUT, "gateway '%s' is not an IPv4 address", gateway);
	uint32_t last = p.subnet | ~mask_of(p.prefix);
	if (p.gateway <= p.subnet || p.gateway >= last)
		return err_set(err, ERR_INPUT, "gateway '%s' is not inside subnet '%s'", gateway, subnet);
	if (range_parse(ip_range, &p, err) < 0)
		return -1;
	*ret = p;
	return 0;
}

void pool_subnet_format(const struct pool *p, char buf[static 20])
{
	char addr[16];
	net_addr_format(p->subnet, addr);
	snprintf(buf, 20, "%s/%u", addr, p->prefix);
}

bool pool_overlaps(const struct pool *p, uint32_t subnet, uint8_t prefix)
{
	uint32_t mask = mask_of(p->prefix < prefix ? p->prefix : prefix);
	return (p->subnet & mask) == (subnet & mask);
}

bool pool_usable(const struct pool *p, uint32_t addr)
{
	return addr > p->subnet && addr < (p->subnet | ~mask_of(p->prefix)) && addr != p->gateway;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

int pool_lowest(const struct pool *p, uint32_t *taken, size_t n, uint32_t *ret)
{
	if (n)
		qsort(taken, n, sizeof *taken, by_value);
	size_t i = 0;
	for (uint32_t addr = p->first; addr <= p->last; addr++) {
		while (i < n && taken[i] < addr)
			i++;
		if ((i < n && taken[i] == addr) || !pool_usable(p, addr))
			continue;
		*ret = addr;
		return 0;
	}
	return -1;
}

void subnets_add(struct subnets *s, uint32_t addr, uint8_t prefix)
{
	struct subnet *one = XGROW(s->v, s->n, s->cap);
	*one = (struct subnet){ .addr = addr, .prefix = prefix };
}

void subnets_done(struct subnets *s)
{
	free(s->v);
	*s = (struct subnets){ 0 };
}

static int take_route(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg *rt = NLMSG_DATA(nh);
	if (nh->nlmsg_type != RTM_NEWROUTE || rt->rtm_family != AF_INET || !rt->rtm_dst_len ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof *rt, tb, RTA_MAX, NULL) < 0 || !tb[RTA_DST])
		return 0;
	/* two halves of the world in place of a default route, as VPNs do it, are no reason to have no
	 * networks */
	if (rt->rtm_dst_len >= 4)
		subnets_add(arg, ntohl(nla_get_u32(tb[RTA_DST])), rt->rtm_dst_len);
	return 0;
}

int subnets_of_host(struct subnets *ret, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	struct rtmsg rt = { .rtm_family = AF_INET };
	int r = NLS_INTERRUPTED;
	if (nls_open(&s, NETLINK_ROUTE, err) < 0)
		return -1;
	/* what an interrupted reading found is kept; a repetition can only add to it */
	for (int tries = 0; r == NLS_INTERRUPTED && tries < 5; tries++)
		r = nls_ask(&s, nls_msg(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof rt), take_route, ret,
			"list routes", err);
	return r < 0 ? -1 : 0;
}

static bool is_free(const struct subnets *taken, const struct pool *p)
{
	for (size_t i = 0; i < taken->n; i++)
		if (pool_overlaps(p, taken->v[i].addr, taken->v[i].prefix))
			return false;
	return true;
}

int pool_choose(const struct subnets *taken, struct pool *ret, struct err *err)
{
	for (size_t k = 0; k < sizeof defaults / sizeof *defaults; k++)
		for (unsigned i = 0; i < defaults[k].count; i++) {
			struct pool p = { .subnet = defaults[k].from + (i << (32 - defaults[k].prefix)),
				.prefix = defaults[k].prefix };
			if (!is_free(taken, &p))
				continue;
			p.gateway = p.subnet + 1;
			range_parse(NULL, &p, NULL);
			*ret = p;
			return 0;
		}
	err_set(err, ERR_BUSY, "no free subnet is left for a network");
	return err_hint(
		err, "remove unused networks, or give this one a subnet of its own (ipam.config.subnet)");
}
