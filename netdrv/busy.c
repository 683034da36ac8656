/* busy.c - what a slot's servers do: on which ports they listen, and which conversations they are in: sockets of its namespace whose own port is one that somebody listens on there. So it
 * sees those that came by a published port and those that came by name, and none of what the slot's programs asked others. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include "../src/util/auto.h"
#include "net.h"
#include "netns.h"
#include "nls.h"

enum { LISTENING = 1 << TCP_LISTEN };
/* In TCP_FIN_WAIT2 all that the server said has arrived. */
enum {
	TALKING = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_RECV | 1 << TCP_FIN_WAIT1 | 1 << TCP_CLOSE_WAIT |
	          1 << TCP_LAST_ACK | 1 << TCP_CLOSING
};

struct count {
	uint8_t listens[65536 / 8];
	bool to_others;                  /* only listeners that others reach are of interest */
	size_t n;
};

/* Probes of its own health come that way. */
static bool is_loopback(const struct inet_diag_msg *m)
{
	uint32_t v4 = ntohl(m->idiag_family == AF_INET ? m->id.idiag_src[0] : m->id.idiag_src[3]);
	bool v6_own = m->idiag_family == AF_INET6 && !m->id.idiag_src[0] && !m->id.idiag_src[1] &&
	              !m->id.idiag_src[2] && v4 == 1;
	return v6_own || v4 >> 24 == 127;
}

static bool is_listened(const struct count *c, unsigned port)
{
	return c->listens[port / 8] >> port % 8 & 1;
}

static int take_socket(const struct nlmsghdr *nh, void *arg)
{
	struct count *c = arg;
	if (nh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nh->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return 0;
	const struct inet_diag_msg *m = NLMSG_DATA(nh);
	unsigned port = ntohs(m->id.idiag_sport);
	if (m->idiag_state != TCP_LISTEN)
		c->n += is_listened(c, port) && !is_loopback(m);
	else if (!c->to_others || !is_loopback(m))
		c->listens[port / 8] |= (uint8_t)(1u << port % 8);
	return 0;
}

static int ask(struct nls *s, struct count *c, unsigned states, struct err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	for (size_t i = 0; i < sizeof families; i++) {
		struct inet_diag_req_v2 req = {
			.sdiag_family = families[i], .sdiag_protocol = IPPROTO_TCP, .idiag_states = states
		};
		if (nls_ask(s, nls_msg(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof req), take_socket, c,
			    "list the sockets of a slot", err) < 0)
			return -1;
	}
	return 0;
}

static int count_here(struct count *c, bool talking, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_SOCK_DIAG, err) < 0 || ask(&s, c, LISTENING, err) < 0)
		return -1;
	return talking ? ask(&s, c, TALKING, err) : 0;
}

/* 1: there is no such slot. */
static int count_there(const char *netns_path, struct count *c, bool talking, struct err *err)
{
	auto_close int home = -1, fd = -1;
	int r = netns_open(netns_path, &fd, err);
	if (r != 0)
		return r;
	if ((home = netns_here(err)) < 0 || netns_enter(fd, err) < 0)
		return -1;
	r = count_here(c, talking, err);
	netns_back(home);
	return r;
}

int net_slot_conversations(const char *netns_path, size_t *ret, struct err *err)
{
	struct count c = { 0 };
	if (count_there(netns_path, &c, true, err) < 0)
		return -1;
	*ret = c.n;
	return 0;
}

int net_slot_unheard(const char *netns_path, const uint16_t *ports, size_t n, size_t *ret, struct err *err)
{
	struct count c = { .to_others = true };
	int r = count_there(netns_path, &c, false, err);
	if (r < 0)
		return -1;
	*ret = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		*ret += !is_listened(&c, ports[i]);
	return 0;
}
