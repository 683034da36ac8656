/* launch_work.c - from (service, image, slot) to a bundle, step by step (launch_parts.h). */
#include "launch_parts.h"
#include "park.h"
#include "pre_start.h"
#include "run.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../util/arena.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"

#define BUNDLE_WHOLE "whole"

static const char *const *list(const struct strv *v)
{
	return (const char *const *)v->v;
}

static struct oci_limits limits_of(const struct service *svc)
{
	const struct limits *l = &svc->limits;
	struct oci_limits out = {
		.mem_bytes = l->mem_bytes, .mem_reservation_bytes = l->mem_reservation_bytes,
		.memswap_bytes = l->memswap_bytes, .mem_swappiness = l->mem_swappiness,
		.cpu_shares = l->cpu_shares, .cpu_quota_us = l->cpu_quota_us, .cpu_period_us = l->cpu_period_us,
		.cpu_rt_runtime_us = l->cpu_rt_runtime_us, .cpu_rt_period_us = l->cpu_rt_period_us,
		.cpuset = l->cpuset, .pids = l->pids, .oom_kill_disable = l->oom_kill_disable,
	};

	if (l->cpus > 0) {
		out.cpu_period_us = 100000;
		out.cpu_quota_us = (int64_t)(l->cpus * 100000 + 0.5);
	}
	return out;
}

/* "host", "service:NAME" → the path of that one's namespace, NULL: an own one. */
static int namespace_of(struct making *c, const char *mode, const char *kind, const char **ret, struct err *err)
{
	const struct unit *other;

	*ret = NULL;
	if (!mode || !*mode || STREQ(mode, "private") || STREQ(mode, "shareable") || STREQ(mode, "none"))
		return 0;
	if (STREQ(mode, "host")) {
		*ret = "host";
		return 0;
	}
	c->attr = kind;
	if (!str_starts(mode, "service:"))
		return err_set(err, ERR_INPUT, "%s mode '%s' is not supported", kind, mode);
	other = service_unit(c->s, mode + strlen("service:"), 1);
	if (!other || !unit_has_process(other->state))
		return err_set(err, ERR_NOT_FOUND, "service '%s', whose %s namespace is to be joined, is not running",
			       mode + strlen("service:"), kind);
	*ret = xasprintf("/proc/%d/ns/%s", (int)other->rec.proc.pid, kind);
	return 0;
}

static int fill_lists(struct making *c, struct oci_spec *spec)
{
	const struct service *svc = c->svc;
	struct oci_rlimit *rl = xcalloc(svc->n_ulimits + 1, sizeof *rl);
	struct oci_sysctl *sc = xcalloc(svc->sysctls.n + 1, sizeof *sc);
	struct oci_device *dev = xcalloc(svc->n_devices + 1, sizeof *dev);

	for (size_t i = 0; i < svc->n_ulimits; i++)
		rl[i] = (struct oci_rlimit){ svc->ulimits[i].name, svc->ulimits[i].soft, svc->ulimits[i].hard };
	for (size_t i = 0; i < svc->sysctls.n; i++)
		if (!str_starts(svc->sysctls.v[i].key, "net."))
			sc[spec->n_sysctls++] = (struct oci_sysctl){ svc->sysctls.v[i].key, svc->sysctls.v[i].value };
	for (size_t i = 0; i < svc->n_devices; i++)
		dev[i] = (struct oci_device){ svc->devices[i].source, svc->devices[i].target,
					      svc->devices[i].permissions };
	spec->rlimits = rl;
	spec->n_rlimits = svc->n_ulimits;
	spec->sysctls = sc;
	spec->devices = dev;
	spec->n_devices = svc->n_devices;
	return 0;
}

static const json_t *annotations_of(const struct making *c)
{
	json_t *o = c->u->rec.labels ? json_copy(c->u->rec.labels) : json_object();

	for (size_t i = 0; i < c->svc->annotations.n; i++)
		jx_set_str(o, c->svc->annotations.v[i].key,
			   c->svc->annotations.v[i].value ? c->svc->annotations.v[i].value : "");
	return o;
}

const char *making_cwd(const struct making *c)
{
	if (c->svc->working_dir)
		return c->svc->working_dir;
	return c->img->working_dir && *c->img->working_dir ? c->img->working_dir : "/";
}

/* A profile's path is relative to the project, as docker compose has it. */
static const char *const *security_of(const struct making *c)
{
	const struct strv *l = &c->svc->security_opt;
	const char **v = l->n ? xcalloc(l->n + 1, sizeof *v) : NULL;

	for (size_t i = 0; i < l->n; i++) {
		const char *path = str_starts(l->v[i], "seccomp=") || str_starts(l->v[i], "seccomp:") ?
				   l->v[i] + strlen("seccomp=") : NULL;
		bool relative = path && *path != '/' && *path != '{' && !STREQ(path, "unconfined") && !STREQ(path, "builtin");
		v[i] = relative ? xasprintf("seccomp=%s/%s", c->s->model->working_dir, path) : l->v[i];
	}
	return v;
}

static int spec_of(struct making *c, struct oci_spec *spec, struct err *err)
{
	const struct service *svc = c->svc;

	*spec = (struct oci_spec){
		.args = (const char *const *)c->args.v, .env = (const char *const *)c->env.v,
		.cwd = making_cwd(c),
		.uid = c->user.uid, .gid = c->user.gid, .groups = c->user.groups, .n_groups = c->user.n_groups,
		.hostname = making_hostname(c), .domainname = svc->domainname,
		.rootfs = c->mountpoint, .rootfs_readonly = svc->read_only,
		.tty = svc->tty, .privileged = svc->privileged, .init = svc->init == TRI_YES,
		.cap_add = list(&svc->cap_add), .cap_drop = list(&svc->cap_drop),
		.security_opt = security_of(c),
		.netns_path = network_netns(c->s, svc, c->u->rec.slot),
		.userns = svc->userns_mode, .mounts = c->mounts, .n_mounts = c->n_mounts,
		.shm_bytes = svc->limits.shm_bytes, .device_cgroup_rules = list(&svc->device_cgroup_rules),
		.limits = limits_of(svc), .oom_score_adj_set = svc->limits.oom_score_adj_set,
		.oom_score_adj = (int)svc->limits.oom_score_adj,
		.cgroup_path = c->launch.cgroup,
		.annotations = annotations_of(c),
	};
	fill_lists(c, spec);
	if (namespace_of(c, svc->pid, "pid", &spec->pid_ns, err) < 0 ||
	    namespace_of(c, svc->ipc, "ipc", &spec->ipc_ns, err) < 0 ||
	    namespace_of(c, svc->uts, "uts", &spec->uts_ns, err) < 0 ||
	    namespace_of(c, svc->cgroup, "cgroup", &spec->cgroup_ns, err) < 0)
		return -1;
	return 0;
}

static int write_health(struct making *c, struct err *err)
{
	struct strs test = health_command(c->svc, c->img);
	struct oci_exec x = { .args = (const char *const *)test.v };

	c->attr = "healthcheck";
	if (!test.n)
		return 0;
	return oci_process_write(c->bundle_fd, "health.json", &x, err);
}

/* `whole` comes last: without it the bundle was left half-way (made_before). */
static int write_bundle(struct making *c, struct err *err)
{
	auto_json json_t *launch = NULL;
	struct oci_spec spec;

	if (spec_of(c, &spec, err) < 0)
		return -1;
	c->attr = NULL;
	unlinkat(c->bundle_fd, BUNDLE_WHOLE, 0);
	if (oci_bundle_write(c->bundle_fd, &spec, c->warnings, err) < 0)
		return -1;
	if (write_health(c, err) < 0 || making_hooks(c, err) < 0)
		return -1;
	launch = launch_to_json(&c->launch);
	if (c->contents)
		json_object_set(launch, "contents", c->contents);
	if (jx_store(c->dir_fd, "launch.json", launch, 0600, 0, err) < 0)
		return -1;
	return path_write(c->bundle_fd, BUNDLE_WHOLE, "", 0, 0600, 0, err);
}

/* ------------------------------------------------------------------ in order */

static int mount_root(struct making *c, struct err *err)
{
	int r = rootfs_mount(c->s->images, c->img, c->dir, c->mountpoint, err);

	if (r == ROOTFS_COPIED) {
		auto_free char *text = xasprintf("overlayfs cannot be used in '%s': the image was copied for this container, which takes "
						 "time and disk space", c->dir);
		json_array_append_new(c->warnings, json_string(text));
	}
	return r < 0 ? -1 : 0;
}

static int open_root(struct making *c, struct err *err)
{
	const char *chosen = c->u->rec.image_id;
	struct super *s = c->s;

	c->attr = "image";
	if (!c->svc->image)
		return err_set(err, ERR_INPUT, "it has no image");
	/* The image that its record names: it was chosen for this container, whatever its name stands for by now. The record was written
	 * before this, so whoever wants to remove the image sees it there, or has removed it already (pack/remove.c). */
	if (image_find(s->images, chosen ? chosen : c->svc->image, chosen ? NULL : c->svc->platform, &c->img, err) < 0)
		return -1;
	c->attr = NULL;
	c->dir = super_container_dir(s, c->u->rec.id);
	c->bundle = super_run_path(s, "bundle", c->u->rec.id);
	c->mountpoint = super_run_path(s, "rootfs", c->u->rec.slot);
	if (path_open_dir(AT_FDCWD, c->dir, 0700, &c->dir_fd, err) < 0 ||
	    path_open_dir(AT_FDCWD, c->bundle, 0711, &c->bundle_fd, err) < 0 ||
	    path_mkdirs(AT_FDCWD, c->mountpoint, 0700, err) < 0 || mount_root(c, err) < 0)
		return -1;
	c->root_fd = open(c->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0)
		return err_sys(err, errno, "open '%s'", c->mountpoint);
	c->attr = "user";
	return image_user(c->root_fd, c->svc->user ? c->svc->user : c->img->user, list(&c->svc->group_add), &c->user,
			  err);
}

/* The working directory is there, as the engine has it. */
static int make_cwd(struct making *c, struct err *err)
{
	auto_close int fd = path_mkdirs_in_root(c->root_fd, making_cwd(c), 0755);

	c->attr = "working_dir";
	if (fd < 0)
		return err_sys(err, errno, "working directory '%s'", making_cwd(c));
	return 0;
}

static int build(struct making *c, struct err *err)
{
	const struct project *m = c->s->model;

	if (open_root(c, err) < 0 || make_cwd(c, err) < 0 || making_args(c, err) < 0)
		return -1;
	making_env(c);
	if (making_volumes(c, err) < 0 ||
	    making_files(c, c->svc->secrets, c->svc->n_secrets, m->secrets, m->n_secrets, "secrets", "/run/secrets/", 0,
		     err) < 0 ||
	    making_files(c, c->svc->configs, c->svc->n_configs, m->configs, m->n_configs, "configs", "/", 10000, err) < 0)
		return -1;
	c->attr = NULL;
	if (making_etc(c, err) < 0 || making_note(c, err) < 0)
		return -1;
	return write_bundle(c, err);
}

static char *command_text(const struct strs *args)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < args->n && b.len < 4096; i++)
		buf_printf(&b, i && strchr(args->v[i], ' ') ? "%s'%s'" : "%s%s", i ? " " : "", args->v[i]);
	return buf_take(&b);
}

/* A container that was made before is started as it was made, whatever the file says by now: its root mounted, its bundle there. Not after
 * a boot, which takes the bundle, and not when it joins another's namespace, which may be another one by now. */
static bool made_before(struct making *c, json_t **ret_launch)
{
	auto_free char *launch = NULL, *whole = NULL;

	c->dir = super_container_dir(c->s, c->u->rec.id);
	c->bundle = super_run_path(c->s, "bundle", c->u->rec.id);
	launch = xasprintf("%s/launch.json", c->dir);
	whole = xasprintf("%s/" BUNDLE_WHOLE, c->bundle);
	return access(whole, F_OK) == 0 && jx_load(AT_FDCWD, launch, 1 << 20, ret_launch, NULL) == 0 &&
	       !jx_bool(*ret_launch, "joins", false) && c->u->rec.image_id;
}

static int make_again(struct making *c, json_t *launch, json_t *ret, struct err *err)
{
	const struct unit_rec *r = &c->u->rec;
	const json_t *v;
	size_t i;

	c->mountpoint = super_run_path(c->s, "rootfs", r->slot);
	if (park_take_back(c->s, c->u, err) < 0 || making_pin(c, launch, err) < 0)
		return -1;
	if (image_find(c->s->images, r->image_id, NULL, &c->img, err) < 0 ||
	    path_mkdirs(AT_FDCWD, c->mountpoint, 0700, err) < 0 || mount_root(c, err) < 0)
		return -1;
	json_array_foreach(jx_arr(launch, "volumes"), i, v)
		if (vol_mount(c->s->volumes, json_string_value(v), err) < 0)
			return -1;
	json_object_set(ret, "launch", launch);
	jx_set_str(ret, "image_id", r->image_id);
	jx_set_str(ret, "command", r->command);
	jx_set_str(ret, "mounts", r->mounts);
	jx_set_str(ret, "exposed", r->exposed);
	making_add_all(&c->anon, r->anon_volumes.v, r->anon_volumes.n);
	return 0;
}

static int make_new(struct making *c, json_t *ret, struct err *err)
{
	if (!c->svc)
		return err_set(err, ERR_NOT_FOUND, "service '%s' is not in the project any more", c->u->rec.service);
	if (build(c, err) < 0)
		return -1;
	json_object_set_new(ret, "launch", launch_to_json(&c->launch));
	jx_set_str(ret, "image_id", c->img->id);
	jx_set_str(ret, "command", command_text(&c->args));
	making_seen(c, ret);
	return 0;
}

/* What a runtime that could not delete it still knows of it; its processes are gone. */
static void forget_at_runtime(const struct making *c)
{
	auto_free char *known = xasprintf("oci/%s", c->u->rec.id);

	path_remove_tree(c->s->p.run_fd, known, NULL);
}

int launch_work(void *arg, json_t **ret, struct err *err)
{
	const struct launch_job *job = arg;
	struct making c = { .s = job->s, .u = job->u, .dir_fd = -1, .bundle_fd = -1, .root_fd = -1 };
	struct err why = ERR_INIT;
	json_t *launch = NULL;
	int r;

	forget_at_runtime(&c);
	c.svc = job->u->rec.init_of ? pre_start_service(job->u, job->svc) :
		job->u->rec.run ? run_service(job->u, job->svc, arena_new()) : job->svc;
	c.warnings = json_array();
	*ret = json_object();
	r = made_before(&c, &launch) ? make_again(&c, launch, *ret, &why) : make_new(&c, *ret, &why);
	jx_set_bool(*ret, "pinned", c.pinned);
	json_object_set_new(*ret, "anon", json_array());
	for (size_t i = 0; i < c.anon.n; i++)
		json_array_append_new(jx_arr(*ret, "anon"), json_string(c.anon.v[i]));
	json_object_set_new(*ret, "warnings", c.warnings);
	if (r < 0) {
		if (job->u->rec.init_of)
			c.attr = pre_start_attr(job->u);
		jx_set_str(*ret, "failed", err_msg(&why));
		jx_set_str(*ret, "kind", err_kind_str(why.kind));
		jx_set_str(*ret, "hint", why.hint);
		jx_set_str(*ret, "attr", c.attr);
	}
	return 0;
}
