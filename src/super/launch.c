/* launch.c - the record of a container's birth, as text and back. */
#include "launch.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

static const char *const restart_str[] = {
	[RESTART_NO] = "no", [RESTART_ALWAYS] = "always",
	[RESTART_ON_FAILURE] = "on-failure", [RESTART_UNLESS_STOPPED] = "unless-stopped",
};

static const char *const probe_str[] = { [PROBE_NONE] = "none", [PROBE_HTTP] = "http", [PROBE_TCP] = "tcp" };
static const char *const unhealthy_str[] = {
	[UNHEALTHY_NONE] = "none", [UNHEALTHY_RESTART] = "restart", [UNHEALTHY_STOP] = "stop",
};

/* Which of the n words it is, 0: none of them. */
static unsigned word_in(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
		if (STREQ(words[i], word))
			return (unsigned)i;
	return 0;
}

void launch_done(struct launch *l)
{
	free(l->stop_signal);
	free(l->runtime);
	free(l->cgroup);
	for (size_t i = 0; i < l->n_nets; i++) {
		free(l->nets[i].network);
		strs_done(&l->nets[i].names);
	}
	free(l->nets);
	log_ship_done(&l->ship);
	strs_done(&l->links);
	strs_done(&l->volumes);
	strs_done(&l->dns);
	free(l->probe.path);
	free(l->probe.host);
	free(l->probe.slot);
	*l = (struct launch){ 0 };
}

static json_t *strs_json(const struct strs *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static void strs_from(const json_t *a, struct strs *ret)
{
	const json_t *v;
	size_t i;

	json_array_foreach(a, i, v)
		if (json_is_string(v))
			strs_add(ret, json_string_value(v));
}

static json_t *probe_json(const struct launch_probe *p)
{
	json_t *o = json_object();

	jx_set_str(o, "kind", probe_str[p->kind]);
	jx_set_int(o, "port", p->port);
	jx_set_int(o, "status_min", p->status_min);
	jx_set_int(o, "status_max", p->status_max);
	jx_set_str(o, "path", p->path);
	jx_set_str(o, "host", p->host);
	jx_set_str(o, "slot", p->slot);
	return o;
}

static struct launch_probe probe_from(const json_t *o)
{
	unsigned kind = word_in(probe_str, ARRAY_LEN(probe_str), jx_str(o, "kind"));

	if (kind == PROBE_NONE || (kind == PROBE_HTTP && (!jx_str(o, "path") || !jx_str(o, "host"))))
		return (struct launch_probe){ 0 };
	return (struct launch_probe){
		.kind = (enum probe_kind)kind, .port = (unsigned)jx_int(o, "port", 0),
		.status_min = (unsigned)jx_int(o, "status_min", 200), .status_max = (unsigned)jx_int(o, "status_max", 399),
		.path = xstrdup(jx_str(o, "path")), .host = xstrdup(jx_str(o, "host")), .slot = xstrdup(jx_str(o, "slot")),
	};
}

json_t *launch_to_json(const struct launch *l)
{
	json_t *o = json_object(), *nets = json_array();

	jx_set_str(o, "stop_signal", l->stop_signal);
	jx_set_str(o, "runtime", l->runtime);
	jx_set_str(o, "cgroup", l->cgroup);
	jx_set_int(o, "grace_ms", l->grace_ms);
	jx_set_str(o, "restart", restart_str[l->restart.kind]);
	jx_set_int(o, "restart_max", l->restart.max_attempts);
	jx_set_int(o, "restart_delay_ns", l->restart.delay_ns);
	jx_set_int(o, "restart_window_ns", l->restart.window_ns);
	jx_set_bool(o, "tty", l->tty);
	jx_set_bool(o, "stdin_open", l->stdin_open);
	jx_set_bool(o, "log_none", l->log_none);
	jx_set_bool(o, "joins", l->joins);
	jx_set_int(o, "log_max_bytes", l->log_max_bytes);
	jx_set_int(o, "log_max_files", l->log_max_files);
	if (l->ship.to)
		json_object_set_new(o, "ship", log_ship_to_json(&l->ship));
	jx_set_bool(o, "health", l->health);
	jx_set_int(o, "health_interval_ms", l->health_interval_ms);
	jx_set_int(o, "health_timeout_ms", l->health_timeout_ms);
	jx_set_int(o, "health_start_period_ms", l->health_start_period_ms);
	jx_set_int(o, "health_start_interval_ms", l->health_start_interval_ms);
	jx_set_int(o, "health_retries", l->health_retries);
	jx_set_int(o, "post_start", l->n_post_start);
	jx_set_int(o, "pre_stop", l->n_pre_stop);
	if (l->probe.kind != PROBE_NONE)
		json_object_set_new(o, "probe", probe_json(&l->probe));
	if (l->on_unhealthy != UNHEALTHY_NONE)
		jx_set_str(o, "on_unhealthy", unhealthy_str[l->on_unhealthy]);
	for (size_t i = 0; i < l->n_nets; i++) {
		json_t *n = json_object();
		jx_set_str(n, "network", l->nets[i].network);
		json_object_set_new(n, "names", strs_json(&l->nets[i].names));
		json_array_append_new(nets, n);
	}
	json_object_set_new(o, "nets", nets);
	json_object_set_new(o, "links", strs_json(&l->links));
	json_object_set_new(o, "volumes", strs_json(&l->volumes));
	json_object_set_new(o, "dns", strs_json(&l->dns));
	return o;
}

int launch_from_json(const json_t *j, struct launch *ret, struct err *err)
{
	const char *restart = jx_str(j, "restart");
	const json_t *n;
	size_t i;

	if (!json_is_object(j) || !restart)
		return err_set(err, ERR_FAIL, "the launch record is not readable");
	*ret = (struct launch){
		.stop_signal = xstrdup(jx_str(j, "stop_signal")), .runtime = xstrdup(jx_str(j, "runtime")),
		.cgroup = xstrdup(jx_str(j, "cgroup")),
		.grace_ms = jx_int(j, "grace_ms", 10000), .tty = jx_bool(j, "tty", false),
		.stdin_open = jx_bool(j, "stdin_open", false), .log_none = jx_bool(j, "log_none", false), .joins = jx_bool(j, "joins", false), .log_max_bytes = jx_int(j, "log_max_bytes", 0),
		.log_max_files = (unsigned)jx_int(j, "log_max_files", 0), .health = jx_bool(j, "health", false),
		.health_interval_ms = jx_int(j, "health_interval_ms", 30000),
		.health_timeout_ms = jx_int(j, "health_timeout_ms", 30000),
		.health_start_period_ms = jx_int(j, "health_start_period_ms", 0),
		.health_start_interval_ms = jx_int(j, "health_start_interval_ms", 5000),
		.health_retries = jx_int(j, "health_retries", 3),
		.n_post_start = (unsigned)jx_int(j, "post_start", 0), .n_pre_stop = (unsigned)jx_int(j, "pre_stop", 0),
		.probe = probe_from(jx_obj(j, "probe")),
		.on_unhealthy = (enum unhealthy_action)word_in(unhealthy_str, ARRAY_LEN(unhealthy_str), jx_str(j, "on_unhealthy")),
		.restart = { .max_attempts = jx_int(j, "restart_max", 0),
			     .delay_ns = jx_int(j, "restart_delay_ns", -1),
			     .window_ns = jx_int(j, "restart_window_ns", -1) },
	};
	log_ship_from_json(jx_obj(j, "ship"), &ret->ship);
	for (size_t k = 0; k < ARRAY_LEN(restart_str); k++)
		if (STREQ(restart, restart_str[k]))
			ret->restart.kind = (enum restart_kind)k;
	json_array_foreach(jx_arr(j, "nets"), i, n) {
		struct launch_net *ln;
		if (!jx_str(n, "network"))
			continue;
		ln = XGROW(ret->nets, ret->n_nets, ret->cap_nets);
		ln->network = xstrdup(jx_str(n, "network"));
		strs_from(jx_arr(n, "names"), &ln->names);
	}
	strs_from(jx_arr(j, "links"), &ret->links);
	strs_from(jx_arr(j, "volumes"), &ret->volumes);
	strs_from(jx_arr(j, "dns"), &ret->dns);
	return 0;
}
