/* Questions passed on. How it works:
 *
 * A question is sent on with an id of ours to one server after the other, by UDP or TCP as it came, until one
 * answers or the budget of 4.5 s is over; then the client gets SERVFAIL. An answer counts only from the
 * socket that is connected to the server asked, with that id and question; for a forger there are id and
 * source port to guess. UDP sockets are opened when there is something to ask and closed when nothing is
 * under way on them, so a lonely question has a port of its own; at most DNS_SOCKETS_MAX per server share a
 * burst.
 *
 * A server that refuses or fails is left for the next at once. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/clock.h"
#include "../src/util/mem.h"
#include "dns_priv.h"

struct dns_upsock {
	struct dns *dns;
	int fd;
	struct event ev;
	struct dns_server server;
	unsigned in_flight;
	struct dns_upsock *next;
};

struct dns_fwd {
	struct dns *dns;
	struct dns_client client;
	uint16_t id, client_id;
	uint8_t *query; /* with our id */
	size_t len, udp_max;
	struct dns_servers servers;
	unsigned attempt, attempts;
	struct event timer;
	struct dns_upsock *sock; /* while asked by UDP */
	struct bufferevent *tcp; /* while asked by TCP */
};

static void fwd_next(struct dns_fwd *f);

uint32_t dns_random(void)
{
	static uint32_t pool[64];
	static size_t left;
	if (!left) {
		if (getrandom(pool, sizeof pool, 0) != sizeof pool)
			abort();
		left = ARRAY_LEN(pool);
	}
	return pool[--left];
}

/* --- sockets --- */

static void upsock_free(struct dns_upsock *s)
{
	for (struct dns_upsock **p = &s->dns->socks; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	event_del(&s->ev);
	close(s->fd);
	free(s);
}

static void upsock_release(struct dns_upsock *s)
{
	if (--s->in_flight == 0)
		upsock_free(s);
}

static void on_udp_answer(evutil_socket_t fd, short what, void *arg);

static struct dns_upsock *upsock_new(struct dns *d, const struct dns_server *server)
{
	auto_close int fd = socket(server->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&server->addr, server->len) < 0)
		return NULL;
	struct dns_upsock *s = xcalloc(1, sizeof *s);
	*s = (struct dns_upsock){ .dns = d, .fd = take_fd(&fd), .server = *server, .next = d->socks };
	d->socks = s;
	event_assign(&s->ev, d->base, s->fd, EV_READ | EV_PERSIST, on_udp_answer, s);
	event_add(&s->ev, NULL);
	return s;
}

/* A new one, or one by lot of those there are. */
static struct dns_upsock *upsock_for(struct dns *d, const struct dns_server *server)
{
	struct dns_upsock *chosen = NULL;
	unsigned n = 0;
	for (struct dns_upsock *s = d->socks; s; s = s->next)
		if (s->server.len == server->len &&
			memcmp(&s->server.addr, &server->addr, server->len) == 0 && dns_random() % ++n == 0)
			chosen = s;
	struct dns_upsock *fresh = n < DNS_SOCKETS_MAX ? upsock_new(d, server) : NULL;
	chosen = fresh ? fresh : chosen;
	if (chosen)
		chosen->in_flight++;
	return chosen;
}

/* --- one question --- */

static void attempt_end(struct dns_fwd *f)
{
	if (f->sock)
		upsock_release(f->sock);
	if (f->tcp)
		bufferevent_free(f->tcp);
	f->sock = NULL;
	f->tcp = NULL;
}

static void fwd_free(struct dns_fwd *f)
{
	struct dns *d = f->dns;
	attempt_end(f);
	event_del(&f->timer);
	d->in_flight[f->id % DNS_IN_FLIGHT_MAX] = NULL;
	d->n_in_flight--;
	f->client.slot->in_flight--;
	if (f->client.conn)
		f->client.conn->in_flight--;
	free(f->query);
	free(f);
}

static void fwd_fail(struct dns_fwd *f)
{
	struct dns_query q;
	dns_set_id(f->query, f->client_id);
	if (dns_query_parse(f->query, f->len, &q) == 0)
		dns_fail(&f->client, f->query, &q, DNS_SERVFAIL);
	fwd_free(f);
}

/* Too long for a client over UDP: what it gets is an empty answer that says so, and it asks again by TCP. */
static void relay_truncated(struct dns_fwd *f)
{
	struct dns_query q;
	struct dns_answer a;
	uint8_t out[DNS_UDP_MIN];
	dns_set_id(f->query, f->client_id);
	if (dns_query_parse(f->query, f->len, &q) != 0)
		return;
	dns_answer_begin(&a, out, sizeof out, f->query, &q, DNS_NOERROR);
	a.truncated = true;
	dns_reply(&f->client, out, dns_answer_end(&a, &q));
}

static void fwd_answer(struct dns_fwd *f, uint8_t *p, size_t n)
{
	unsigned rcode = dns_rcode(p);
	bool useless = rcode == DNS_SERVFAIL || rcode == DNS_REFUSED || rcode == DNS_NOTIMP;
	if (useless && f->attempt < f->servers.n) {
		fwd_next(f);
		return;
	}
	dns_set_id(p, f->client_id);
	if (!f->client.conn && n > f->udp_max)
		relay_truncated(f);
	else
		dns_reply(&f->client, p, n);
	fwd_free(f);
}

static bool answers(const struct dns_fwd *f, const uint8_t *p, size_t n)
{
	return dns_is_response(p, n) && dns_id(p) == f->id && dns_same_question(p, n, f->query, f->len);
}

/* The server is not there: the kernel says so for all that is under way on this socket. */
static void upsock_failed(struct dns_upsock *s)
{
	struct dns *d = s->dns;
	s->in_flight++; /* keeps it while its questions leave */
	for (size_t i = 0; i < DNS_IN_FLIGHT_MAX && s->in_flight > 1; i++)
		if (d->in_flight[i] && d->in_flight[i]->sock == s)
			fwd_next(d->in_flight[i]);
	upsock_release(s);
}

static void on_udp_answer(evutil_socket_t fd, short what, void *arg)
{
	struct dns_upsock *s = arg;
	struct dns *d = s->dns;
	ssize_t n = recv(fd, d->message, sizeof d->message, 0);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		upsock_failed(s);
		return;
	}
	if (n < DNS_HEADER)
		return;
	struct dns_fwd *f = d->in_flight[dns_id(d->message) % DNS_IN_FLIGHT_MAX];
	if (f && f->sock == s && answers(f, d->message, (size_t)n))
		fwd_answer(f, d->message, (size_t)n);
}

static void on_tcp_read(struct bufferevent *bev, void *arg)
{
	struct dns_fwd *f = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t len[2];
	if (evbuffer_copyout(in, len, sizeof len) != sizeof len)
		return;
	size_t n = (size_t)(len[0] << 8 | len[1]);
	if (evbuffer_get_length(in) < sizeof len + n)
		return;
	evbuffer_drain(in, sizeof len);
	evbuffer_remove(in, f->dns->message, n);
	if (answers(f, f->dns->message, n))
		fwd_answer(f, f->dns->message, n);
	else
		fwd_next(f);
}

static void on_tcp_event(struct bufferevent *bev, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		fwd_next(arg);
}

static int ask_tcp(struct dns_fwd *f, const struct dns_server *server)
{
	uint8_t len[2] = { (uint8_t)(f->len >> 8), (uint8_t)f->len };
	int fd = socket(server->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* deferred: a refusal known at once must not call back while fwd_next() is at work */
	f->tcp = bufferevent_socket_new(f->dns->base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!f->tcp) {
		close(fd);
		return -1;
	}
	bufferevent_setcb(f->tcp, on_tcp_read, NULL, on_tcp_event, f);
	bufferevent_write(f->tcp, len, sizeof len);
	bufferevent_write(f->tcp, f->query, f->len);
	bufferevent_enable(f->tcp, EV_READ | EV_WRITE);
	return bufferevent_socket_connect(f->tcp, (const struct sockaddr *)&server->addr, (int)server->len);
}

static int ask_udp(struct dns_fwd *f, const struct dns_server *server)
{
	f->sock = upsock_for(f->dns, server);
	/* a full send buffer is as good as a lost packet: the timer repeats */
	if (!f->sock || (send(f->sock->fd, f->query, f->len, 0) < 0 && errno != EAGAIN && errno != ENOBUFS))
		return -1;
	return 0;
}

/* Asks the next server; the first is asked again when all were. */
static void fwd_next(struct dns_fwd *f)
{
	for (;;) {
		attempt_end(f);
		if (f->attempt >= f->attempts) {
			fwd_fail(f);
			return;
		}
		const struct dns_server *server = &f->servers.v[f->attempt++ % f->servers.n];
		if ((f->client.conn ? ask_tcp(f, server) : ask_udp(f, server)) == 0)
			break;
	}
	unsigned ms = f->dns->budget_ms / f->attempts;
	event_add(&f->timer, &(struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 });
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	fwd_next(arg);
}

/* An id whose place in the table is free. There is one, since the table is not full. */
static uint16_t free_id(struct dns *d)
{
	uint32_t id = dns_random();
	while (d->in_flight[id % DNS_IN_FLIGHT_MAX])
		id++;
	return (uint16_t)id;
}

void dns_fwd_start(const struct dns_client *c, const uint8_t *p, size_t n, const struct dns_query *q)
{
	struct dns *d = c->slot->dns;
	const struct dns_servers *servers = c->slot->own.n ? &c->slot->own : dns_conf_servers(&d->conf);
	if (!servers->n || d->n_in_flight >= DNS_IN_FLIGHT_MAX ||
		c->slot->in_flight >= DNS_SLOT_IN_FLIGHT_MAX) {
		dns_fail(c, p, q, DNS_SERVFAIL);
		return;
	}
	struct dns_fwd *f = xcalloc(1, sizeof *f);
	*f = (struct dns_fwd){ .dns = d,
		.client = *c,
		.id = free_id(d),
		.client_id = q->id,
		.len = n,
		.udp_max = q->udp_max,
		.servers = *servers };
	f->attempts = servers->n > DNS_ATTEMPTS_MIN ? (unsigned)servers->n : DNS_ATTEMPTS_MIN;
	f->query = xmalloc(n);
	memcpy(f->query, p, n);
	dns_set_id(f->query, f->id);
	d->in_flight[f->id % DNS_IN_FLIGHT_MAX] = f;
	d->n_in_flight++;
	c->slot->in_flight++;
	if (c->conn)
		c->conn->in_flight++;
	evtimer_assign(&f->timer, d->base, on_timer, f);
	fwd_next(f);
}

void dns_fwd_drop(struct dns_slot *slot, struct dns_conn *conn)
{
	struct dns *d = slot->dns;
	unsigned left = conn ? conn->in_flight : slot->in_flight;
	for (size_t i = 0; i < DNS_IN_FLIGHT_MAX && left; i++) {
		struct dns_fwd *f = d->in_flight[i];
		if (!f || f->client.slot != slot || (conn && f->client.conn != conn))
			continue;
		fwd_free(f);
		left--;
	}
}
