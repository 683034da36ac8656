/* busy.c - conversations that a slot's servers are in: sockets of its namespace whose own port is one that somebody listens on there. So it
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

static int take_socket(const struct nlmsghdr *nh, void *arg)
{
	struct count *c = arg;
	if (nh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nh->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return 0;
	const struct inet_diag_msg *m = NLMSG_DATA(nh);
	unsigned port = ntohs(m->id.idiag_sport);
	if (m->idiag_state == TCP_LISTEN)
		c->listens[port / 8] |= (uint8_t)(1u << port % 8);
	else if (c->listens[port / 8] >> port % 8 & 1 && !is_loopback(m))
		c->n++;
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

static int count_here(size_t *ret, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	struct count c = { 0 };
	if (nls_open(&s, NETLINK_SOCK_DIAG, err) < 0 || ask(&s, &c, LISTENING, err) < 0 || ask(&s, &c, TALKING, err) < 0)
		return -1;
	*ret = c.n;
	return 0;
}

int net_slot_conversations(const char *netns_path, size_t *ret, struct err *err)
{
	auto_close int home = -1, fd = -1;
	int r = netns_open(netns_path, &fd, err);
	*ret = 0;
	if (r != 0)
		return r < 0 ? -1 : 0;
	if ((home = netns_here(err)) < 0 || netns_enter(fd, err) < 0)
		return -1;
	r = count_here(ret, err);
	netns_back(home);
	return r;
}
