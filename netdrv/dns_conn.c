/* Clients over TCP: each message has its length before it; several may be under way on one connection. */
#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <unistd.h>

#include "../src/util/log.h"
#include "../src/util/mem.h"
#include "dns_priv.h"

enum { OUTPUT_MAX_BYTES = 256 * 1024 };

static void conn_close(struct dns_conn *conn)
{
	struct dns_slot *slot = conn->slot;
	dns_fwd_drop(slot, conn);
	for (struct dns_conn **p = &slot->conns; *p; p = &(*p)->next)
		if (*p == conn) {
			*p = conn->next;
			break;
		}
	slot->n_conns--;
	bufferevent_free(conn->bev);
	free(conn);
}

void dns_conns_close(struct dns_slot *slot)
{
	while (slot->conns)
		conn_close(slot->conns);
}

void dns_conn_send(struct dns_conn *conn, const uint8_t *p, size_t n)
{
	uint8_t len[2] = { (uint8_t)(n >> 8), (uint8_t)n };
	struct evbuffer *out = bufferevent_get_output(conn->bev);
	/* who asks and does not read gets no more; the read timeout ends it */
	if (evbuffer_get_length(out) > OUTPUT_MAX_BYTES)
		return;
	evbuffer_add(out, len, sizeof len);
	evbuffer_add(out, p, n);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct dns_conn *conn = arg;
	struct dns_client client = { .slot = conn->slot, .conn = conn };
	struct evbuffer *in = bufferevent_get_input(bev);
	uint8_t len[2], query[DNS_QUERY_MAX];
	while (evbuffer_copyout(in, len, sizeof len) == sizeof len) {
		size_t n = (size_t)(len[0] << 8 | len[1]);
		if (n > sizeof query) {
			conn_close(conn);
			return;
		}
		if (evbuffer_get_length(in) < sizeof len + n)
			return;
		evbuffer_drain(in, sizeof len);
		evbuffer_remove(in, query, n);
		dns_handle(&client, query, n);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	conn_close(arg);
}

static void conn_new(struct dns_slot *slot, int fd)
{
	struct bufferevent *bev = bufferevent_socket_new(slot->dns->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		close(fd);
		return;
	}
	struct dns_conn *conn = xcalloc(1, sizeof *conn);
	*conn = (struct dns_conn){ .slot = slot, .bev = bev, .next = slot->conns };
	slot->conns = conn;
	slot->n_conns++;
	struct timeval idle = { .tv_sec = DNS_CONN_IDLE_S };
	bufferevent_setcb(bev, on_read, NULL, on_event, conn);
	bufferevent_set_timeouts(bev, &idle, &idle);
	bufferevent_setwatermark(bev, EV_READ, 0, DNS_QUERY_MAX + 2);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

void on_dns_accept(evutil_socket_t listener, short what, void *arg)
{
	struct dns_slot *slot = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			log_warn("resolver of %s: accept: errno %d", slot->name, errno);
		return;
	}
	if (slot->n_conns >= DNS_CONNS_MAX)
		close(fd);
	else
		conn_new(slot, fd);
}
