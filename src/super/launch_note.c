/* launch_note.c - what is remembered of a container: its launch record. */
#include "launch_parts.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/signame.h"

static const char *option(const struct kvs *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

/* A probe goes into the namespace that the container's network is in. */
static void remember_probe(struct making *c)
{
	const struct probe *p = &c->svc->probe;
	auto_free char *netns = network_netns(c->s, c->svc, c->u->rec.slot);

	c->launch.probe = (struct launch_probe){
		.kind = p->kind, .port = p->port, .status_min = p->status_min, .status_max = p->status_max,
		.path = xstrdup(p->path), .host = xstrdup(p->host), .slot = netns ? xstrdup(strrchr(netns, '/') + 1) : NULL,
	};
}

static void remember_health(struct making *c)
{
	struct launch *l = &c->launch;

	l->health = health_wanted(c->svc, c->img);
	health_times(c->svc, c->img, l);
	l->on_unhealthy = c->svc->on_unhealthy;
	if (l->health && c->svc->probe.kind != PROBE_NONE)
		remember_probe(c);
	if (!l->health && l->on_unhealthy != UNHEALTHY_NONE)
		json_array_append_new(c->warnings, json_string("'on_unhealthy' has no effect: there is no health check"));
}

static void remember_names(struct making *c)
{
	const struct service *svc = c->svc;
	bool named = !c->u->rec.run || jx_bool(c->u->rec.run, "use_aliases", false);      /* who asks for the service gets the service */
	auto_free char *name = unit_lasting_name(c->u);

	for (size_t i = 0; i < svc->n_networks; i++) {
		const struct network *n = project_network(c->s->model, svc->networks[i].network);
		struct launch_net *ln;
		if (!n)
			continue;
		ln = XGROW(c->launch.nets, c->launch.n_nets, c->launch.cap_nets);
		ln->network = xstrdup(n->name);
		if (named)
			strs_add(&ln->names, svc->name);
		strs_add(&ln->names, name);
		strs_addn(&ln->names, c->u->rec.id, 12);
		if (svc->hostname)
			strs_add(&ln->names, svc->hostname);
		if (named)
			making_add_all(&ln->names, svc->networks[i].aliases.v, svc->networks[i].aliases.n);
	}
	for (size_t i = 0; i < svc->links.n; i++) {
		char *copy = xstrdup(svc->links.v[i]), *alias = strchr(copy, ':');
		if (!alias)
			continue;
		*alias++ = 0;
		strs_printf(&c->launch.links, "%s=%s", alias, copy);
	}
	making_add_all(&c->launch.dns, svc->dns.v, svc->dns.n);
}

/* What was wrong with it, svc_check() has said. */
static int remember_log(struct making *c, struct err *err)
{
	const char *driver = c->svc->log_driver, *idle = logopt_without_effect(c->svc);
	bool shipped = driver && (STREQ(driver, "journald") || STREQ(driver, "syslog"));
	const char *size = option(&c->svc->log_options, shipped ? "cache-max-size" : "max-size");
	const char *files = option(&c->svc->log_options, shipped ? "cache-max-file" : "max-file");
	auto_free char *name = unit_lasting_name(c->u);
	const struct log_who who = { .id = c->u->rec.id, .name = name, .image = c->u->rec.image, .image_id = c->img->id,
				     .labels = c->u->rec.labels, .env = &c->env };
	struct launch *l = &c->launch;

	l->log_none = driver && STREQ(driver, "none");
	if (!logopt_known_driver(driver))
		json_array_append_new(c->warnings,
				      json_string(xasprintf("logging driver '%s' is not supported: its logs are kept as those of 'local' "
							    "are, and 'davit logs' shows them", driver)));
	if (idle)
		json_array_append_new(c->warnings, json_string(xasprintf("log option '%s' has no effect: logs are kept in bounded files, "
									 "and sent from there", idle)));
	if (c->u->rec.run)               /* its client reads it at leisure: as large as it is without a word */
		size = files = NULL;
	if (size && str_size(size, &l->log_max_bytes) < 0)
		return err_set(err, ERR_INPUT, "log option max-size '%s' is not a size", size);
	if (files && str_uint(files, 1, 1000, &l->log_max_files) < 0)
		return err_set(err, ERR_INPUT, "log option max-file '%s' is not a number from 1 to 1000", files);
	return logopt_ship(c->svc, &who, &l->ship, err);
}

static bool joins(const char *mode)
{
	return mode && str_starts(mode, "service:");
}

int making_note(struct making *c, struct err *err)
{
	const struct service *svc = c->svc;
	struct launch *l = &c->launch;
	const char *sig = svc->stop_signal ? svc->stop_signal : c->img->stop_signal;

	l->stop_signal = xstrdup(sig ? sig : "SIGTERM");
	c->attr = "stop_signal";
	if (signal_number(l->stop_signal) < 0)
		return err_set(err, ERR_INPUT, "there is no signal '%s'", l->stop_signal);
	l->grace_ms = svc->stop_grace_ns >= 0 ? svc->stop_grace_ns / MS_NS : 10000;
	l->restart = svc->restart;
	l->joins = joins(svc->pid) || joins(svc->ipc) || joins(svc->uts) || joins(svc->cgroup);
	l->tty = svc->tty;
	l->stdin_open = svc->stdin_open;
	l->runtime = xstrdup(svc->runtime);
	auto_free char *base = cgroup_base(c->s->p.name);
	l->cgroup = xasprintf("%s/%s", base, c->u->rec.slot);
	c->attr = "logging";
	if (remember_log(c, err) < 0)
		return -1;
	remember_health(c);
	remember_names(c);
	return 0;
}
