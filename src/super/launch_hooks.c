/* launch_hooks.c - what post_start and pre_stop execute: the container's own process with another command, and what else the hook says. */
#include "hooks.h"
#include "launch_parts.h"

#include <string.h>

#include "../util/mem.h"

static struct strs env_of(const struct hook *h, const struct image_user *user)
{
	struct strs env = STRS_INIT;

	if (h->user)
		strs_printf(&env, "HOME=%s", user->home ? user->home : "/");
	for (size_t i = 0; i < h->environment.n; i++) {
		const char *value = h->environment.v[i].value;

		strs_printf(&env, "%s%s%s", h->environment.v[i].key, value ? "=" : "", value ? value : "");
	}
	return env;
}

static int write_hook(struct making *c, const char *file, const struct hook *h, struct err *err)
{
	struct image_user user = { 0 };
	struct oci_exec x = { .args = (const char *const *)h->command.v, .cwd = h->working_dir, .privileged = h->privileged };
	struct strs env;

	if (h->user && image_user(c->root_fd, h->user, NULL, &user, err) < 0)
		return -1;
	env = env_of(h, &user);
	x.env_add = (const char *const *)env.v;
	x.user_set = h->user != NULL;
	x.uid = user.uid;
	x.gid = user.gid;
	x.groups = user.groups;
	x.n_groups = user.n_groups;
	return oci_process_write(c->bundle_fd, file, &x, err);
}

static int write_hooks(struct making *c, enum hook_kind kind, const struct hook *hooks, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		c->attr = hook_attr(kind, (unsigned)i);
		if (write_hook(c, hook_file(kind, (unsigned)i), &hooks[i], err) < 0)
			return -1;
	}
	return 0;
}

int making_hooks(struct making *c, struct err *err)
{
	const struct service *svc = c->svc;

	if (write_hooks(c, HOOK_POST_START, svc->post_start, svc->n_post_start, err) < 0 ||
	    write_hooks(c, HOOK_PRE_STOP, svc->pre_stop, svc->n_pre_stop, err) < 0)
		return -1;
	c->attr = NULL;
	c->launch.n_post_start = (unsigned)svc->n_post_start;
	c->launch.n_pre_stop = (unsigned)svc->n_pre_stop;
	return 0;
}
