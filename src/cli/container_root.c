#include "container_root.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../../volumes/vol.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "view.h"

enum { CONFIG_MAX = 4 << 20 };

/* ------------------------------------------------------------------ of a running one */

static int is_gone(const struct unit_rec *r, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "container '%s' has ended just now", r->name);
}

/* As long as the process lives its number is nobody else's: what was opened by it before the pidfd was found silent is its own. */
static int open_process_root(const struct unit_rec *r, int *ret_fd, struct err *err)
{
	auto_close int pidfd = proc_pidfd(&r->proc), fd = -1;
	auto_free char *path = xasprintf("/proc/%d/root", (int)r->proc.pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return is_gone(r, err);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT && errno != ESRCH)
		return err_sys(err, errno, "open the root of container '%s'", r->name);
	if (fd < 0 || poll(&p, 1, 0) != 0)
		return is_gone(r, err);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ------------------------------------------------------------------ of another one */

static int own_namespace(struct container_root *root, struct err *err)
{
	if (root->own_mounts)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, errno, "make a mount namespace");
	root->own_mounts = true;
	return 0;
}

static int mount_layers(struct cli *c, const struct unit_rec *r, char *mountpoint, struct err *err)
{
	auto_free char *dir = xasprintf("%s/containers/%s", c->pdirs.state, r->id);
	struct image_store *store = NULL;
	struct image *img = NULL;
	int ret = -1;

	if (image_store_open(c->dirs.state, &store, err) == 0 &&
	    image_find(store, r->image_id ? r->image_id : r->image, NULL, &img, err) == 0)
		ret = rootfs_mount(store, img, dir, mountpoint, err);
	image_free(img);
	image_store_close(store);
	return ret < 0 ? err_wrap(err, "container '%s'", r->name) : 0;
}

int container_layers_open(struct cli *c, const struct unit_rec *r, struct container_root *ret, struct err *err)
{
	auto_free char *mountpoint = xasprintf("%s/rootfs/%s", c->pdirs.run, r->slot);

	if (own_namespace(ret, err) < 0 || mount_layers(c, r, mountpoint, err) < 0)
		return -1;
	ret->label = ret->label ? ret->label : xasprintf("%s:", r->service);
	ret->fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? err_sys(err, errno, "open '%s'", mountpoint) : 0;
}

static bool has_option(const json_t *m, const char *word)
{
	const json_t *o;
	size_t i;

	json_array_foreach(jx_arr(m, "options"), i, o)
		if (str_eq(json_string_value(o), word))
			return true;
	return false;
}

/* One of the bundle's bind mounts. Where its mount point is missing the runtime would make it; here it is left out. */
static int bind_one(int root_fd, const json_t *m, struct err *err)
{
	const char *source = jx_str(m, "source"), *target = jx_str(m, "destination");
	auto_close int from = source ? open(source, O_PATH | O_CLOEXEC) : -1;
	auto_close int to = target ? path_open_in_root(root_fd, target, O_PATH, 0) : -1;
	auto_close int over = -1;
	char from_path[32], to_path[32];

	if (from < 0 || to < 0)
		return 0;
	snprintf(from_path, sizeof from_path, "/proc/self/fd/%d", from);
	snprintf(to_path, sizeof to_path, "/proc/self/fd/%d", to);
	if (mount(from_path, to_path, NULL, MS_BIND | (has_option(m, "rbind") ? MS_REC : 0), NULL) < 0)
		return err_sys(err, errno, "mount '%s'", target);
	if (!has_option(m, "ro"))
		return 0;
	over = path_open_in_root(root_fd, target, O_PATH, 0);
	snprintf(to_path, sizeof to_path, "/proc/self/fd/%d", over);
	if (over < 0 || mount(NULL, to_path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_sys(err, errno, "mount '%s'", target);
	return 0;
}

static int read_only(const struct unit_rec *r, struct cli *c, struct err *err)
{
	auto_free char *mountpoint = xasprintf("%s/rootfs/%s", c->pdirs.run, r->slot);

	if (mount(NULL, mountpoint, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return err_sys(err, errno, "make '%s' read-only", mountpoint);
	return 0;
}

/* Volumes that are mounts of their own (driver_opts) are there while a container uses them; this is one more, of this process only. */
static int mount_volumes(struct cli *c, const json_t *launch, struct err *err)
{
	struct vol_store *volumes = NULL;
	const json_t *v;
	size_t i;
	int r = 0;

	if (vol_open(c->dirs.state, &volumes, err) < 0)
		return -1;
	json_array_foreach(jx_arr(launch, "volumes"), i, v)
		if (r == 0 && json_is_string(v))
			r = vol_mount(volumes, json_string_value(v), err);
	vol_close(volumes);
	return r;
}

/* Where the bundle is gone, after a boot, nobody knows what was mounted where: what went below a volume would never be seen again. */
static int no_bundle(const struct unit_rec *r, const json_t *launch, struct err *err)
{
	if (!json_array_size(jx_arr(launch, "volumes")))
		return 0;
	err_set(err, ERR_NOT_FOUND, "container '%s' has volumes, and has not run since the machine was started: where they are is not known", r->name);
	return err_hint(err, "start it first: 'davit start %s'", r->service);
}

static int mount_bundle(struct cli *c, const struct unit_rec *r, struct container_root *ret, struct err *err)
{
	auto_free char *config_path = xasprintf("%s/bundle/%s/config.json", c->pdirs.run, r->id);
	auto_free char *launch_path = xasprintf("%s/containers/%s/launch.json", c->pdirs.state, r->id);
	auto_json json_t *config = NULL, *launch = NULL;
	const json_t *m;
	size_t i;

	jx_load(AT_FDCWD, launch_path, CONFIG_MAX, &launch, NULL);
	if (jx_load(AT_FDCWD, config_path, CONFIG_MAX, &config, NULL) != 0 || !config)
		return no_bundle(r, launch, err);
	if (mount_volumes(c, launch, err) < 0)
		return -1;
	json_array_foreach(jx_arr(config, "mounts"), i, m)
		if (str_eq(jx_str(m, "type"), "bind") && bind_one(ret->fd, m, err) < 0)
			return err_wrap(err, "container '%s'", r->name);
	return jx_bool(jx_obj(config, "root"), "readonly", false) ? read_only(r, c, err) : 0;
}

int container_root_open(struct cli *c, const struct unit_rec *r, struct container_root *ret, struct err *err)
{
	struct view v;

	*ret = (struct container_root){ .fd = -1, .label = xasprintf("%s:", r->service), .own_mounts = ret->own_mounts };
	view_init(&v, r, c->pdirs.run_fd);
	if (view_up(&v))
		return open_process_root(r, &ret->fd, err);
	if (!r->id)
		return err_set(err, ERR_NOT_FOUND, "service '%s' has no container", r->service);
	return container_layers_open(c, r, ret, err) < 0 ? -1 : mount_bundle(c, r, ret, err);
}

void container_root_done(struct container_root *root)
{
	if (root->fd >= 0)
		close(root->fd);
	free(root->label);
	*root = (struct container_root){ .fd = -1, .own_mounts = root->own_mounts };
}
