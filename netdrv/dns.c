/* The resolver of a project. Its sockets live in the slots' namespaces, at 127.0.0.11 and NET_DNS_PORT, where
 * redirect.c leads port 53 to; questions that are not about the project leave from the host's namespace, so
 * they are answered on internal networks too. A message is answered or passed on within its callback; nothing
 * waits. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "dns_priv.h"
#include "netns.h"

enum { RESOLVER_ADDR = 0x7f00000b, QUERIES_PER_TURN = 32 };

/* --- answers --- */

void dns_reply(const struct dns_client *c, const uint8_t *p, size_t n)
{
	if (c->conn) {
		dns_conn_send(c->conn, p, n);
		return;
	}
	/* a client that does not take it is a client that repeats its question */
	ssize_t sent = sendto(
		c->slot->udp_fd, p, n, MSG_NOSIGNAL, (const struct sockaddr *)&c->peer, sizeof c->peer);
	(void)sent;
}

void dns_fail(const struct dns_client *c, const uint8_t *p, const struct dns_query *q, unsigned rcode)
{
	struct dns_answer a;
	uint8_t out[DNS_UDP_MIN];
	dns_answer_begin(&a, out, sizeof out, p, q, rcode);
	dns_reply(c, out, dns_answer_end(&a, q));
}

static void shuffle(uint32_t *v, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = dns_random() % i;
		uint32_t t = v[i - 1];
		v[i - 1] = v[k];
		v[k] = t;
	}
}

static size_t answer_max(const struct dns_client *c, const struct dns_query *q, size_t size)
{
	if (c->conn)
		return size;
	return q->udp_max < DNS_UDP_OURS ? q->udp_max : DNS_UDP_OURS;
}

/* False: the name is not ours. */
static bool answer_name(const struct dns_client *c, const uint8_t *p, const struct dns_query *q)
{
	const struct dns *d = c->slot->dns;
	uint32_t addrs[DNS_ADDRS_MAX];
	uint8_t out[DNS_HEADER + 512 + DNS_ADDRS_MAX * 16];
	struct dns_answer a;
	int n = d->ops->lookup(d->ctx, c->slot->name, q->name, addrs, DNS_ADDRS_MAX);
	if (n < 0)
		return false;
	shuffle(addrs, (size_t)n);
	dns_answer_begin(&a, out, answer_max(c, q, sizeof out), p, q, n ? DNS_NOERROR : DNS_NXDOMAIN);
	for (int i = 0; i < n && (q->type == DNS_TYPE_A || q->type == DNS_TYPE_ANY); i++)
		dns_answer_a(&a, addrs[i]);
	dns_reply(c, out, dns_answer_end(&a, q));
	return true;
}

static bool answer_address(const struct dns_client *c, const uint8_t *p, const struct dns_query *q)
{
	const struct dns *d = c->slot->dns;
	uint32_t addr;
	uint8_t out[DNS_UDP_OURS];
	struct dns_answer a;
	if (q->type != DNS_TYPE_PTR || !d->ops->reverse || !dns_reverse_parse(q->name, &addr))
		return false;
	const char *name = d->ops->reverse(d->ctx, c->slot->name, addr);
	if (!name)
		return false;
	dns_answer_begin(&a, out, answer_max(c, q, sizeof out), p, q, DNS_NOERROR);
	dns_answer_ptr(&a, name);
	dns_reply(c, out, dns_answer_end(&a, q));
	return true;
}

void dns_handle(const struct dns_client *c, const uint8_t *p, size_t n)
{
	struct dns_query q;
	int rcode = dns_query_parse(p, n, &q);
	if (rcode < 0)
		return;
	if (rcode > 0) {
		dns_fail(c, p, &q, (unsigned)rcode);
		return;
	}
	if (q.class == DNS_CLASS_IN && (answer_address(c, p, &q) || answer_name(c, p, &q)))
		return;
	dns_fwd_start(c, p, n, &q);
}

/* A question is taken off when it is answered or passed on: one who is killed before that leaves it to the next, who has the same socket.
 * So an answer may come twice, which clients ignore, and none is missing. */
static void on_query(evutil_socket_t fd, short what, void *arg)
{
	struct dns_slot *slot = arg;
	uint8_t query[DNS_QUERY_MAX];
	for (int i = 0; i < QUERIES_PER_TURN; i++) {
		struct dns_client c = { .slot = slot };
		socklen_t len = sizeof c.peer;
		ssize_t n = recvfrom(fd, query, sizeof query, MSG_PEEK, (struct sockaddr *)&c.peer, &len);
		if (n < 0)
			return;
		dns_handle(&c, query, (size_t)n);
		recv(fd, NULL, 0, 0);
	}
}

/* --- slots --- */

static void slot_free(void *p)
{
	struct dns_slot *s = p;
	if (!s)
		return;
	dns_conns_close(s);
	dns_fwd_drop(s, NULL);
	if (s->udp_ev)
		event_free(s->udp_ev);
	if (s->tcp_ev)
		event_free(s->tcp_ev);
	if (s->udp_fd >= 0)
		close(s->udp_fd);
	if (s->tcp_fd >= 0)
		close(s->tcp_fd);
	free(s->name);
	free(s);
}

static int bind_one(int type, unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(RESOLVER_ADDR) };
	auto_close int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	/* TCP only, for what an earlier supervisor left in TIME_WAIT; with UDP two sockets would share the
	 * port */
	if (fd >= 0 && type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
		(type == SOCK_STREAM && listen(fd, 64) < 0))
		return -1;
	return take_fd(&fd);
}

/* At *port, or where the kernel finds room when somebody in the container sits there. */
static int open_socket(int type, unsigned *port, struct err *err)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	auto_close int fd = bind_one(type, *port ? *port : NET_DNS_PORT);
	if (fd < 0 && errno == EADDRINUSE)
		fd = bind_one(type, 0);
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return err_sys(err, errno, "open the resolver's socket");
	*port = ntohs(a.sin_port);
	return take_fd(&fd);
}

static int open_sockets(
	struct dns_slot *s, const char *netns_path, unsigned *udp_port, unsigned *tcp_port, struct err *err)
{
	auto_close int ns = -1, home = netns_here(err);
	if (home < 0)
		return -1;
	int r = netns_open(netns_path, &ns, err);
	if (r == 1)
		return err_set(err, ERR_NOT_FOUND, "there is no network namespace at '%s'", netns_path);
	if (r < 0 || netns_enter(ns, err) < 0)
		return -1;
	s->udp_fd = open_socket(SOCK_DGRAM, udp_port, err);
	s->tcp_fd = s->udp_fd < 0 ? -1 : open_socket(SOCK_STREAM, tcp_port, err);
	netns_back(home);
	return s->tcp_fd < 0 ? -1 : 0;
}

static int serve(struct dns_slot *s, struct err *err)
{
	s->udp_ev = event_new(s->dns->base, s->udp_fd, EV_READ | EV_PERSIST, on_query, s);
	s->tcp_ev = event_new(s->dns->base, s->tcp_fd, EV_READ | EV_PERSIST, on_dns_accept, s);
	if (!s->udp_ev || !s->tcp_ev || event_add(s->udp_ev, NULL) < 0 || event_add(s->tcp_ev, NULL) < 0)
		return err_set(err, ERR_FAIL, "the event loop takes no more sockets");
	return 0;
}

static int add_servers(struct dns_slot *s, const char *const *servers, struct err *err)
{
	for (; servers && *servers && s->own.n < DNS_SERVERS_MAX; servers++)
		if (!dns_servers_add(&s->own, *servers))
			return err_set(err, ERR_INPUT, "dns: '%s' is not an address", *servers);
	return 0;
}

int dns_add_slot(struct dns *d, const char *slot, const char *netns_path, const char *const *servers,
	unsigned *udp_port, unsigned *tcp_port, struct err *err)
{
	dns_remove_slot(d, slot);
	struct dns_slot *s = xcalloc(1, sizeof *s);
	*s = (struct dns_slot){ .dns = d, .name = xstrdup(slot), .udp_fd = -1, .tcp_fd = -1 };
	if (add_servers(s, servers, err) < 0 || open_sockets(s, netns_path, udp_port, tcp_port, err) < 0 ||
		serve(s, err) < 0) {
		slot_free(s);
		return err_wrap(err, "slot '%s'", slot);
	}
	map_set(&d->slots, slot, s);
	return 0;
}

int dns_adopt_slot(struct dns *d, const char *slot, const char *const *servers, int udp_fd, int tcp_fd, struct err *err)
{
	dns_remove_slot(d, slot);
	struct dns_slot *s = xcalloc(1, sizeof *s);
	*s = (struct dns_slot){ .dns = d, .name = xstrdup(slot), .udp_fd = udp_fd, .tcp_fd = tcp_fd };
	if (add_servers(s, servers, err) < 0 || serve(s, err) < 0) {
		slot_free(s);
		return err_wrap(err, "slot '%s'", slot);
	}
	map_set(&d->slots, slot, s);
	return 0;
}

int dns_slot_sockets(const struct dns *d, const char *slot, int *ret_udp, int *ret_tcp)
{
	const struct dns_slot *s = map_get(&d->slots, slot);

	if (!s)
		return -1;
	*ret_udp = s->udp_fd;
	*ret_tcp = s->tcp_fd;
	return 0;
}

void dns_remove_slot(struct dns *d, const char *slot)
{
	slot_free(map_remove(&d->slots, slot));
}

int dns_new(struct event_base *base, const struct dns_ops *ops, void *ctx, struct dns **ret, struct err *err)
{
	struct dns *d = xcalloc(1, sizeof *d);
	d->base = base;
	d->ops = ops;
	d->ctx = ctx;
	d->budget_ms = DNS_BUDGET_MS;
	dns_set_resolv_conf(d, "/etc/resolv.conf");
	*ret = d;
	return 0;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	map_done(&d->slots, slot_free);
	free(d->conf.path);
	free(d);
}
