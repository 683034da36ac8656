/* unit_rec.c - a container's record as text.
 *
 * Absent fields are left out, so the reader knows what absence means for each: NULL, 0, false, and -1 for
 * exit_code. "slot" is written first: world.c finds it there without parsing the line. Fields that only a newer
 * davit knows are kept as they are, since it may be back soon. */
#include "journal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"
#include "../util/str.h"

enum { LIST_MAX = 4096 }; /* ports, addresses, volumes of one container */

/* T_COUNT, T_NUMBER: unsigned and int64_t, not below 0; T_TIME: any int64_t. */
enum type { T_TEXT, T_COUNT, T_NUMBER, T_TIME, T_FLAG };

static const struct field {
	const char *key;
	enum type type;
	size_t at; /* in struct unit_rec */
	int64_t max;
} fields[] = {
#define F(m) offsetof(struct unit_rec, m)
	{"slot", T_TEXT, F(slot)},
	{"service", T_TEXT, F(service)},
	{"index", T_COUNT, F(index), UINT_MAX},
	{"id", T_TEXT, F(id)},
	{"name", T_TEXT, F(name)},
	{"image", T_TEXT, F(image)},
	{"image_id", T_TEXT, F(image_id)},
	{"config_hash", T_TEXT, F(config_hash)},
	{"command", T_TEXT, F(command)},
	{"mounts", T_TEXT, F(mounts)},
	{"exposed", T_TEXT, F(exposed)},
	{"runtime", T_TEXT, F(runtime)},
	{"state", T_TEXT, F(state)},
	{"boot", T_TEXT, F(boot)},
	{"created_ns", T_TIME, F(created_ns)},
	{"started_ns", T_TIME, F(started_ns)},
	{"finished_ns", T_TIME, F(finished_ns)},
	{"oom", T_FLAG, F(oom)},
	{"ooms", T_NUMBER, F(ooms), INT64_MAX},
	{"paused", T_FLAG, F(paused)},
	{"restarting", T_FLAG, F(restarting)},
	{"restarts", T_COUNT, F(restarts), UINT_MAX},
	{"attempts", T_COUNT, F(attempts), UINT_MAX},
	{"backoff_ms", T_NUMBER, F(backoff_ms), INT64_MAX},
	{"started_mono", T_NUMBER, F(started_mono), INT64_MAX},
	{"due_mono", T_NUMBER, F(due_mono), INT64_MAX},
	{"health", T_TEXT, F(health)},
	{"rotation", T_TEXT, F(rotation)},
	{"init_of", T_TEXT, F(init_of)},
	{"init_step", T_COUNT, F(init_step), UINT_MAX},
	{"pre_started", T_COUNT, F(pre_started), UINT_MAX},
	{"hooking", T_FLAG, F(hooking)},
	{"post_started", T_COUNT, F(post_started), UINT_MAX},
	{"pre_stopped", T_COUNT, F(pre_stopped), UINT_MAX},
	{"health_said", T_TEXT, F(health_said)},
	{"health_fails", T_COUNT, F(health_fails), UINT_MAX},
	{"manual_stop", T_FLAG, F(manual_stop)},
	{"waits", T_TEXT, F(waits)},
	{"resume", T_FLAG, F(resume)},
	{"error", T_TEXT, F(error)},
	{"cause", T_TEXT, F(cause)},
	{"generation", T_NUMBER, F(generation), INT64_MAX},
	{"back", T_FLAG, F(back)},
	{"pinned", T_FLAG, F(pinned)},
	{"replaced", T_FLAG, F(replaced)},
	{"dns_udp", T_COUNT, F(dns_udp), 65535},
	{"dns_tcp", T_COUNT, F(dns_tcp), 65535},
#undef F
};

/* What is more than a number or a text, or absent in a way of its own: below. */
static const char *const others[] = {
	"pid", "start", "exit_code", "health_restarts", "addrs", "ports", "anon_volumes", "labels", "run", "parked"};

static void *place(const struct unit_rec *r, const struct field *f)
{
	return (char *)r + f->at;
}

void unit_rec_done(struct unit_rec *r)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].type == T_TEXT)
			free(*(char **)place(r, &fields[i]));
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
	json_decref(r->run);
	json_decref(r->more);
	if (r->parked)
		unit_rec_done(r->parked);
	free(r->parked);
	*r = (struct unit_rec){.exit_code = -1};
}

/* --- to JSON --- */

static void set_int(json_t *o, const char *key, int64_t v)
{
	if (v)
		jx_set_int(o, key, v);
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

static void set_field(json_t *o, const struct field *f, const void *v)
{
	switch (f->type) {
	case T_TEXT:
		jx_set_str(o, f->key, *(char *const *)v);
		break;
	case T_COUNT:
		set_int(o, f->key, *(const unsigned *)v);
		break;
	case T_NUMBER:
	case T_TIME:
		set_int(o, f->key, *(const int64_t *)v);
		break;
	case T_FLAG:
		if (*(const bool *)v)
			jx_set_bool(o, f->key, true);
	}
}

json_t *unit_rec_to_json(const struct unit_rec *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		set_field(o, &fields[i], place(r, &fields[i]));
	set_int(o, "pid", r->proc.pid);
	set_int(o, "start", (int64_t)r->proc.start);
	if (r->exit_code >= 0)
		jx_set_int(o, "exit_code", r->exit_code);
	if (r->n_health_restarts)
		json_object_set_new(o, "health_restarts", restarts_to_json(r));
	if (r->n_addrs)
		json_object_set_new(o, "addrs", addrs_to_json(r));
	if (r->n_ports)
		json_object_set_new(o, "ports", ports_to_json(r));
	if (r->anon_volumes.n)
		json_object_set_new(o, "anon_volumes", strs_to_json(&r->anon_volumes));
	if (r->labels)
		json_object_set(o, "labels", r->labels);
	if (r->run)
		json_object_set(o, "run", r->run);
	if (r->parked)
		json_object_set_new(o, "parked", unit_rec_to_json(r->parked));
	if (r->more)
		json_object_update_missing(o, r->more);
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

static void get_restarts(const json_t *list, struct unit_rec *r)
{
	for (size_t i = 0; i < json_array_size(list) && i < HEALTH_RESTARTS; i++)
		r->health_restarts[r->n_health_restarts++] = json_integer_value(json_array_get(list, i));
}

static void get_field(const json_t *j, const struct field *f, void *v)
{
	switch (f->type) {
	case T_TEXT:
		*(char **)v = get_str(j, f->key);
		break;
	case T_COUNT:
		*(unsigned *)v = (unsigned)get_int(j, f->key, f->max);
		break;
	case T_NUMBER:
		*(int64_t *)v = get_int(j, f->key, f->max);
		break;
	case T_TIME:
		*(int64_t *)v = jx_int(j, f->key, 0);
		break;
	case T_FLAG:
		*(bool *)v = jx_bool(j, f->key, false);
	}
}

static bool is_known(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (STREQ(key, fields[i].key))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (STREQ(key, others[i]))
			return true;
	return false;
}

static json_t *unknown_of(const json_t *j)
{
	json_t *more = NULL, *value;
	const char *key;

	json_object_foreach((json_t *)j, key, value) {
		if (is_known(key))
			continue;
		if (!more)
			more = json_object();
		json_object_set(more, key, value);
	}
	return more;
}

static int from_json(const json_t *j, struct unit_rec *ret, struct err *err)
{
	struct unit_rec r = {.exit_code = -1};
	const char *text;

	if (!json_is_object(j))
		return err_set(err, ERR_INPUT, "a container's record is not an object");
	if (jx_need_str(j, "slot", &text, err) < 0 || jx_need_str(j, "service", &text, err) < 0 ||
		jx_need_str(j, "state", &text, err) < 0)
		return err_wrap(err, "a container's record");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		get_field(j, &fields[i], place(&r, &fields[i]));
	r.proc.pid = (pid_t)get_int(j, "pid", INT_MAX);
	r.proc.start = (uint64_t)get_int(j, "start", INT64_MAX);
	if (json_is_integer(json_object_get(j, "exit_code")))
		r.exit_code = (int)get_int(j, "exit_code", INT_MAX);
	get_restarts(jx_arr(j, "health_restarts"), &r);
	get_addrs(jx_arr(j, "addrs"), &r);
	get_ports(jx_arr(j, "ports"), &r);
	get_strs(jx_arr(j, "anon_volumes"), &r.anon_volumes);
	r.labels = json_incref(jx_obj(j, "labels"));
	r.run = json_incref(jx_obj(j, "run"));
	r.more = unknown_of(j);
	*ret = r;
	return 0;
}

/* One that cannot be read is as good as none: the slot's own container is what counts. */
static struct unit_rec *get_parked(const json_t *j)
{
	struct unit_rec *r = j ? xcalloc(1, sizeof *r) : NULL;

	if (r && (from_json(j, r, NULL) < 0 || !r->id)) {
		unit_rec_done(r);
		free(r);
		return NULL;
	}
	return r;
}

int unit_rec_from_json(const json_t *j, struct unit_rec *ret, struct err *err)
{
	if (from_json(j, ret, err) < 0)
		return -1;
	ret->parked = get_parked(jx_obj(j, "parked"));
	return 0;
}

struct unit_rec *unit_rec_copy(const struct unit_rec *r)
{
	auto_json json_t *j = unit_rec_to_json(r);
	struct unit_rec *copy = xcalloc(1, sizeof *copy);

	from_json(j, copy, NULL);
	return copy;
}

const struct unit_rec *unit_rec_way_back(const struct unit_rec *r)
{
	return r->parked && !r->parked->replaced ? r->parked : NULL;
}

bool unit_rec_alive(const struct unit_rec *r)
{
	return r->proc.pid > 0 && r->boot && str_eq(r->boot, proc_boot_id()) && proc_alive(&r->proc);
}
