/* unit_rec.c - a container's record as text.
 *
 * Absent fields are left out, so the reader knows what absence means for each: NULL, 0, false, and -1 for
 * exit_code. "slot" is written first: world.c finds it there without parsing the line. */
#include "journal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"

enum { LIST_MAX = 4096 }; /* ports, addresses, volumes of one container */

void unit_rec_done(struct unit_rec *r)
{
	free(r->slot);
	free(r->service);
	free(r->id);
	free(r->name);
	free(r->image);
	free(r->image_id);
	free(r->config_hash);
	free(r->command);
	free(r->runtime);
	free(r->init_of);
	free(r->state);
	free(r->boot);
	free(r->health);
	free(r->health_said);
	free(r->error);
	free(r->waits);
	free(r->cause);
	for (size_t i = 0; i < r->n_addrs; i++) {
		free(r->addrs[i].network);
		free(r->addrs[i].mac);
	}
	free(r->addrs);
	for (size_t i = 0; i < r->n_ports; i++) {
		free(r->ports[i].host_ip);
		free(r->ports[i].protocol);
	}
	free(r->ports);
	strs_done(&r->anon_volumes);
	json_decref(r->labels);
	*r = (struct unit_rec){.exit_code = -1};
}

/* --- to JSON --- */

static void set_int(json_t *o, const char *key, int64_t v)
{
	if (v)
		jx_set_int(o, key, v);
}

static void set_true(json_t *o, const char *key, bool v)
{
	if (v)
		jx_set_bool(o, key, true);
}

static json_t *addrs_to_json(const struct unit_rec *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_addrs; i++) {
		json_t *o = json_object();

		jx_set_str(o, "network", r->addrs[i].network);
		jx_set_int(o, "addr", r->addrs[i].addr);
		jx_set_str(o, "mac", r->addrs[i].mac);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *ports_to_json(const struct unit_rec *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_ports; i++) {
		json_t *o = json_object();

		jx_set_str(o, "host_ip", r->ports[i].host_ip);
		set_int(o, "host", r->ports[i].host);
		set_int(o, "target", r->ports[i].target);
		jx_set_str(o, "protocol", r->ports[i].protocol);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *restarts_to_json(const struct unit_rec *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->n_health_restarts; i++)
		json_array_append_new(list, json_integer(r->health_restarts[i]));
	return list;
}

static json_t *strs_to_json(const struct strs *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->v[i]));
	return list;
}

json_t *unit_rec_to_json(const struct unit_rec *r)
{
	json_t *o = json_object();

	jx_set_str(o, "slot", r->slot);
	jx_set_str(o, "service", r->service);
	set_int(o, "index", r->index);
	jx_set_str(o, "id", r->id);
	jx_set_str(o, "name", r->name);
	jx_set_str(o, "image", r->image);
	jx_set_str(o, "image_id", r->image_id);
	jx_set_str(o, "config_hash", r->config_hash);
	jx_set_str(o, "command", r->command);
	jx_set_str(o, "runtime", r->runtime);
	jx_set_str(o, "state", r->state);
	set_int(o, "pid", r->proc.pid);
	set_int(o, "start", (int64_t)r->proc.start);
	jx_set_str(o, "boot", r->boot);
	set_int(o, "created_ns", r->created_ns);
	set_int(o, "started_ns", r->started_ns);
	set_int(o, "finished_ns", r->finished_ns);
	if (r->exit_code >= 0)
		jx_set_int(o, "exit_code", r->exit_code);
	set_true(o, "oom", r->oom);
	set_int(o, "ooms", r->ooms);
	set_true(o, "restarting", r->restarting);
	set_int(o, "restarts", r->restarts);
	set_int(o, "attempts", r->attempts);
	set_int(o, "backoff_ms", r->backoff_ms);
	set_int(o, "started_mono", r->started_mono);
	set_int(o, "due_mono", r->due_mono);
	jx_set_str(o, "health", r->health);
	jx_set_str(o, "init_of", r->init_of);
	set_int(o, "init_step", r->init_step);
	set_int(o, "pre_started", r->pre_started);
	set_true(o, "hooking", r->hooking);
	set_int(o, "post_started", r->post_started);
	set_int(o, "pre_stopped", r->pre_stopped);
	jx_set_str(o, "health_said", r->health_said);
	set_int(o, "health_fails", r->health_fails);
	if (r->n_health_restarts)
		json_object_set_new(o, "health_restarts", restarts_to_json(r));
	set_true(o, "manual_stop", r->manual_stop);
	jx_set_str(o, "waits", r->waits);
	set_true(o, "resume", r->resume);
	jx_set_str(o, "error", r->error);
	jx_set_str(o, "cause", r->cause);
	set_int(o, "dns_udp", r->dns_udp);
	set_int(o, "dns_tcp", r->dns_tcp);
	if (r->n_addrs)
		json_object_set_new(o, "addrs", addrs_to_json(r));
	if (r->n_ports)
		json_object_set_new(o, "ports", ports_to_json(r));
	if (r->anon_volumes.n)
		json_object_set_new(o, "anon_volumes", strs_to_json(&r->anon_volumes));
	if (r->labels)
		json_object_set(o, "labels", r->labels);
	return o;
}

/* --- from JSON --- */

/* A number that is not below 0 and not above max; otherwise 0, as if it were absent. */
static int64_t get_int(const json_t *o, const char *key, int64_t max)
{
	int64_t v = jx_int(o, key, 0);

	return v < 0 || v > max ? 0 : v;
}

static char *get_str(const json_t *o, const char *key)
{
	return xstrdup(jx_str(o, key));
}

static size_t list_len(const json_t *list)
{
	size_t n = json_array_size(list); /* 0 when list is NULL */

	return n < LIST_MAX ? n : LIST_MAX;
}

static void get_addrs(const json_t *list, struct unit_rec *r)
{
	size_t n = list_len(list);

	r->addrs = n ? xcalloc(n, sizeof *r->addrs) : NULL;
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i);

		r->addrs[i].network = get_str(o, "network");
		r->addrs[i].addr = (uint32_t)get_int(o, "addr", UINT32_MAX);
		r->addrs[i].mac = get_str(o, "mac");
	}
	r->n_addrs = n;
}

static void get_ports(const json_t *list, struct unit_rec *r)
{
	size_t n = list_len(list);

	r->ports = n ? xcalloc(n, sizeof *r->ports) : NULL;
	for (size_t i = 0; i < n; i++) {
		const json_t *o = json_array_get(list, i);

		r->ports[i].host_ip = get_str(o, "host_ip");
		r->ports[i].host = (unsigned)get_int(o, "host", 65535);
		r->ports[i].target = (unsigned)get_int(o, "target", 65535);
		r->ports[i].protocol = get_str(o, "protocol");
	}
	r->n_ports = n;
}

static void get_strs(const json_t *list, struct strs *l)
{
	size_t n = list_len(list);

	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (s)
			strs_add(l, s);
	}
}

static void get_health(const json_t *j, struct unit_rec *r)
{
	const json_t *list = jx_arr(j, "health_restarts");

	r->health = get_str(j, "health");
	r->health_said = get_str(j, "health_said");
	r->health_fails = (unsigned)get_int(j, "health_fails", UINT_MAX);
	for (size_t i = 0; i < json_array_size(list) && i < HEALTH_RESTARTS; i++)
		r->health_restarts[r->n_health_restarts++] = json_integer_value(json_array_get(list, i));
}

static void get_run(const json_t *j, struct unit_rec *r)
{
	r->proc.pid = (pid_t)get_int(j, "pid", INT_MAX);
	r->proc.start = (uint64_t)get_int(j, "start", INT64_MAX);
	r->boot = get_str(j, "boot");
	r->created_ns = jx_int(j, "created_ns", 0);
	r->started_ns = jx_int(j, "started_ns", 0);
	r->finished_ns = jx_int(j, "finished_ns", 0);
	r->exit_code =
		json_is_integer(json_object_get(j, "exit_code")) ? (int)get_int(j, "exit_code", INT_MAX) : -1;
	r->oom = jx_bool(j, "oom", false);
	r->ooms = get_int(j, "ooms", INT64_MAX);
	r->restarting = jx_bool(j, "restarting", false);
	r->restarts = (unsigned)get_int(j, "restarts", UINT_MAX);
	r->attempts = (unsigned)get_int(j, "attempts", UINT_MAX);
	r->backoff_ms = get_int(j, "backoff_ms", INT64_MAX);
	r->started_mono = get_int(j, "started_mono", INT64_MAX);
	r->due_mono = get_int(j, "due_mono", INT64_MAX);
	r->init_of = get_str(j, "init_of");
	r->init_step = (unsigned)get_int(j, "init_step", UINT_MAX);
	r->pre_started = (unsigned)get_int(j, "pre_started", UINT_MAX);
	r->hooking = jx_bool(j, "hooking", false);
	r->post_started = (unsigned)get_int(j, "post_started", UINT_MAX);
	r->pre_stopped = (unsigned)get_int(j, "pre_stopped", UINT_MAX);
	get_health(j, r);
	r->manual_stop = jx_bool(j, "manual_stop", false);
	r->waits = get_str(j, "waits");
	r->resume = jx_bool(j, "resume", false);
	r->error = get_str(j, "error");
	r->cause = get_str(j, "cause");
}

int unit_rec_from_json(const json_t *j, struct unit_rec *ret, struct err *err)
{
	struct unit_rec r = {0};
	const char *slot, *service, *state;

	if (!json_is_object(j))
		return err_set(err, ERR_INPUT, "a container's record is not an object");
	if (jx_need_str(j, "slot", &slot, err) < 0 || jx_need_str(j, "service", &service, err) < 0 ||
		jx_need_str(j, "state", &state, err) < 0)
		return err_wrap(err, "a container's record");
	r.slot = xstrdup(slot);
	r.service = xstrdup(service);
	r.state = xstrdup(state);
	r.index = (unsigned)get_int(j, "index", UINT_MAX);
	r.id = get_str(j, "id");
	r.name = get_str(j, "name");
	r.image = get_str(j, "image");
	r.image_id = get_str(j, "image_id");
	r.config_hash = get_str(j, "config_hash");
	r.command = get_str(j, "command");
	r.runtime = get_str(j, "runtime");
	get_run(j, &r);
	r.dns_udp = (unsigned)get_int(j, "dns_udp", 65535);
	r.dns_tcp = (unsigned)get_int(j, "dns_tcp", 65535);
	get_addrs(jx_arr(j, "addrs"), &r);
	get_ports(jx_arr(j, "ports"), &r);
	get_strs(jx_arr(j, "anon_volumes"), &r.anon_volumes);
	r.labels = json_incref(jx_obj(j, "labels"));
	*ret = r;
	return 0;
}

bool unit_rec_alive(const struct unit_rec *r)
{
	return r->proc.pid > 0 && r->boot && str_eq(r->boot, proc_boot_id()) && proc_alive(&r->proc);
}
