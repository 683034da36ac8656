/* books.c - volumes, networks, addresses and host ports that the units hold. Small files under a lock and bind(2) only; what the kernel
 * has to make of it is network.c's. */
#include "sup.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* ------------------------------------------------------------------ networks and volumes of the model */

void network_forget_nets(struct super *s)
{
	for (size_t i = 0; i < s->n_nets; i++)
		net_done(&s->nets[i]);
	free(s->nets);
	s->nets = NULL;
	s->n_nets = 0;
}

static const char *kvs_get(const struct kvs *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

static struct net_spec spec_of(const struct super *s, const struct network *n)
{
	const char *mtu = kvs_get(&n->driver_opts, "com.docker.network.driver.mtu");
	struct net_spec spec = {
		.project = s->p.name, .name = n->name, .internal = n->internal, .external = n->external,
		.bridge_name = kvs_get(&n->driver_opts, "com.docker.network.bridge.name"),
	};

	if (n->n_ipam) {
		spec.subnet = n->ipam[0].subnet;
		spec.gateway = n->ipam[0].gateway;
		spec.ip_range = n->ipam[0].ip_range;
	}
	if (mtu)
		str_uint(mtu, 68, 65535, &spec.mtu);
	return spec;
}

static int reserve_network(struct super *s, const struct network *n, struct net *ret, struct err *err)
{
	struct net_spec spec = spec_of(s, n);

	if (n->driver && *n->driver && !STREQ(n->driver, "bridge") && !STREQ(n->driver, "default")) {
		err_set(err, ERR_INPUT, "network '%s': driver '%s' is not supported", n->key, n->driver);
		return err_hint(err, "davit has the driver 'bridge'");
	}
	if (ipam_network(s->ipam, &spec, ret, err) < 0)
		return err_wrap(err, "network '%s'", n->key);
	return 0;
}

static json_t *kvs_json(const struct kvs *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < l->n; i++)
		jx_set_str(o, l->v[i].key, l->v[i].value ? l->v[i].value : "");
	return o;
}

static int reserve_volume(struct super *s, struct client *c, const struct volume *v, struct err *err)
{
	auto_json json_t *labels = kvs_json(&v->labels);
	auto_json json_t *opts = kvs_json(&v->driver_opts);
	auto_free char *foreign = NULL;
	struct vol_spec spec = {
		.name = v->name, .project = s->p.name, .key = v->key, .driver = v->driver,
		.labels = labels, .driver_opts = opts, .external = v->external,
	};
	int r = vol_create(s->volumes, &spec, &foreign, err);

	if (r < 0)
		return err_wrap(err, "volume '%s'", v->key);
	if (r == 0)
		publish_step(s, c, "volume", v->name, NULL, "Created", NULL);
	if (foreign) {
		auto_free char *msg = xasprintf("volume '%s' was made by project '%s'", v->name, foreign);
		publish_warn(s, c, NULL, msg);
	}
	return r == 0;
}

int network_reserve(struct super *s, struct client *c, struct strs *new_volumes, struct err *err)
{
	const struct project *m = s->model;

	network_forget_nets(s);
	s->nets = xcalloc(m->n_networks + 1, sizeof *s->nets);
	for (size_t i = 0; i < m->n_networks; i++) {
		if (reserve_network(s, &m->networks[i], &s->nets[i], err) < 0)
			return -1;
		s->n_nets++;
	}
	for (size_t i = 0; i < m->n_volumes; i++) {
		int made = reserve_volume(s, c, &m->volumes[i], err);
		if (made < 0)
			return -1;
		if (made && new_volumes)
			strs_add(new_volumes, m->volumes[i].name);
	}
	return 0;
}

/* ------------------------------------------------------------------ addresses */

static int by_priority(const void *a, const void *b)
{
	const struct service_network *x = *(const struct service_network *const *)a;
	const struct service_network *y = *(const struct service_network *const *)b;

	if (x->gw_priority != y->gw_priority)
		return x->gw_priority > y->gw_priority ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

static char *lease_name(const struct unit *u)
{
	return xasprintf("%s/%s", u->s->p.name, u->rec.slot);
}

/* Networks that the service has left: their addresses are free again. */
static void release_left(struct super *s, struct unit *u, const struct service *svc)
{
	auto_free char *who = lease_name(u);

	for (size_t i = 0; i < u->rec.n_addrs; i++) {
		bool stays = false;
		for (size_t k = 0; k < svc->n_networks && !stays; k++) {
			const struct network *n = project_network(s->model, svc->networks[k].network);
			stays = n && STREQ(n->name, u->rec.addrs[i].network);
		}
		if (!stays)
			ipam_release(s->ipam, u->rec.addrs[i].network, who);
	}
}

static void clear_addrs(struct unit *u)
{
	for (size_t i = 0; i < u->rec.n_addrs; i++)
		free(u->rec.addrs[i].network);
	free(u->rec.addrs);
	u->rec.addrs = NULL;
	u->rec.n_addrs = 0;
}


static int take_address(struct super *s, struct unit *u, const struct service_network *sn, struct unit_addr *a,
			struct err *err)
{
	const struct network *n = project_network(s->model, sn->network);
	auto_free char *who = lease_name(u);

	if (!n)
		return err_set(err, ERR_NOT_FOUND, "network '%s' is not in the project", sn->network);
	if (ipam_take(s->ipam, n->name, who, sn->ipv4_address, &a->addr, err) < 0)
		return err_wrap(err, "network '%s'", n->key);
	a->network = xstrdup(n->name);
	return 0;
}

static void forget_wanted_ports(struct unit *u)
{
	for (size_t i = 0; i < u->n_want_ports; i++)
		free(u->want_ports[i].host_ip);
	free(u->want_ports);
	u->want_ports = NULL;
	u->n_want_ports = 0;
}

static void note_ports(struct unit *u, const struct service *svc)
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

int network_lease(struct super *s, struct unit *u, const struct service *svc, struct err *err)
{
	const struct service_network **order = xcalloc(svc->n_networks + 1, sizeof *order);
	int r = 0;

	release_left(s, u, svc);
	clear_addrs(u);
	for (size_t i = 0; i < svc->n_networks; i++)
		order[i] = &svc->networks[i];
	qsort(order, svc->n_networks, sizeof *order, by_priority);
	u->rec.addrs = xcalloc(svc->n_networks + 1, sizeof *u->rec.addrs);
	for (size_t i = 0; i < svc->n_networks && r == 0; i++) {
		r = take_address(s, u, order[i], &u->rec.addrs[i], err);
		if (r == 0)
			u->rec.n_addrs++;
	}
	free(order);
	note_ports(u, svc);
	return r;
}

void network_release(struct super *s, struct unit *u)
{
	auto_free char *who = lease_name(u);

	for (size_t i = 0; i < u->rec.n_addrs; i++)
		ipam_release(s->ipam, u->rec.addrs[i].network, who);
	clear_addrs(u);
}

char *network_netns(const struct super *s, const struct service *svc, const char *slot)
{
	const char *mode = svc->network_mode;

	if (!mode || STREQ(mode, "none") || STREQ(mode, "bridge") || STREQ(mode, "default"))
		return super_run_path(s, "netns", slot);
	if (str_starts(mode, "service:")) {
		auto_free char *other = xasprintf("%s-1", mode + strlen("service:"));
		return super_run_path(s, "netns", other);
	}
	return NULL;
}

/* ------------------------------------------------------------------ host ports */

static char *port_fd_name(const struct unit *u, size_t i)
{
	return xasprintf("port:%s:%zu", u->rec.slot, i);
}

void network_drop_ports(struct unit *u)
{
	for (size_t i = 0; i < u->rec.n_ports; i++) {
		auto_free char *name = port_fd_name(u, i);
		if (u->port_fds && u->port_fds[i] >= 0) {
			close(u->port_fds[i]);
			keeper_drop_fd(u->s, name);
		}
		free(u->rec.ports[i].host_ip);
		free(u->rec.ports[i].protocol);
	}
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

static bool ports_held(const struct unit *u)
{
	if (u->rec.n_ports != u->n_want_ports)
		return false;
	for (size_t i = 0; i < u->n_want_ports; i++)
		if (!port_is(&u->rec.ports[i], &u->want_ports[i]) || !u->port_fds || u->port_fds[i] < 0)
			return false;
	return true;
}

static int take_port(struct unit *u, size_t i, struct err *err)
{
	const struct want_port *w = &u->want_ports[i];
	auto_free char *name = port_fd_name(u, i);
	struct unit_port *p = &u->rec.ports[i];
	uint32_t addr = 0;

	if (w->host_ip && *w->host_ip && net_addr_parse(w->host_ip, &addr) < 0)
		return err_set(err, ERR_INPUT, "host address '%s' of port %u is not an IPv4 address", w->host_ip,
			       w->target);
	if (publish_reserve(addr, w->min, w->max, w->udp, &u->port_fds[i], &p->host, err) < 0)
		return -1;
	p->host_ip = xstrdup(w->host_ip);
	p->target = w->target;
	p->protocol = xstrdup(w->udp ? "udp" : "tcp");
	u->rec.n_ports++;
	keeper_store_fd(u->s, name, u->port_fds[i]);
	return 0;
}

int network_take_ports(struct unit *u, size_t *ret_index, struct err *err)
{
	*ret_index = 0;
	if (ports_held(u))
		return 0;
	network_drop_ports(u);
	u->rec.ports = xcalloc(u->n_want_ports + 1, sizeof *u->rec.ports);
	u->port_fds = xcalloc(u->n_want_ports + 1, sizeof *u->port_fds);
	for (size_t i = 0; i < u->n_want_ports; i++)
		u->port_fds[i] = -1;
	for (size_t i = 0; i < u->n_want_ports; i++)
		if (take_port(u, i, err) < 0) {
			*ret_index = i;
			return -1;
		}
	return 0;
}

/* The record tells which ports were given; they are wanted again just so. A port that somebody else took in the meantime is his: the
 * container keeps what the rules send it. */
static void adopt_port(struct unit *u, size_t i)
{
	const struct unit_port *p = &u->rec.ports[i];
	struct want_port *w = &u->want_ports[i];
	auto_free char *name = port_fd_name(u, i);
	auto_err struct err err = ERR_INIT;
	uint32_t addr = 0;
	unsigned port;

	*w = (struct want_port){ .host_ip = xstrdup(p->host_ip), .min = p->host, .max = p->host,
				 .target = p->target, .udp = STREQ(p->protocol, "udp") };
	u->port_fds[i] = keeper_take_fd(u->s, name);
	if (u->port_fds[i] >= 0 || !unit_has_process(u->state))
		return;
	if (w->host_ip)
		net_addr_parse(w->host_ip, &addr);
	if (publish_reserve(addr, w->min, w->max, w->udp, &u->port_fds[i], &port, &err) < 0)
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
		adopt_port(u, i);
}

/* ------------------------------------------------------------------ names */

void network_dns_on(struct unit *u)
{
	auto_free char *pin = super_run_path(u->s, "netns", u->rec.slot);
	auto_err struct err err = ERR_INIT;
	const char *const *own = u->launch.dns.n ? (const char *const *)u->launch.dns.v : NULL;

	if (u->dns_on || !u->rec.n_addrs)
		return;
	if (dns_add_slot(u->s->dns, u->rec.slot, pin, own, &u->rec.dns_udp, &u->rec.dns_tcp, &err) < 0) {
		log_error("%s: names: %s", u->rec.slot, err_msg(&err));
		return;
	}
	u->dns_on = true;
	if (u->rec.dns_udp != NET_DNS_PORT || u->rec.dns_tcp != NET_DNS_PORT)
		network_setup(u->s, NULL, NULL);
}
