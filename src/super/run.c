#include "run.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../util/arena.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "launch.h"

enum { AGAIN_S = 2, SWEEP_S = 1 };

/* ------------------------------------------------------------------ the request */

static bool name_is_taken(struct super *s, const char *slot, const char *name, struct err *err)
{
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (!u->rec.id || STREQ(u->rec.slot, slot) || !str_eq(u->rec.name, name))
			continue;
		err_set(err, ERR_EXISTS, "there is a container '%s' already", name);
		return err_hint(err, "choose another --name, or remove that one") < 0;
	}
	return false;
}

int run_check(struct super *s, const json_t *req, struct err *err)
{
	const json_t *run = jx_obj(req, "run");
	const char *slot = jx_str(run, "slot"), *service = json_string_value(json_array_get(jx_arr(req, "services"), 0));
	auto_free char *prefix = xasprintf("%s-run-", service ? service : "");

	if (!service || json_array_size(jx_arr(req, "services")) != 1 || !slot || !jx_str(run, "name"))
		return err_set(err, ERR_PROTO, "the request does not say what is to be run");
	if (!str_starts(slot, prefix) || strlen(slot) == strlen(prefix) || slot[strspn(slot, "abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
		return err_set(err, ERR_PROTO, "'%s' is no slot of a container of 'run'", slot);
	if (name_is_taken(s, slot, jx_str(run, "name"), err))
		return -1;
	if (!jx_bool(req, "again", false) || unit_get(s, slot))
		return 0;
	return err_set(err, ERR_NOT_FOUND, "there is no container '%s' any more, and it is not run a second time", slot);
}

void run_note(struct unit *u, const json_t *req)
{
	json_decref(u->rec.run);
	u->rec.run = json_deep_copy(jx_obj(req, "run"));
}

void run_new(struct unit *u)
{
	const char *key;
	json_t *v;

	free(u->rec.name);
	u->rec.name = xstrdup(jx_str(u->rec.run, "name"));
	json_object_foreach(jx_obj(u->rec.run, "labels"), key, v)
		jx_set_str(u->rec.labels, key, json_string_value(v) ? json_string_value(v) : "");
	jx_set_str(u->rec.labels, "com.docker.compose.oneoff", "True");
	jx_set_str(u->rec.labels, "com.docker.compose.slug", strstr(u->rec.slot, "-run-") + strlen("-run-"));
}

bool run_stdin_once(const struct unit *u)
{
	return str_eq(jx_str(u->rec.run, "stdin"), "once");
}

bool run_window(const struct unit *u, struct winsize *ret)
{
	*ret = (struct winsize){ .ws_row = (unsigned short)jx_int(u->rec.run, "rows", 0),
				 .ws_col = (unsigned short)jx_int(u->rec.run, "cols", 0) };
	return ret->ws_row && ret->ws_col;
}

/* Whoever made it reads it until the container does (cli/cmd_run.c). */
static bool is_nobodys(struct super *s, const char *name)
{
	auto_free char *slot = xstrndup(name, strlen(name) - strlen(".in"));
	auto_close int fd = -1;

	if (!strstr(slot, "-run-") || unit_get(s, slot))
		return false;
	fd = openat(s->fifo_fd, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 && errno == ENXIO;
}

void run_sweep(struct super *s)
{
	auto_free char *path = xasprintf("%s/fifo", s->p.run);
	auto_closedir DIR *d = opendir(path);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (str_ends(e->d_name, ".in") && is_nobodys(s, e->d_name))
			unlinkat(s->fifo_fd, e->d_name, 0);
}

static void sweep_now(evutil_socket_t fd, short what, void *arg)
{
	run_sweep(arg);
}

void run_sweep_soon(struct super *s)
{
	const struct timeval pause = { .tv_sec = SWEEP_S };

	event_base_once(s->base, -1, EV_TIMEOUT, sweep_now, s, &pause);
}

/* ------------------------------------------------------------------ what it is made from */

static void take_text(struct arena *a, const json_t *run, const char *key, char **to)
{
	if (jx_str(run, key))
		*to = arena_strdup(a, jx_str(run, key));
}

static void take_words(struct arena *a, const json_t *run, const char *key, struct strv *to)
{
	const json_t *list = jx_arr(run, key), *v;
	size_t i;

	if (!list)
		return;
	*to = (struct strv){ .v = arena_array(a, json_array_size(list) + 1, sizeof *to->v), .set = true };
	json_array_foreach(list, i, v)
		to->v[to->n++] = arena_strdup(a, json_string_value(v) ? json_string_value(v) : "");
}

/* The service's first, those of the request behind them. */
static void add_words(struct arena *a, const json_t *run, const char *key, struct strv *to)
{
	struct strv more = { 0 }, all;

	take_words(a, run, key, &more);
	if (!more.n)
		return;
	all = (struct strv){ .v = arena_array(a, to->n + more.n + 1, sizeof *all.v), .n = to->n + more.n, .set = true };
	for (size_t i = 0; i < all.n; i++)
		all.v[i] = i < to->n ? to->v[i] : more.v[i - to->n];
	*to = all;
}

static void take_environment(struct arena *a, const json_t *run, struct kvs *to)
{
	const json_t *given = jx_obj(run, "environment"), *v;
	struct kvs all = { .v = arena_array(a, to->n + json_object_size(given) + 1, sizeof *all.v) };
	const char *key;

	for (size_t i = 0; i < to->n; i++)
		if (!json_object_get(given, to->v[i].key))
			all.v[all.n++] = to->v[i];
	json_object_foreach((json_t *)given, key, v)
		all.v[all.n++] = (struct kv){ arena_strdup(a, key), arena_strdup(a, json_string_value(v)) };
	*to = all;
}

static void take_ports(struct arena *a, const json_t *run, struct service *out)
{
	const json_t *list = jx_arr(run, "ports"), *v;
	size_t i;

	if (!list)
		return;
	out->ports = arena_array(a, json_array_size(list) + 1, sizeof *out->ports);
	out->n_ports = 0;
	json_array_foreach(list, i, v)
		out->ports[out->n_ports++] = (struct port){
			.host_ip = arena_strdup(a, jx_str(v, "ip")), .target = (unsigned)jx_int(v, "target", 0),
			.published_min = (unsigned)jx_int(v, "min", 0), .published_max = (unsigned)jx_int(v, "max", 0),
			.published = jx_int(v, "min", 0) > 0, .protocol = arena_strdup(a, jx_bool(v, "udp", false) ? "udp" : "tcp"),
		};
}

static struct mount mount_of(struct arena *a, const json_t *v)
{
	return (struct mount){
		.type = str_eq(jx_str(v, "type"), "bind") ? MOUNT_BIND : MOUNT_VOLUME,
		.source = arena_strdup(a, jx_str(v, "source")), .target = arena_strdup(a, jx_str(v, "target")),
		.read_only = jx_bool(v, "ro", false), .nocopy = jx_bool(v, "nocopy", false), .create_host_path = true,
		.propagation = arena_strdup(a, jx_str(v, "propagation")), .tmpfs_bytes = -1, .tmpfs_mode = -1,
	};
}

/* One of the request takes the place of the service's at the same path. */
static void take_mounts(struct arena *a, const json_t *run, struct service *out)
{
	const json_t *list = jx_arr(run, "volumes"), *v;
	struct mount *all = arena_array(a, out->n_mounts + json_array_size(list) + 1, sizeof *all);
	size_t n = 0, i;

	for (size_t k = 0; k < out->n_mounts; k++) {
		bool covered = false;
		json_array_foreach(list, i, v)
			covered |= str_eq(jx_str(v, "target"), out->mounts[k].target);
		if (!covered)
			all[n++] = out->mounts[k];
	}
	json_array_foreach(list, i, v)
		if (jx_str(v, "target"))
			all[n++] = mount_of(a, v);
	out->mounts = all;
	out->n_mounts = n;
}

/* Its client reads the log: there is one, and it is large enough to be read at leisure. */
static void keep_a_log(struct service *out)
{
	const char *driver = out->log_driver;

	if (driver && (STREQ(driver, "journald") || STREQ(driver, "syslog")))
		return;
	out->log_driver = NULL;
	out->log_options = (struct kvs){ 0 };
}

const struct service *run_service(const struct unit *u, const struct service *svc, struct arena *a)
{
	const json_t *run = u->rec.run;
	struct service *out = svc ? arena_alloc(a, sizeof *out) : NULL;

	if (!svc)
		return NULL;
	*out = *svc;
	if (jx_arr(run, "entrypoint"))
		out->command = (struct strv){ .v = arena_array(a, 1, sizeof *out->command.v), .set = true };
	take_words(a, run, "entrypoint", &out->entrypoint);
	take_words(a, run, "command", &out->command);
	take_environment(a, run, &out->environment);
	take_text(a, run, "user", &out->user);
	take_text(a, run, "working_dir", &out->working_dir);
	add_words(a, run, "cap_add", &out->cap_add);
	add_words(a, run, "cap_drop", &out->cap_drop);
	take_ports(a, run, out);
	take_mounts(a, run, out);
	keep_a_log(out);
	out->container_name = NULL;
	out->tty = jx_bool(run, "tty", false);
	out->stdin_open = !str_eq(jx_str(run, "stdin"), "none");
	out->restart = (struct restart_policy){ .kind = RESTART_NO, .delay_ns = -1, .window_ns = -1 };
	out->on_unhealthy = UNHEALTHY_NONE;
	out->n_pre_start = out->n_post_start = out->n_pre_stop = 0;
	return out;
}

/* ------------------------------------------------------------------ the end */

static bool rests(const struct unit *u)
{
	return u->rec.id && (u->state == U_STOPPED || u->state == U_FAILED || u->state == U_EXITED);
}

/* One that could not be made or started has told its user why. */
bool run_leaves(const struct unit *u)
{
	bool ran = u->rec.started_ns;

	return u->rec.run && rests(u) && (ran ? jx_bool(u->rec.run, "rm", false) : u->state == U_FAILED) && !client_attends(u);
}

void run_settle(struct unit *u)
{
	if (!run_leaves(u) || txn_will_start(u->s, u))
		return;
	u->recreate = false;
	u->drop_volumes = true;
	unit_want(u, W_ABSENT);
}

static void settle_now(evutil_socket_t fd, short what, void *arg)
{
	struct super *s = arg;

	map_each(&s->units, it)
		run_settle(it->value);
}

void run_settle_later(struct unit *u)
{
	const struct timeval pause = { .tv_sec = AGAIN_S };

	if (run_leaves(u))
		event_base_once(u->s->base, -1, EV_TIMEOUT, settle_now, u->s, &pause);
}
