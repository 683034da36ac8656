/* launch_note.c - what is remembered of a container: its launch record. */
#include "launch_parts.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

static const char *option(const struct kvs *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

static int64_t ms(int64_t own_ns, int64_t image_ns, int64_t otherwise_ms)
{
	if (own_ns >= 0)
		return own_ns / MS_NS;
	return image_ns > 0 ? image_ns / MS_NS : otherwise_ms;
}

/* The check's command, empty when there is none. */
struct strs making_health_test(struct making *c)
{
	const struct healthcheck *h = &c->svc->healthcheck;
	struct strs out = STRS_INIT;
	char *const *v = h->given && h->test.set ? h->test.v : c->img->health.test.v;
	size_t n = h->given && h->test.set ? h->test.n : c->img->health.test.n;

	if ((h->given && h->disable) || !n || STREQ(v[0], "NONE"))
		return out;
	if (STREQ(v[0], "CMD-SHELL")) {
		strs_add(&out, "/bin/sh");
		strs_add(&out, "-c");
	}
	making_add_all(&out, v + 1, n - 1);
	return out;
}

static void remember_health(struct making *c)
{
	const struct healthcheck *h = &c->svc->healthcheck;
	const struct image_health *ih = &c->img->health;
	struct launch *l = &c->launch;

	l->health_interval_ms = ms(h->interval_ns > 0 ? h->interval_ns : -1, ih->interval_ns, 30000);
	l->health_timeout_ms = ms(h->timeout_ns > 0 ? h->timeout_ns : -1, ih->timeout_ns, 30000);
	l->health_start_period_ms = ms(h->start_period_ns, ih->start_period_ns, 0);
	l->health_start_interval_ms = ms(h->start_interval_ns > 0 ? h->start_interval_ns : -1,
					 ih->start_interval_ns, 5000);
	l->health_retries = h->retries > 0 ? h->retries : ih->retries > 0 ? ih->retries : 3;
}

static void remember_names(struct making *c)
{
	const struct service *svc = c->svc;

	for (size_t i = 0; i < svc->n_networks; i++) {
		const struct network *n = project_network(c->s->model, svc->networks[i].network);
		struct launch_net *ln;
		if (!n)
			continue;
		ln = XGROW(c->launch.nets, c->launch.n_nets, c->launch.cap_nets);
		ln->network = xstrdup(n->name);
		strs_add(&ln->names, svc->name);
		strs_add(&ln->names, c->u->rec.name);
		strs_addn(&ln->names, c->u->rec.id, 12);
		if (svc->hostname)
			strs_add(&ln->names, svc->hostname);
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

static void remember_log_driver(struct making *c)
{
	const char *driver = c->svc->log_driver;

	c->launch.log_none = driver && STREQ(driver, "none");
	if (!driver || !*driver || c->launch.log_none || STREQ(driver, "json-file") || STREQ(driver, "local"))
		return;
	json_array_append_new(c->warnings, json_string(xasprintf("logging driver '%s' is not supported: its logs are kept as those "
								 "of 'local' are, and 'davit logs' shows them", driver)));
}

static bool joins(const char *mode)
{
	return mode && str_starts(mode, "service:");
}

int making_note(struct making *c, struct err *err)
{
	const struct service *svc = c->svc;
	const char *size = option(&svc->log_options, "max-size"), *files = option(&svc->log_options, "max-file");
	struct launch *l = &c->launch;
	const char *sig = svc->stop_signal ? svc->stop_signal : c->img->stop_signal;

	l->stop_signal = xstrdup(sig ? sig : "SIGTERM");
	c->attr = "stop_signal";
	if (signal_number(l->stop_signal) < 0)
		return err_set(err, ERR_INPUT, "there is no signal '%s'", l->stop_signal);
	l->grace_ms = svc->stop_grace_ns >= 0 ? svc->stop_grace_ns / MS_NS : 10000;
	l->restart = svc->restart;
	l->joins = joins(svc->pid) || joins(svc->ipc) || joins(svc->uts) || joins(svc->cgroup);
	remember_log_driver(c);
	l->tty = svc->tty;
	l->stdin_open = svc->stdin_open;
	l->runtime = xstrdup(svc->runtime);
	l->cgroup = xasprintf("davit/%s/%s", c->s->p.name, c->u->rec.slot);
	c->attr = "logging";
	if (size && str_size(size, &l->log_max_bytes) < 0)
		return err_set(err, ERR_INPUT, "log option max-size '%s' is not a size", size);
	if (files && str_uint(files, 1, 1000, &l->log_max_files) < 0)
		return err_set(err, ERR_INPUT, "log option max-file '%s' is not a number from 1 to 1000", files);
	remember_health(c);
	remember_names(c);
	return 0;
}
