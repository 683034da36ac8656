/* svc_check.c - one function per attribute; each reports all that it finds. */
#include "svc_check.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/signame.h"
#include "launch.h"
#include "logopt.h"

struct checking {
	const struct project *m;
	const struct service *svc;
	svc_wrong_fn *wrong;
	void *arg;
};

/* Empties why. */
static void report(const struct checking *c, struct err *why, bool is_key, const char *where, ...) __attribute__((format(printf, 4, 5)));

static void report(const struct checking *c, struct err *why, bool is_key, const char *where, ...)
{
	auto_buf struct buf path = BUF_INIT;
	va_list ap;

	va_start(ap, where);
	buf_vprintf(&path, where, ap);
	va_end(ap);
	c->wrong(c->arg, path.p, is_key, why);
	err_done(why);
}

static bool is_ip(const char *text)
{
	struct in6_addr any;

	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static void check_runtime(const struct checking *c)
{
	struct oci_runtime r = { 0 };
	struct err why = ERR_INIT;

	if (c->svc->runtime && oci_runtime_find(c->svc->runtime, &r, &why) < 0)
		report(c, &why, false, "runtime");
	oci_runtime_done(&r);
}

static void check_network_mode(const struct checking *c)
{
	static const char *const known[] = { "none", "host", "bridge", "default" };
	const char *mode = c->svc->network_mode;
	struct err why = ERR_INIT;

	if (!mode || str_starts(mode, "service:") || str_starts(mode, "container:"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (STREQ(mode, known[i]))
			return;
	err_set(&why, ERR_INPUT, "network mode '%s' is not known", mode);
	err_hint(&why, "it is none, host, bridge, service:NAME or container:NAME; networks go under 'networks'");
	report(c, &why, false, "network_mode");
}

static void check_secrets(const struct checking *c)
{
	for (size_t i = 0; i < c->svc->n_secrets; i++)
		for (size_t k = 0; k < c->m->n_secrets; k++) {
			const struct file_object *o = &c->m->secrets[k];
			struct err why = ERR_INIT;
			if (!STREQ(o->key, c->svc->secrets[i].source) || !o->environment || o->content)
				continue;
			err_set(&why, ERR_INPUT, "environment variable '%s' required by secret '%s' is not set", o->environment, o->key);
			report(c, &why, false, "secrets/%zu", i);
		}
}

static bool is_mac(const char *text)
{
	unsigned char b[6];
	int end = 0;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) == 6 && !text[end];
}

static void check_mac(const struct checking *c)
{
	const struct service *svc = c->svc;
	struct err why = ERR_INIT;

	if (svc->mac_address && !is_mac(svc->mac_address)) {
		err_set(&why, ERR_INPUT, "'%s' is not a MAC address", svc->mac_address);
		report(c, &why, false, "mac_address");
	}
	for (size_t i = 0; i < svc->n_networks; i++) {
		const struct service_network *n = &svc->networks[i];
		if (!n->mac_address || is_mac(n->mac_address))
			continue;
		err_set(&why, ERR_INPUT, "'%s' is not a MAC address", n->mac_address);
		report(c, &why, false, "networks/%s/mac_address", n->network);
	}
}

static void check_dns(const struct checking *c)
{
	for (size_t i = 0; i < c->svc->dns.n; i++) {
		struct err why = ERR_INIT;
		if (is_ip(c->svc->dns.v[i]))
			continue;
		err_set(&why, ERR_INPUT, "'%s' is not the address of a DNS server", c->svc->dns.v[i]);
		report(c, &why, false, "dns/%zu", i);
	}
}

static void check_extra_hosts(const struct checking *c)
{
	for (size_t i = 0; i < c->svc->n_extra_hosts; i++) {
		const char *ip = c->svc->extra_hosts[i].ip;
		struct err why = ERR_INIT;
		if (STREQ(ip, "host-gateway") || is_ip(ip))
			continue;
		err_set(&why, ERR_INPUT, "'%s' is not an IP address", ip);
		report(c, &why, false, "extra_hosts/%zu", i);
	}
}

static void check_container_name(const struct checking *c)
{
	const char *name = c->svc->container_name;
	struct err why = ERR_INIT;

	if (!name || str_is_container_name(name))
		return;
	err_set(&why, ERR_INPUT, "'%s' is no name for a container (letters, digits, then also '_', '.', '-')", name);
	report(c, &why, false, "container_name");
}

static void check_cpus(const struct checking *c)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	double cpus = c->svc->limits.cpus;
	struct err why = ERR_INIT;

	if (cpus >= 0 && cpus <= (double)n)
		return;
	err_set(&why, ERR_INPUT, "%g cpus cannot be had: this host has %ld", cpus, n);
	report(c, &why, false, "cpus");
}

static void check_shm(const struct checking *c)
{
	struct err why = ERR_INIT;

	if (c->svc->limits.shm_bytes >= 0)
		return;
	err_set(&why, ERR_INPUT, "a size of %lld bytes cannot be had", (long long)c->svc->limits.shm_bytes);
	report(c, &why, false, "shm_size");
}

static void check_restart(const struct checking *c)
{
	static const char *const words[] = { "no", "always", "on-failure", "unless-stopped", NULL };
	const char *text = c->svc->restart_unknown, *near;
	struct err why = ERR_INIT;

	if (!text)
		return;
	err_set(&why, ERR_INPUT, "'%s' is no restart policy (no, always, on-failure[:N], unless-stopped)", text);
	near = str_nearest(text, words);
	if (near)
		err_hint(&why, "did you mean '%s'?", near);
	report(c, &why, false, "%s", c->svc->restart_place);
}

static void check_stop_signal(const struct checking *c)
{
	struct err why = ERR_INIT;

	if (!c->svc->stop_signal || signal_number(c->svc->stop_signal) >= 0)
		return;
	err_set(&why, ERR_INPUT, "there is no signal '%s'", c->svc->stop_signal);
	report(c, &why, false, "stop_signal");
}

/* As the engine has it: 0 is not given, anything else at least a millisecond. */
static void check_health(const struct checking *c)
{
	const struct healthcheck *h = &c->svc->healthcheck;
	struct err why = ERR_INIT;
	const struct {
		const char *key;
		int64_t ns;
	} times[] = {
		{ "interval", h->interval_ns }, { "timeout", h->timeout_ns }, { "start_period", h->start_period_ns },
		{ "start_interval", h->start_interval_ns },
	};

	if (!h->given || h->disable)
		return;
	if (h->test.n == 1 && c->svc->probe.kind == PROBE_NONE) {
		err_set(&why, ERR_INPUT, "the health check has no command");
		report(c, &why, false, "healthcheck/test");
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		if (times[i].ns == 0 || times[i].ns == -1 || times[i].ns >= MS_NS)
			continue;
		err_set(&why, ERR_INPUT, "the health check's %s cannot be less than 1ms", times[i].key);
		report(c, &why, false, "healthcheck/%s", times[i].key);
	}
}

static void check_logging(const struct checking *c)
{
	struct err why = ERR_INIT;

	if (logopt_check_driver(c->svc, &why) < 0)
		report(c, &why, false, "logging/driver");
	for (size_t i = 0; i < c->svc->log_options.n; i++) {
		int r = logopt_check_option(c->svc, i, &why);
		if (r != 0)
			report(c, &why, r == LOGOPT_UNKNOWN, "logging/options/%s", c->svc->log_options.v[i].key);
	}
}

void svc_check(const struct project *m, const struct service *svc, svc_wrong_fn *wrong, void *arg)
{
	static void (*const checks[])(const struct checking *c) = {
		check_runtime, check_network_mode, check_secrets, check_mac, check_dns, check_extra_hosts, check_container_name, check_cpus,
		check_shm, check_restart, check_stop_signal, check_health, check_logging,
	};
	const struct checking c = { m, svc, wrong, arg };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		checks[i](&c);
}
