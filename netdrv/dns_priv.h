/* dns_priv.h - what the files of the resolver share: dns.c the object and its answers, dns_conn.c clients
 * over TCP, dns_fwd.c questions passed on, dns_conf.c whom to pass them to.
 *
 * Owners: struct dns owns slots and forwarded queries; a slot owns its sockets and connections. When a
 * connection or slot goes, the queries forwarded for it go first (dns_fwd_drop). */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../src/util/map.h"
#include "dns_msg.h"
#include "net.h"

enum {
	DNS_SERVERS_MAX = 8,
	DNS_IN_FLIGHT_MAX = 4096,
	DNS_SLOT_IN_FLIGHT_MAX = 1024,
	DNS_SOCKETS_MAX = 16,
	DNS_CONNS_MAX = 64,
	DNS_QUERY_MAX = 4096,
	DNS_BUDGET_MS = 4500,
	DNS_ATTEMPTS_MIN = 3,
	DNS_CONN_IDLE_S = 10,
	DNS_ADDRS_MAX = 256,
	DNS_MESSAGE_MAX = 65535,
};

struct dns_server {
	struct sockaddr_storage addr;
	socklen_t len;
};
struct dns_servers {
	struct dns_server v[DNS_SERVERS_MAX];
	size_t n;
};
/* "8.8.8.8", "fe80::1%eth0". False when it is no address or the list is full. */
bool dns_servers_add(struct dns_servers *s, const char *text);

/* The host's resolvers, as its resolv.conf says now. */
struct dns_conf {
	char *path;
	struct dns_servers servers;
	struct stat seen;
};
const struct dns_servers *dns_conf_servers(struct dns_conf *c);

struct dns_slot {
	struct dns *dns;
	char *name;
	struct dns_servers own; /* of `dns:`; none: the host's */
	int udp_fd, tcp_fd;
	struct event *udp_ev, *tcp_ev;
	struct dns_conn *conns;
	unsigned n_conns, in_flight;
};

struct dns_conn {
	struct dns_slot *slot;
	struct bufferevent *bev;
	unsigned in_flight;
	struct dns_conn *next;
};

/* Where an answer goes: conn, else peer by UDP. */
struct dns_client {
	struct dns_slot *slot;
	struct dns_conn *conn;
	struct sockaddr_in peer;
};
void dns_reply(const struct dns_client *c, const uint8_t *p, size_t n);
void dns_conn_send(struct dns_conn *conn, const uint8_t *p, size_t n);
void on_dns_accept(evutil_socket_t fd, short what, void *slot);
void dns_conns_close(struct dns_slot *slot);
/* Answers a message from a client or passes it on. */
void dns_handle(const struct dns_client *c, const uint8_t *p, size_t n);
void dns_fail(const struct dns_client *c, const uint8_t *p, const struct dns_query *q, unsigned rcode);

struct dns_fwd;
struct dns_upsock;
struct dns {
	struct event_base *base;
	const struct dns_ops *ops;
	void *ctx;
	struct map slots; /* name → struct dns_slot */
	struct dns_conf conf;
	unsigned budget_ms;                           /* for one forwarded question, all attempts */
	struct dns_fwd *in_flight[DNS_IN_FLIGHT_MAX]; /* by the low bits of the id that was sent */
	unsigned n_in_flight;
	struct dns_upsock *socks;
	uint8_t message[DNS_MESSAGE_MAX]; /* scratch of one callback */
};
void dns_fwd_start(const struct dns_client *c, const uint8_t *p, size_t n, const struct dns_query *q);
/* Forgets what is forwarded for the slot, or for one connection of it (conn not NULL). */
void dns_fwd_drop(struct dns_slot *slot, struct dns_conn *conn);
uint32_t dns_random(void);

/* Another file than /etc/resolv.conf. */
void dns_set_resolv_conf(struct dns *d, const char *path);
