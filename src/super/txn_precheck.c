/* txn_precheck.c - what can be seen to be wrong before anything is stopped: sources of mounts, files of configs and secrets, the user and
 * the program, looked up in the image.
 *
 * The image is joined in a mount namespace of the worker's own, which ends with it, with a tmpfs to write to: nothing is left and nobody
 * sees it. What a mount of the service's may cover is not judged by what the image has there, and where overlayfs cannot be used nothing
 * is copied just to be looked at: then it shows when the container is made, and there is the way back. */
#include "launch_parts.h"
#include "txn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../oci/lookup.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"

static int check_binds(struct making *c, struct err *err)
{
	for (size_t i = 0; i < c->svc->n_mounts; i++) {
		const struct mount *m = &c->svc->mounts[i];
		if (m->type != MOUNT_BIND || m->create_host_path || !m->source || access(m->source, F_OK) == 0)
			continue;
		c->attr = xasprintf("volumes[%zu]", i);
		return err_sys(err, errno, "bind source '%s'", m->source);
	}
	return 0;
}

static int check_files(struct making *c, const char *what, const struct file_ref *refs, size_t n_refs, const struct file_object *v,
		       size_t n, struct err *err)
{
	for (size_t i = 0; i < n_refs; i++)
		for (size_t k = 0; k < n; k++) {
			if (!STREQ(v[k].key, refs[i].source) || !v[k].file || access(v[k].file, R_OK) == 0)
				continue;
			c->attr = xasprintf("%s[%zu]", what, i);
			return err_sys(err, errno, "'%s': file '%s'", v[k].key, v[k].file);
		}
	return 0;
}

/* ------------------------------------------------------------------ in the image */

/* One is, or is below, the other. */
static bool overlaps(const char *a, const char *b)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	const char *longer = strlen(a) < strlen(b) ? b : a;

	while (n && longer[n - 1] == '/')
		n--;
	return !strncmp(a, b, n) && (!longer[n] || longer[n] == '/');
}

static bool is_covered(const struct making *c, const char *path)
{
	for (size_t i = 0; i < c->svc->n_mounts; i++)
		if (c->svc->mounts[i].target && overlaps(c->svc->mounts[i].target, path))
			return true;
	for (size_t i = 0; i < c->svc->tmpfs.n; i++) {
		auto_free char *target = xstrndup(c->svc->tmpfs.v[i], strcspn(c->svc->tmpfs.v[i], ":"));
		if (overlaps(target, path))
			return true;
	}
	return c->svc->n_secrets || c->svc->n_configs || c->svc->volumes_from.n;
}

/* Where programs, their interpreters and their libraries are. */
static bool programs_are_covered(const struct making *c, const char *path, const char *command)
{
	static const char *const usual[] = { "/bin", "/sbin", "/lib", "/lib64", "/usr" };
	auto_free char *dirs = xstrdup(path);

	if (strchr(command, '/')) {
		auto_free char *at = path_join(making_cwd(c), command);
		if (is_covered(c, at))
			return true;
	}
	for (char *save, *dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
		if (*dir == '/' && is_covered(c, dir))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (is_covered(c, usual[i]))
			return true;
	return false;
}

static const char *search_path(const struct making *c)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

	for (size_t i = 0; i < c->img->env.n; i++)
		if (str_starts(c->img->env.v[i], "PATH="))
			path = c->img->env.v[i] + strlen("PATH=");
	for (size_t i = 0; i < c->svc->environment.n; i++)
		if (STREQ(c->svc->environment.v[i].key, "PATH") && c->svc->environment.v[i].value)
			path = c->svc->environment.v[i].value;
	return path;
}

static int check_command(struct making *c, struct err *err)
{
	const char *path = search_path(c);
	json_t *process, *args = json_array();
	auto_err struct err why = ERR_INIT;

	if (making_args(c, err) < 0)
		return -1;
	for (size_t i = 0; i < c->args.n; i++)
		json_array_append_new(args, json_string(c->args.v[i]));
	process = json_pack("{s:o,s:[o],s:s?}", "args", args, "env", json_string(xasprintf("PATH=%s", path)), "cwd", making_cwd(c));
	c->attr = "command";
	if (!process || programs_are_covered(c, path, c->args.v[0]) || lookup_command(c->root_fd, process, &why) == 0)
		return 0;
	return why.kind == ERR_CMD_NOT_FOUND || why.kind == ERR_CMD_NOT_EXEC ? err_move(err, &why) : 0;
}

static int check_user(struct making *c, struct err *err)
{
	const char *user = c->svc->user ? c->svc->user : c->img->user;

	c->attr = "user";
	if (is_covered(c, "/etc/passwd") || is_covered(c, "/etc/group"))
		return 0;
	return image_user(c->root_fd, user, (const char *const *)c->svc->group_add.v, &c->user, err);
}

static int check_image(struct making *c, const char *scratch, struct err *err)
{
	auto_free char *dir = xasprintf("%s/%s", scratch, c->u->rec.slot), *point = xasprintf("%s/%s.root", scratch, c->u->rec.slot);
	auto_close int root_fd = -1;
	int r;

	if (!c->img || rootfs_try(c->s->images, c->img, dir, point, NULL) != 0)
		return 0;
	root_fd = c->root_fd = open(point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = root_fd < 0 ? 0 : check_user(c, err) < 0 || check_command(c, err) < 0 ? -1 : 0;
	umount2(point, MNT_DETACH);
	return r;
}

/* ------------------------------------------------------------------ all of them */

static int check_one(struct making *c, const char *scratch, struct err *err)
{
	const struct project *m = c->s->model;

	if (check_binds(c, err) < 0 ||
	    check_files(c, "secrets", c->svc->secrets, c->svc->n_secrets, m->secrets, m->n_secrets, err) < 0 ||
	    check_files(c, "configs", c->svc->configs, c->svc->n_configs, m->configs, m->n_configs, err) < 0)
		return -1;
	return scratch ? check_image(c, scratch, err) : 0;
}

/* NULL: it cannot be had, and images are not looked into. */
static char *scratch_of(struct super *s)
{
	char *dir = xasprintf("%s/check", s->p.run);

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    path_mkdirs(s->p.run_fd, "check", 0700, NULL) < 0 || mount("check", dir, "tmpfs", 0, "mode=700") < 0)
		return NULL;
	return dir;
}

int precheck_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	const struct txn *t = s->txn;
	const char *scratch = scratch_of(s);

	*ret = json_object();
	for (size_t i = 0; t && i < t->plan.n; i++) {
		const struct op *op = &t->plan.ops[i];
		struct unit *u = op->kind == OP_PREPARE && !op->init_of ? unit_get(s, op->slot) : NULL;
		struct making c = { .s = s, .u = u, .dir_fd = -1, .bundle_fd = -1, .root_fd = -1 };
		struct err why = ERR_INIT;
		c.svc = u && plan_makes_anew(&t->plan, op, &u->rec) ? project_service(s->model, op->service) : NULL;
		c.img = c.svc ? map_get(&t->images, c.svc->name) : NULL;
		if (!c.svc || check_one(&c, scratch, &why) == 0)
			continue;
		jx_set_str(*ret, "failed", err_msg(&why));
		jx_set_str(*ret, "kind", err_kind_str(why.kind));
		jx_set_str(*ret, "hint", why.hint);
		jx_set_str(*ret, "service", op->service);
		jx_set_str(*ret, "attr", c.attr);
		return 0;
	}
	return 0;
}
