/* up_check.c - what a compose file may say and a host cannot do: found before anything is made. One function per attribute; the first that
 * has something to say names the attribute. (What is wrong whatever the host is, compose/ has said already.) */
#include "txn.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

static bool is_ip(const char *text)
{
	struct in6_addr any;

	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static int check_runtime(struct super *s, const struct service *svc, struct err *err)
{
	struct oci_runtime r = { 0 };

	if (!svc->runtime)
		return 0;
	if (oci_runtime_find(svc->runtime, &r, err) < 0)
		return -1;
	oci_runtime_done(&r);
	return 0;
}

static int check_network_mode(struct super *s, const struct service *svc, struct err *err)
{
	static const char *const known[] = { "none", "host", "bridge", "default" };
	const char *mode = svc->network_mode;

	if (!mode || str_starts(mode, "service:"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (STREQ(mode, known[i]))
			return 0;
	if (str_starts(mode, "container:")) {
		if (network_slot_of_container(s, mode + strlen("container:")))
			return 0;
		err_set(err, ERR_NOT_FOUND, "no such container: '%s'", mode + strlen("container:"));
		return err_hint(err, "davit joins containers of the same project: 'service:NAME' starts them in order, too");
	}
	err_set(err, ERR_INPUT, "network mode '%s' is not known", mode);
	return err_hint(err, "it is none, host, bridge, service:NAME or container:NAME; networks go under 'networks'");
}

static int check_secrets(struct super *s, const struct service *svc, struct err *err)
{
	const struct project *m = s->model;

	for (size_t i = 0; i < svc->n_secrets; i++)
		for (size_t k = 0; k < m->n_secrets; k++) {
			const struct file_object *o = &m->secrets[k];
			if (!STREQ(o->key, svc->secrets[i].source) || !o->environment || o->content)
				continue;
			return err_set(err, ERR_INPUT, "environment variable '%s' required by secret '%s' is not set",
				       o->environment, o->key);
		}
	return 0;
}

static int check_mac(struct super *s, const struct service *svc, struct err *err)
{
	for (size_t i = 0; i <= svc->n_networks; i++) {
		const char *mac = i < svc->n_networks ? svc->networks[i].mac_address : svc->mac_address;
		unsigned char b[6];
		int end = 0;
		if (mac && (sscanf(mac, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
				   &end) != 6 || mac[end]))
			return err_set(err, ERR_INPUT, "'%s' is not a MAC address", mac);
	}
	return 0;
}

static int check_dns(struct super *s, const struct service *svc, struct err *err)
{
	for (size_t i = 0; i < svc->dns.n; i++)
		if (!is_ip(svc->dns.v[i]))
			return err_set(err, ERR_INPUT, "'%s' is not the address of a DNS server", svc->dns.v[i]);
	return 0;
}

static int check_extra_hosts(struct super *s, const struct service *svc, struct err *err)
{
	for (size_t i = 0; i < svc->n_extra_hosts; i++)
		if (!STREQ(svc->extra_hosts[i].ip, "host-gateway") && !is_ip(svc->extra_hosts[i].ip))
			return err_set(err, ERR_INPUT, "'%s' is not an IP address", svc->extra_hosts[i].ip);
	return 0;
}

static int check_cpus(struct super *s, const struct service *svc, struct err *err)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (svc->limits.cpus < 0 || svc->limits.cpus > (double)n)
		return err_set(err, ERR_INPUT, "%g cpus cannot be had: this host has %ld", svc->limits.cpus, n);
	return 0;
}

static int check_shm(struct super *s, const struct service *svc, struct err *err)
{
	if (svc->limits.shm_bytes < 0)
		return err_set(err, ERR_INPUT, "a size of %lld bytes cannot be had", (long long)svc->limits.shm_bytes);
	return 0;
}

/* As the engine has it: 0 is not given, anything else at least a millisecond. */
static int check_health(struct super *s, const struct service *svc, struct err *err)
{
	const struct healthcheck *h = &svc->healthcheck;
	const struct {
		const char *key;
		int64_t ns;
	} times[] = {
		{ "interval", h->interval_ns }, { "timeout", h->timeout_ns }, { "start_period", h->start_period_ns },
		{ "start_interval", h->start_interval_ns },
	};

	if (!h->given || h->disable)
		return 0;
	if (h->test.n == 1 && svc->probe.kind == PROBE_NONE)
		return err_set(err, ERR_INPUT, "the health check has no command");
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i].ns != 0 && times[i].ns != -1 && times[i].ns < MS_NS)
			return err_set(err, ERR_INPUT, "the health check's %s cannot be less than 1ms", times[i].key);
	return 0;
}

static int check_logging(struct super *s, const struct service *svc, struct err *err)
{
	return logopt_check(svc, err);
}

/* A name is one container's, whichever project it belongs to. */
static int check_container_name(struct super *s, const struct service *svc, struct err *err)
{
	char **names = NULL;
	int r = 0;

	if (svc->container_name && !str_is_container_name(svc->container_name))
		return err_set(err, ERR_INPUT, "'%s' is no name for a container (letters, digits, then also '_', '.', '-')",
			       svc->container_name);
	if (!svc->container_name || dirs_projects(&s->dirs, &names, NULL) < 0)
		return 0;
	for (char **name = names; name && *name; name++) {
		struct pdirs p;
		struct world w;
		if (r == 0 && !STREQ(*name, s->p.name) && pdirs_open(&s->dirs, *name, false, &p, NULL) == 0) {
			if (p.state_fd >= 0 && world_load(p.state_fd, &w, NULL) == 0) {
				map_each(&w.units, it)
					if (r == 0 && str_eq(((struct unit_rec *)it->value)->name, svc->container_name))
						r = err_set(err, ERR_EXISTS, "container name '%s' is in use by project '%s'",
							    svc->container_name, *name);
				world_done(&w);
			}
			pdirs_done(&p);
		}
		free(*name);
	}
	free(names);
	return r;
}

static const struct check {
	const char *attr;
	int (*run)(struct super *s, const struct service *svc, struct err *err);
} checks[] = {
	{ "runtime", check_runtime },	  { "network_mode", check_network_mode }, { "secrets", check_secrets },
	{ "mac_address", check_mac },	  { "dns", check_dns },			  { "extra_hosts", check_extra_hosts },
	{ "container_name", check_container_name },
	{ "cpus", check_cpus },		  { "shm_size", check_shm },		  { "healthcheck", check_health },
	{ "logging", check_logging },
};

int up_check_service(struct txn *t, const struct service *svc, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (checks[i].run(t->s, svc, err) == 0)
			continue;
		t->err_service = xstrdup(svc->name);
		t->err_attr = xstrdup(checks[i].attr);
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ two of our own for one host port */

static bool same_port(const struct want_port *a, const struct want_port *b)
{
	bool any = !a->host_ip || !b->host_ip || STREQ(a->host_ip, "0.0.0.0") || STREQ(b->host_ip, "0.0.0.0");

	return a->min && a->min == a->max && b->min == a->min && b->max == b->min && a->udp == b->udp &&
	       (any || STREQ(a->host_ip, b->host_ip));
}

static bool has_op(const struct txn *t, const struct unit *u, enum op_kind kind)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == kind && STREQ(t->plan.ops[i].slot, u->rec.slot))
			return true;
	return false;
}

/* It will hold its ports when the plan is through. */
static bool will_hold(const struct txn *t, const struct unit *u)
{
	return has_op(t, u, OP_PREPARE) || (unit_has_process(u->state) && !has_op(t, u, OP_STOP));
}

static int clash(struct txn *t, const struct unit *u, const struct unit *v, struct err *err)
{
	for (size_t i = 0; i < u->n_want_ports; i++)
		for (size_t k = 0; k < v->n_want_ports; k++) {
			if (!same_port(&u->want_ports[i], &v->want_ports[k]))
				continue;
			t->err_service = xstrdup(u->rec.service);
			t->err_attr = xasprintf("ports[%zu]", i);
			return err_set(err, ERR_BUSY, "host port %u (%s) is wanted by %s and %s", u->want_ports[i].min,
				       u->want_ports[i].udp ? "udp" : "tcp", v->rec.slot, u->rec.slot);
		}
	return 0;
}

int up_check_ports(struct txn *t, struct err *err)
{
	for (size_t i = 0; i < t->s->units.n; i++) {
		const struct unit *u = t->s->units.items[i].value;
		if (!has_op(t, u, OP_PREPARE))
			continue;
		for (size_t k = 0; k < t->s->units.n; k++) {
			const struct unit *v = t->s->units.items[k].value;
			if (u != v && will_hold(t, v) && clash(t, u, v, err) < 0)
				return -1;
		}
	}
	return 0;
}
