/* process.c - the process of an `exec`: the container's own with some changes. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/str.h"
#include "oci.h"
#include "spec.h"

static size_t name_len(const char *assignment)
{
	return strcspn(assignment, "=");
}

/* Replaces the variable of that name or adds it; a name alone takes it away. */
static void set_env(json_t *env, json_t *value)
{
	const char *v = json_string_value(value);
	size_t i, n = name_len(v);
	const json_t *old;
	json_array_foreach(env, i, old)
	{
		const char *o = json_string_value(old);
		if (!o || name_len(o) != n || strncmp(o, v, n) != 0)
			continue;
		if (v[n])
			json_array_set(env, i, value);
		else
			json_array_remove(env, i);
		return;
	}
	if (v[n])
		json_array_append(env, value);
}

static int change_env(json_t *p, const struct oci_exec *x, struct err *err)
{
	auto_json json_t *add = NULL;
	if (!jx_arr(p, "env"))
		json_object_set_new(p, "env", json_array());
	if (spec_strings(x->env_add, "environment variable", &add, err) < 0)
		return -1;
	size_t i;
	json_t *v;
	json_array_foreach(add, i, v) set_env(jx_arr(p, "env"), v);
	return 0;
}

static void change_user(json_t *p, const struct oci_exec *x)
{
	if (!x->user_set)
		return;
	json_t *u = json_object(), *groups = json_array();
	jx_set_int(u, "uid", x->uid);
	jx_set_int(u, "gid", x->gid);
	for (size_t i = 0; i < x->n_groups; i++)
		json_array_append_new(groups, json_integer(x->groups[i]));
	json_object_set_new(u, "additionalGids", groups);
	json_object_set_new(p, "user", u);
}

int oci_process_write(int bundle_fd, const char *name, const struct oci_exec *x, struct err *err)
{
	auto_json json_t *config = NULL;
	json_t *args;
	if (!x->args || !x->args[0] || !*x->args[0])
		return err_set(err, ERR_USAGE, "no command to execute");
	if (x->cwd && *x->cwd != '/')
		return err_set(err, ERR_USAGE, "working directory '%s' is not absolute", x->cwd);
	if (spec_load(bundle_fd, "config.json", &config, err) < 0)
		return -1;
	json_t *p = jx_obj(config, "process");
	if (!p)
		return err_set(err, ERR_FAIL, "'config.json' has no process");
	if (spec_strings(x->args, "word of the command", &args, err) < 0)
		return -1;
	json_object_set_new(p, "args", args);
	if (change_env(p, x, err) < 0 || (x->cwd && spec_set_text(p, "cwd", x->cwd, err) < 0))
		return -1;
	change_user(p, x);
	jx_set_bool(p, "terminal", x->tty);
	/* the size was that of the container's own terminal */
	json_object_del(p, "consoleSize");
	if (x->tty && x->tty_rows && x->tty_cols)
		spec_set_console_size(p, x->tty_rows, x->tty_cols);
	if (x->privileged)
		json_object_set_new(p, "capabilities", spec_caps_json(spec_caps_all()));
	return spec_store(bundle_fd, name, p, err);
}
