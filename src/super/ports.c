/* ports.c - host ports that the units hold, and their resolver's sockets: bind(2) only, so it is done in the loop. */
#include "pre_start.h"

#include <fcntl.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

enum { FLUX_MS = 2000 };

static void forget_wanted_ports(struct unit *u)
{
	for (size_t i = 0; i < u->n_want_ports; i++)
		free(u->want_ports[i].host_ip);
	free(u->want_ports);
	u->want_ports = NULL;
	u->n_want_ports = 0;
}

void network_want_ports(struct unit *u, const struct service *svc)
{
	forget_wanted_ports(u);
	u->want_ports = xcalloc(svc->n_ports + 1, sizeof *u->want_ports);
	u->n_want_ports = svc->n_ports;
	for (size_t i = 0; i < svc->n_ports; i++) {
		const struct port *p = &svc->ports[i];
		u->want_ports[i] = (struct want_port){
			.host_ip = xstrdup(p->host_ip), .min = p->published_min, .max = p->published_max,
			.target = p->target, .udp = p->protocol && STREQ(p->protocol, "udp"),
		};
	}
}

void network_want_again(struct unit *u, const struct unit_rec *had)
{
	forget_wanted_ports(u);
	u->want_ports = xcalloc(had->n_ports + 1, sizeof *u->want_ports);
	u->n_want_ports = had->n_ports;
	for (size_t i = 0; i < had->n_ports; i++) {
		const struct unit_port *p = &had->ports[i];
		u->want_ports[i] = (struct want_port){ .host_ip = xstrdup(p->host_ip), .min = p->host, .max = p->host,
						       .target = p->target, .udp = STREQ(p->protocol, "udp") };
	}
}

/* The keeper's name for a reservation: the same as long as it is the same port. */
static char *port_fd_name(const struct unit *u, const struct unit_port *p)
{
	return xasprintf("port:%s:%u/%s:%s", u->rec.slot, p->host, p->protocol, p->host_ip ? p->host_ip : "");
}

char *network_port_name(const struct unit *u, size_t i)
{
	return port_fd_name(u, &u->rec.ports[i]);
}

static void port_done(struct unit *u, struct unit_port *p, int fd)
{
	if (fd >= 0) {
		auto_free char *name = port_fd_name(u, p);
		close(fd);
		keeper_drop_fd(u->s, name);
		u->s->ports_dropped_mono = clock_mono_ns();
	}
	free(p->host_ip);
	free(p->protocol);
}

void network_drop_ports(struct unit *u)
{
	for (size_t i = 0; i < u->rec.n_ports; i++)
		port_done(u, &u->rec.ports[i], u->port_fds ? u->port_fds[i] : -1);
	free(u->rec.ports);
	free(u->port_fds);
	u->rec.ports = NULL;
	u->port_fds = NULL;
	u->rec.n_ports = 0;
}

/* For the end of the process: the keeper goes on holding them. */
void network_free_ports(struct unit *u)
{
	for (size_t i = 0; u->port_fds && i < u->rec.n_ports; i++)
		if (u->port_fds[i] >= 0)
			close(u->port_fds[i]);
	free(u->port_fds);
	u->port_fds = NULL;
	forget_wanted_ports(u);
}

static bool port_is(const struct unit_port *p, const struct want_port *w)
{
	return p->target == w->target && str_eq(p->host_ip, w->host_ip) &&
	       STREQ(p->protocol, w->udp ? "udp" : "tcp") &&
	       (w->min == 0 || (p->host >= w->min && p->host <= w->max));
}

bool network_holds_port(const struct unit *u, size_t i)
{
	for (size_t k = 0; k < u->rec.n_ports; k++)
		if (u->port_fds && u->port_fds[k] >= 0 && port_is(&u->rec.ports[k], &u->want_ports[i]))
			return true;
	return false;
}

/* Nobody but the keeper may still hold what was dropped a moment ago: it, and workers born before, need that moment. */
bool network_ports_in_flux(const struct super *s)
{
	return s->ports_dropped_mono && clock_mono_ns() - s->ports_dropped_mono < FLUX_MS * MS_NS;
}

/* One host port is its service's; what was chosen from several is its slot's, whichever side of it runs. */
static bool may_share(const struct unit *u, const struct unit *with, const struct want_port *w)
{
	return u != with && STREQ(u->rec.service, with->rec.service) && !u->rec.init_of && !with->rec.init_of && !u->rec.run && !with->rec.run &&
	       ((w->min && w->min == w->max) || u->rec.index == with->rec.index);
}

/* Each replica holds the reservation that its service has: it is one socket, let go when the last of them does. */
static bool share_port(struct unit *u, const struct want_port *w, unsigned *ret_port, int *ret_fd)
{
	map_each(&u->s->units, it) {
		const struct unit *v = it->value;
		for (size_t i = 0; v->port_fds && may_share(u, v, w) && i < v->rec.n_ports; i++) {
			if (v->port_fds[i] < 0 || !port_is(&v->rec.ports[i], w))
				continue;
			*ret_port = v->rec.ports[i].host;
			*ret_fd = fcntl(v->port_fds[i], F_DUPFD_CLOEXEC, 0);
			return *ret_fd >= 0;
		}
	}
	return false;
}

static int reserve(struct unit *u, const struct want_port *w, unsigned *ret_port, int *ret_fd, struct err *err)
{
	uint32_t addr = 0;

	if (w->host_ip && *w->host_ip && net_addr_parse(w->host_ip, &addr) < 0)
		return err_set(err, ERR_INPUT, "host address '%s' of port %u is not an IPv4 address", w->host_ip,
			       w->target);
	if (share_port(u, w, ret_port, ret_fd))
		return 0;
	return publish_reserve(addr, w->min, w->max, w->udp, ret_fd, ret_port, err);
}

static int bind_port(struct unit *u, const struct want_port *w, struct unit_port *p, int *fd, struct err *err)
{
	auto_free char *name = NULL;

	if (reserve(u, w, &p->host, fd, err) < 0)
		return -1;
	p->host_ip = xstrdup(w->host_ip);
	p->target = w->target;
	p->protocol = xstrdup(w->udp ? "udp" : "tcp");
	name = port_fd_name(u, p);
	keeper_store_fd(u->s, name, *fd);
	return 0;
}

/* A port that is held already moves over; it is never let go in between. */
static bool take_held(struct unit *u, const struct want_port *w, struct unit_port *p, int *fd)
{
	for (size_t i = 0; i < u->rec.n_ports; i++) {
		if (!u->port_fds || u->port_fds[i] < 0 || !port_is(&u->rec.ports[i], w))
			continue;
		*p = u->rec.ports[i];
		*fd = take_fd(&u->port_fds[i]);
		u->rec.ports[i].host_ip = u->rec.ports[i].protocol = NULL;
		return true;
	}
	return false;
}

void network_shed_ports(struct unit *u)
{
	size_t n = 0;

	for (size_t i = 0; i < u->rec.n_ports; i++) {
		bool wanted = false;
		for (size_t k = 0; k < u->n_want_ports && !wanted; k++)
			wanted = port_is(&u->rec.ports[i], &u->want_ports[k]);
		if (!wanted) {
			port_done(u, &u->rec.ports[i], u->port_fds ? u->port_fds[i] : -1);
			continue;
		}
		u->rec.ports[n] = u->rec.ports[i];
		if (u->port_fds)
			u->port_fds[n] = u->port_fds[i];
		n++;
	}
	u->rec.n_ports = n;
}

int network_take_ports(struct unit *u, size_t *ret_index, struct err *err)
{
	struct unit_port *ports = xcalloc(u->n_want_ports + 1, sizeof *ports);
	int *fds = xcalloc(u->n_want_ports + 1, sizeof *fds), r = 0;
	size_t n;

	*ret_index = 0;
	for (size_t i = 0; i < u->n_want_ports; i++)
		if (!take_held(u, &u->want_ports[i], &ports[i], &fds[i]))
			fds[i] = -1;
	network_drop_ports(u);
	for (n = 0; n < u->n_want_ports && r == 0; n++) {
		if (fds[n] < 0)
			r = bind_port(u, &u->want_ports[n], &ports[n], &fds[n], err);
		*ret_index = n;
	}
	if (r < 0) {                     /* what follows the failed one was held, or is nothing */
		for (size_t i = 0; i < u->n_want_ports; i++)
			if (fds[i] >= 0)
				port_done(u, &ports[i], fds[i]);
		free(ports);
		free(fds);
		return -1;
	}
	u->rec.ports = ports;
	u->rec.n_ports = u->n_want_ports;
	u->port_fds = fds;
	return 0;
}

/* The record tells which ports were given; they are wanted again just so. A port that somebody else took in the meantime is his: the
 * container keeps what the rules send it. */
static void adopt_port(struct unit *u, size_t i)
{
	const struct unit_port *p = &u->rec.ports[i];
	struct want_port *w = &u->want_ports[i];
	auto_free char *name = port_fd_name(u, p);
	auto_err struct err err = ERR_INIT;
	unsigned port;

	*w = (struct want_port){ .host_ip = xstrdup(p->host_ip), .min = p->host, .max = p->host,
				 .target = p->target, .udp = STREQ(p->protocol, "udp") };
	u->port_fds[i] = keeper_take_fd(u->s, name);
	if (u->port_fds[i] >= 0 || !unit_has_process(u->state))
		return;
	if (reserve(u, w, &port, &u->port_fds[i], &err) < 0)
		log_warn("%s: %s", u->rec.slot, err_msg(&err));
	else
		keeper_store_fd(u->s, name, u->port_fds[i]);
}

void network_adopt_ports(struct unit *u)
{
	u->want_ports = xcalloc(u->rec.n_ports + 1, sizeof *u->want_ports);
	u->port_fds = xcalloc(u->rec.n_ports + 1, sizeof *u->port_fds);
	u->n_want_ports = u->rec.n_ports;
	for (size_t i = 0; i < u->rec.n_ports; i++)
		u->port_fds[i] = -1;     /* until it is looked at */
	for (size_t i = 0; i < u->rec.n_ports; i++)
		adopt_port(u, i);
}

/* ------------------------------------------------------------------ names
 *
 * The keeper has the resolver's sockets, too: what is asked while there is no supervisor waits for the next one. */

static char *dns_fd_name(const struct unit *u, const char *kind)
{
	return xasprintf("dns:%s:%s", u->rec.slot, kind);
}

static bool adopt_sockets(struct unit *u, const char *const *servers)
{
	auto_free char *udp_name = dns_fd_name(u, "udp"), *tcp_name = dns_fd_name(u, "tcp");
	int udp = keeper_take_fd(u->s, udp_name), tcp = keeper_take_fd(u->s, tcp_name);
	auto_err struct err err = ERR_INIT;

	if (udp >= 0 && tcp >= 0 && dns_adopt_slot(u->s->dns, u->rec.slot, servers, udp, tcp, &err) == 0)
		return true;
	if (err.kind) {
		log_error("%s: names: %s", u->rec.slot, err_msg(&err));
		return false;
	}
	if (udp >= 0)
		close(udp);
	if (tcp >= 0)
		close(tcp);
	return false;
}

static bool open_sockets(struct unit *u, const char *const *servers)
{
	auto_free char *pin = super_run_path(u->s, "netns", u->rec.slot);
	auto_free char *udp_name = dns_fd_name(u, "udp"), *tcp_name = dns_fd_name(u, "tcp");
	auto_err struct err err = ERR_INIT;
	int udp, tcp;

	if (dns_add_slot(u->s->dns, u->rec.slot, pin, servers, &u->rec.dns_udp, &u->rec.dns_tcp, &err) < 0) {
		log_error("%s: names: %s", u->rec.slot, err_msg(&err));
		return false;
	}
	if (dns_slot_sockets(u->s->dns, u->rec.slot, &udp, &tcp) == 0) {
		keeper_store_fd(u->s, udp_name, udp);
		keeper_store_fd(u->s, tcp_name, tcp);
	}
	/* after a crash the networks are set up anyway, as soon as it is known which there are */
	if (!u->s->adopting && (u->rec.dns_udp != NET_DNS_PORT || u->rec.dns_tcp != NET_DNS_PORT))
		network_setup(u->s, NULL, NULL);
	return true;
}

/* The same sockets; the servers it asks may be others by now. */
static void serve_anew(struct unit *u, const char *const *servers)
{
	auto_err struct err err = ERR_INIT;
	int udp, tcp;

	if (dns_slot_sockets(u->s->dns, u->rec.slot, &udp, &tcp) < 0)
		return;
	udp = fcntl(udp, F_DUPFD_CLOEXEC, 0);
	tcp = fcntl(tcp, F_DUPFD_CLOEXEC, 0);
	if (dns_adopt_slot(u->s->dns, u->rec.slot, servers, udp, tcp, &err) < 0)
		log_error("%s: names: %s", u->rec.slot, err_msg(&err));
}

static void serve(struct unit *u)
{
	const char *const *own = u->launch.dns.n ? (const char *const *)u->launch.dns.v : NULL;

	if (!u->rec.n_addrs)
		return;
	if (u->dns_on) {
		serve_anew(u, own);
		return;
	}
	u->dns_on = adopt_sockets(u, own) || open_sockets(u, own);
}

void network_dns_on(struct unit *u)
{
	if (u->rec.init_of)              /* it asks in its container's namespace */
		u = pre_start_owner(u);
	if (u)
		serve(u);
}

void network_dns_off(struct unit *u)
{
	auto_free char *udp_name = dns_fd_name(u, "udp"), *tcp_name = dns_fd_name(u, "tcp");

	if (!u->dns_on)
		return;
	dns_remove_slot(u->s->dns, u->rec.slot);
	keeper_drop_fd(u->s, udp_name);
	keeper_drop_fd(u->s, tcp_name);
	u->dns_on = false;
}
