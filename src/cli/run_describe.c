/* run_describe.c - the options of `run` as the supervisor is told of them: everything in long form, with no name left to be looked up. */
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../compose/env.h"
#include "../../compose/val.h"
#include "../util/arena.h"
#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"

enum { HASH_BYTES = 6, PORTS_MAX = 65535 };

bool run_has_tty(const struct run_opts *o, const struct service *svc)
{
	if (o->no_tty)
		return false;
	if (o->tty || o->detach)
		return o->tty || svc->tty;
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* "none", "open" or "once" (super/run.h). */
static const char *stdin_mode(const struct run_opts *o, const struct service *svc)
{
	if (!o->interactive)
		return "none";
	if (o->detach)
		return svc->stdin_open ? "open" : "none";
	return run_has_tty(o, svc) ? "open" : "once";
}

static void set_texts(json_t *run, const char *key, const struct strs *l)
{
	if (l->n)
		json_object_set_new(run, key, jx_texts(l->v, l->n));
}

/* ------------------------------------------------------------------ command */

static int set_command(struct arena *a, const struct run_opts *o, json_t *run, struct err *err)
{
	struct strv words = { 0 };
	char *why = NULL;

	if (o->entrypoint && val_words(a, o->entrypoint, &words, NULL, &why) < 0)
		return err_set(err, ERR_USAGE, "flag '--entrypoint': %s", why);
	if (o->entrypoint)
		json_object_set_new(run, "entrypoint", jx_texts(words.v, words.n));
	if (o->n_command)
		json_object_set_new(run, "command", jx_texts(o->command, o->n_command));
	return 0;
}

/* ------------------------------------------------------------------ variables and labels */

/* What is set nowhere stays what the service has. */
static void set_variable(json_t *env, const char *name, const char *value)
{
	if (value)
		json_object_set_new(env, name, json_string(value));
}

static int read_env_file(struct cli *c, struct arena *a, const struct env *own, const char *path, json_t *env, struct err *err)
{
	struct env file;
	int r;

	env_init(&file, a);
	r = env_load(&file, own, &c->diag, path, path, false);
	for (size_t i = 0; r == 0 && i < file.vars.n; i++) {
		const struct env_var *v = file.vars.items[i].value;
		set_variable(env, v->name, v->value);
	}
	env_done(&file);
	if (r == ENV_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "flag '--env-from-file': there is no file '%s'", path);
	if (r < 0)
		ui_diag(&c->ui, &c->diag);
	return r < 0 ? err_set(err, ERR_INPUT, "flag '--env-from-file': '%s' cannot be used", path) : 0;
}

/* "NAME=value" as it is, "NAME" with the value that interpolation would have. */
static void add_variable(const char *text, const struct env *own, json_t *env)
{
	auto_free char *name = xstrndup(text, strcspn(text, "="));

	set_variable(env, name, text[strlen(name)] ? text + strlen(name) + 1 : env_value(own, name));
}

static int set_variables(struct cli *c, struct arena *a, const struct run_opts *o, json_t *env, struct err *err)
{
	auto_strs struct strs known = STRS_INIT;
	struct env own;
	int r = 0;

	env_init(&own, a);
	if ((o->env.n || o->env_files.n) && compose_environment(&c->compose, c->name, &c->diag, &known) == 0 && known.n)
		env_put_list(&own, (const char *const *)known.v, true);
	for (size_t i = 0; r == 0 && i < o->env_files.n; i++)
		r = read_env_file(c, a, &own, o->env_files.v[i], env, err);
	for (size_t i = 0; r == 0 && i < o->env.n; i++)
		add_variable(o->env.v[i], &own, env);
	env_done(&own);
	return r;
}

static int set_environment(struct cli *c, struct arena *a, const struct run_opts *o, json_t *run, struct err *err)
{
	json_t *env = json_object(), *labels = json_object();

	json_object_set_new(run, "environment", env);
	json_object_set_new(run, "labels", labels);
	if (set_variables(c, a, o, env, err) < 0)
		return -1;
	for (size_t i = 0; i < o->labels.n; i++) {
		auto_free char *name = xstrndup(o->labels.v[i], strcspn(o->labels.v[i], "="));
		jx_set_str(labels, name, o->labels.v[i][strlen(name)] ? o->labels.v[i] + strlen(name) + 1 : "");
	}
	return 0;
}

/* ------------------------------------------------------------------ ports */

static json_t *port_json(const struct val_port *p, unsigned target, unsigned min, unsigned max)
{
	json_t *o = json_object();

	jx_set_str(o, "ip", p->host_ip);
	jx_set_int(o, "target", target);
	if (p->published) {
		jx_set_int(o, "min", min);
		jx_set_int(o, "max", max);
	}
	jx_set_bool(o, "udp", p->protocol && STREQ(p->protocol, "udp"));
	return o;
}

static int add_ports(struct arena *a, const char *text, json_t *list, struct err *err)
{
	struct val_port p;
	char *why = NULL;

	if (val_port(a, text, &p, &why) < 0)
		return err_set(err, ERR_USAGE, "flag '--publish': %s", why);
	if (p.target_min == p.target_max) {
		json_array_append_new(list, port_json(&p, p.target_min, p.published_min, p.published_max));
		return 0;
	}
	for (unsigned i = 0; p.target_min + i <= p.target_max; i++)
		json_array_append_new(list, port_json(&p, p.target_min + i, p.published_min + i, p.published_min + i));
	return 0;
}

static int set_ports(struct arena *a, const struct run_opts *o, json_t *run, struct err *err)
{
	json_t *list = json_array();

	if (o->service_ports) {
		json_decref(list);
		return 0;
	}
	json_object_set_new(run, "ports", list);
	for (size_t i = 0; i < o->ports.n; i++)
		if (add_ports(a, o->ports.v[i], list, err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ volumes */

/* Relative to where the command was given. */
static char *host_path(struct arena *a, const char *path)
{
	const char *home = getenv("HOME");
	auto_free char *cwd = getcwd(NULL, 0);

	if (path[0] == '~' && (!path[1] || path[1] == '/') && home)
		return val_path_clean(a, arena_printf(a, "%s%s", home, path + 1));
	return val_path_clean(a, *path == '/' ? path : arena_printf(a, "%s/%s", cwd ? cwd : "", path));
}

static int add_volume(struct arena *a, const char *text, json_t *list, struct err *err)
{
	json_t *o = json_object();
	struct val_mount m;
	char *why = NULL;

	json_array_append_new(list, o);
	if (val_mount(a, text, &m, &why) < 0)
		return err_set(err, ERR_USAGE, "flag '--volume': %s", why);
	if (m.unknown)
		return err_set(err, ERR_USAGE, "flag '--volume': '%s': nobody knows the option '%s'", text, m.unknown);
	if (!m.target || *m.target != '/')
		return err_set(err, ERR_USAGE, "flag '--volume' takes [SOURCE:]TARGET[:OPTIONS] with an absolute TARGET, not '%s'", text);
	jx_set_str(o, "type", m.bind ? "bind" : "volume");
	jx_set_str(o, "source", m.bind ? host_path(a, m.source) : m.source);
	jx_set_str(o, "target", m.target);
	jx_set_bool(o, "ro", m.read_only);
	jx_set_bool(o, "nocopy", m.nocopy);
	jx_set_str(o, "propagation", m.propagation);
	return 0;
}

static int set_volumes(struct arena *a, const struct run_opts *o, json_t *run, struct err *err)
{
	json_t *list = json_array();

	json_object_set_new(run, "volumes", list);
	for (size_t i = 0; i < o->volumes.n; i++)
		if (add_volume(a, o->volumes.v[i], list, err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ all of it */

static void set_names(const struct cli *c, const struct run_opts *o, const struct service *svc, json_t *run)
{
	char hash[2 * HASH_BYTES + 1];

	hash_random_hex(HASH_BYTES, hash);
	auto_free char *slot = xasprintf("%s-run-%s", svc->name, hash);
	auto_free char *name = xasprintf("%s-%s", c->name, slot);
	jx_set_str(run, "slot", slot);
	jx_set_str(run, "name", o->name ? o->name : name);
}

static void set_window(json_t *run)
{
	struct winsize w;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	jx_set_int(run, "rows", w.ws_row);
	jx_set_int(run, "cols", w.ws_col);
}

static int describe(struct cli *c, struct arena *a, const struct run_opts *o, const struct service *svc, json_t *run, struct err *err)
{
	if (o->name && !str_is_container_name(o->name)) {
		err_set(err, ERR_USAGE, "flag '--name': '%s' cannot be a container's name", o->name);
		return err_hint(err, "letters, digits, '_', '.' and '-', the first one a letter or digit");
	}
	set_names(c, o, svc, run);
	jx_set_bool(run, "rm", o->rm);
	jx_set_bool(run, "tty", run_has_tty(o, svc));
	jx_set_str(run, "stdin", stdin_mode(o, svc));
	jx_set_bool(run, "use_aliases", o->use_aliases);
	jx_set_str(run, "user", o->user);
	jx_set_str(run, "working_dir", o->workdir);
	set_texts(run, "cap_add", &o->cap_add);
	set_texts(run, "cap_drop", &o->cap_drop);
	if (!o->detach && run_has_tty(o, svc))
		set_window(run);
	if (set_command(a, o, run, err) < 0 || set_environment(c, a, o, run, err) < 0 || set_ports(a, o, run, err) < 0)
		return -1;
	return set_volumes(a, o, run, err);
}

json_t *run_describe(struct cli *c, const struct run_opts *o, const struct service *svc, struct err *err)
{
	struct arena *a = arena_new();
	json_t *run = json_object();
	int r = describe(c, a, o, svc, run, err);

	arena_free(a);
	if (r == 0)
		return run;
	json_decref(run);
	return NULL;
}
