/* rootfs.c - layers + a directory to write into → a file system.
 *
 * mount(2) takes one page of options. So it is called from within STATE/images/l, where each layer has a name
 * of six characters, and the directories to write into are named by descriptor: neither the length of a path
 * nor a ',' or ':' in it matters. */
#include "image.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "store.h"

enum { MOUNTINFO_MAX = 64 << 20 };

struct joint {
	const struct image *img;
	const char *dir; /* for messages */
	int images_fd;
	int dir_fd;
	bool trusted;
	bool no_copy;
	size_t lowest; /* layers below this one are hidden by it */
};

/* overlayfs looks at no opaque mark on the top of a layer; leaving out what is below says the same. */
static int find_lowest(struct joint *j, struct err *err)
{
	const char *attr = j->trusted ? "trusted.overlay.opaque" : "user.overlay.opaque";

	for (size_t i = j->img->layers.n; i-- > 1;) {
		auto_free char *name = xasprintf("layers/%s", j->img->layers.v[i]);
		auto_close int fd =
			openat(j->images_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		char value[8];
		if (fd < 0)
			return err_sys(err, errno, "open layer '%s'", j->img->layers.v[i]);
		if (fgetxattr(fd, attr, value, sizeof value) == 1 && value[0] == 'y') {
			j->lowest = i;
			break;
		}
	}
	return 0;
}

/* The top directory's owner and mode come from the upper one: it starts as the image has it. */
static int make_upper(const struct joint *j, struct err *err)
{
	auto_free char *top = NULL;
	struct stat st = { .st_mode = 0755 };
	auto_close int fd = -1;

	if (mkdirat(j->dir_fd, "work", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make '%s/work'", j->dir);
	if (faccessat(j->dir_fd, "upper", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (j->img->layers.n) {
		top = xasprintf("layers/%s", j->img->layers.v[j->img->layers.n - 1]);
		if (fstatat(j->images_fd, top, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(err, errno, "look at layer '%s'", top);
	}
	if ((mkdirat(j->dir_fd, "upper.new", 0700) < 0 && errno != EEXIST) ||
		(fd = openat(j->dir_fd, "upper.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
		fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0 ||
		renameat(j->dir_fd, "upper.new", j->dir_fd, "upper") < 0)
		return err_sys(err, errno, "make '%s/upper'", j->dir);
	return 0;
}

static int layer_list(const struct joint *j, struct buf *ret, struct err *err)
{
	for (size_t i = j->img->layers.n; i-- > j->lowest;) {
		char link[LINK_LEN + 1];
		if (store_link(j->images_fd, j->img->layers.v[i], link, err) < 0)
			return -1;
		buf_printf(ret, "%s%s", ret->len ? ":" : "", link);
	}
	return 0;
}

/* With the current directory at l/; 0 or errno. */
static int mount_overlay(const struct joint *j, const char *options, int target_fd)
{
	auto_free char *target = xasprintf("/proc/self/fd/%d", target_fd);
	auto_close int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int l = openat(j->images_fd, "l", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (back < 0 || l < 0 || fchdir(l) < 0)
		return errno;
	r = mount(j->dir, target, "overlay", 0, options) < 0 ? errno : 0;
	if (fchdir(back) < 0)
		log_warn("return to the working directory: %s", strerror(errno));
	return r;
}

static int try_overlay(const struct joint *j, int target_fd, int *ret_errno, struct err *err)
{
	auto_close int upper = openat(j->dir_fd, "upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int work = openat(j->dir_fd, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_buf struct buf layers = BUF_INIT, options = BUF_INIT;

	if (upper < 0 || work < 0)
		return err_sys(err, errno, "open '%s'", j->dir);
	if (layer_list(j, &layers, err) < 0)
		return -1;
	/* index=off: a process that lingers in the last mount of this directory must not make the next one
	 * fail */
	buf_printf(&options, "lowerdir=%s,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d,index=off%s",
		layers.p, upper, work, j->trusted ? "" : ",userxattr");
	if (options.len >= 4096)
		return err_set(err, ERR_INPUT, "the image has more layers than can be mounted");
	*ret_errno = mount_overlay(j, options.p, target_fd);
	return 0;
}

static int bind(const struct joint *j, const char *name, int target_fd, struct err *err)
{
	auto_close int fd = openat(j->dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_free char *from = xasprintf("/proc/self/fd/%d", fd),
		       *to = xasprintf("/proc/self/fd/%d", target_fd);

	if (fd < 0 || mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, errno, "bind '%s/%s'", j->dir, name);
	return 0;
}

/* The file system of DIR cannot be written through overlayfs (it is an overlay itself, as in a container), or
 * there is none. */
static bool cannot_overlay(int errnum)
{
	return errnum == ENODEV || errnum == EINVAL || errnum == EOPNOTSUPP;
}

static int join_layers(struct joint *j, int target_fd, struct err *err)
{
	int errnum = 0;

	if (faccessat(j->dir_fd, "copy", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return bind(j, "copy", target_fd, err);
	if (find_lowest(j, err) < 0 || make_upper(j, err) < 0)
		return -1;
	if (j->img->layers.n == 0)
		return bind(j, "upper", target_fd, err);
	if (try_overlay(j, target_fd, &errnum, err) < 0)
		return -1;
	if (errnum == 0)
		return 0;
	if (!cannot_overlay(errnum))
		return err_sys(err, errnum, "mount overlayfs");
	if (j->no_copy)
		return ROOTFS_COPIED;
	log_warn("overlayfs cannot be used in '%s' (%s): the image is copied", j->dir, strerror(errnum));
	if (rootfs_copy(j->images_fd, j->img, j->dir_fd, err) < 0 || bind(j, "copy", target_fd, err) < 0)
		return -1;
	return ROOTFS_COPIED;
}

/* Whether mountinfo's line of this mount says: overlay, made for this directory (its "source" is what we
 * called it). */
static bool is_ours(uint64_t mount_id, const char *dir)
{
	auto_buf struct buf info = BUF_INIT;
	auto_free char *ours = xasprintf(" - overlay %s ", dir);
	unsigned long long id;

	if (path_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &info, NULL) < 0 || !info.p)
		return false;
	for (char *save, *line = strtok_r(info.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%llu", &id) == 1 && id == mount_id)
			return strstr(line, ours) != NULL;
	return false;
}

/* 1: it is mounted already, from an earlier start of the same container. Anything else that is mounted there
 * goes. */
static int look_there(const char *dir, const char *mountpoint, struct err *err)
{
	struct statx sx;

	if (statx(AT_FDCWD, mountpoint, AT_NO_AUTOMOUNT, STATX_MNT_ID, &sx) < 0)
		return err_sys(err, errno, "look at '%s'", mountpoint);
	if ((sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) && !(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return 0;
	if ((sx.stx_mask & STATX_MNT_ID) && is_ours(sx.stx_mnt_id, dir))
		return 1;
	return rootfs_unmount(mountpoint, err);
}

static int mount_it(struct image_store *s, const struct image *img, const char *dir, const char *mountpoint, bool no_copy,
	struct err *err)
{
	struct joint j = { .img = img, .dir = dir, .trusted = store_trusted_xattrs(), .no_copy = no_copy };
	auto_close int images_fd = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int dir_fd = -1, target_fd = -1;
	int there, r;

	if (images_fd < 0)
		return err_sys(err, errno, "open the image store '%s'", s->path);
	if (path_open_dir(AT_FDCWD, dir, 0700, &dir_fd, err) < 0 ||
		path_mkdirs(AT_FDCWD, mountpoint, 0700, err) < 0)
		return -1;
	there = look_there(dir, mountpoint, err);
	if (there != 0)
		return there < 0 ? -1 : 0;
	if (path_open_dir(AT_FDCWD, mountpoint, 0700, &target_fd, err) < 0)
		return -1;
	j.images_fd = images_fd;
	j.dir_fd = dir_fd;
	r = join_layers(&j, target_fd, err);
	if (r < 0)
		return err_wrap(err, "root file system of image '%s'", img->ref ? img->ref : img->id);
	return r;
}

int rootfs_mount(struct image_store *s, const struct image *img, const char *dir, const char *mountpoint, struct err *err)
{
	return mount_it(s, img, dir, mountpoint, false, err);
}

int rootfs_try(struct image_store *s, const struct image *img, const char *dir, const char *mountpoint, struct err *err)
{
	return mount_it(s, img, dir, mountpoint, true, err);
}

/* EINVAL: nothing is mounted there. */
int rootfs_unmount(const char *mountpoint, struct err *err)
{
	while (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno == EINVAL || errno == ENOENT)
		return 0;
	return err_sys(err, errno, "unmount '%s'", mountpoint);
}
