/* launch_args.c - arguments and environment. */
#include "launch_parts.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void making_add_all(struct strs *to, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strs_add(to, v[i]);
}

/* As the engine merges them: an entrypoint of the service's own drops the image's command; an emptied one only the image's entrypoint. */
int making_args(struct making *c, struct err *err)
{
	const struct service *svc = c->svc;
	bool own_entry = svc->entrypoint.set && svc->entrypoint.n;

	if (svc->entrypoint.set)
		making_add_all(&c->args, svc->entrypoint.v, svc->entrypoint.n);
	else
		making_add_all(&c->args, c->img->entrypoint.v, c->img->entrypoint.n);
	if (svc->command.set)
		making_add_all(&c->args, svc->command.v, svc->command.n);
	else if (!own_entry)
		making_add_all(&c->args, c->img->cmd.v, c->img->cmd.n);
	c->attr = "command";
	if (!c->args.n) {
		err_set(err, ERR_INPUT, "there is no command to run");
		return err_hint(err, "image '%s' has none: give the service a command", svc->image);
	}
	return 0;
}

static void env_set(struct strs *env, const char *name, const char *value)
{
	size_t n = strlen(name);
	char *text = value ? xasprintf("%s=%s", name, value) : NULL;

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->v[i], name, n) || env->v[i][n] != '=')
			continue;
		if (text) {
			env->v[i] = text;
			return;
		}
		memmove(&env->v[i], &env->v[i + 1], (env->n - i) * sizeof *env->v);
		env->n--;
		return;
	}
	if (text)
		strs_take(env, text);
}

static bool env_has(const struct strs *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], name, n) && env->v[i][n] == '=')
			return true;
	return false;
}

char *making_hostname(const struct making *c)
{
	auto_free char *joined = network_joined_slot(c->s, c->svc);
	const struct unit *other = joined ? unit_get(c->s, joined) : NULL;
	const struct service *svc = other ? project_service(c->s->model, other->rec.service) : c->svc;
	const char *id = other && other->rec.id ? other->rec.id : c->u->rec.id;
	char own[HOST_NAME_MAX + 1] = "";

	if (svc && svc->hostname)
		return svc->hostname;
	if (svc && svc->network_mode && STREQ(svc->network_mode, "host") && gethostname(own, sizeof own - 1) == 0)
		return xstrdup(own);
	return xstrndup(id, 12);
}

void making_env(struct making *c)
{
	env_set(&c->env, "PATH", DEFAULT_PATH);
	env_set(&c->env, "HOSTNAME", making_hostname(c));
	if (c->svc->tty)
		env_set(&c->env, "TERM", "xterm");
	for (size_t i = 0; i < c->img->env.n; i++) {
		char *copy = xstrdup(c->img->env.v[i]), *eq = strchr(copy, '=');
		if (!eq)
			continue;
		*eq = 0;
		env_set(&c->env, copy, eq + 1);
	}
	for (size_t i = 0; i < c->svc->environment.n; i++)
		env_set(&c->env, c->svc->environment.v[i].key, c->svc->environment.v[i].value);
	if (!env_has(&c->env, "HOME"))
		env_set(&c->env, "HOME", c->user.home ? c->user.home : "/");
}
