/* rootfs_copy.c - the layers joined by copying, for where overlayfs cannot write: inside a container whose
 * own root is an overlay.
 *
 * Lowest layer first; a whiteout removes what the layers before it brought, an opaque directory empties
 * first. The copy is made beside and renamed, so that "copy" is always whole. Depth is bounded by the load
 * (256). */
#include "image.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "store.h"

struct copy {
	int root_fd;	  /* of the copy */
	struct map links; /* inode → first name in the copy, for one layer */
	bool trusted;
};

static int copy_dir(struct copy *c, int from, int to, const char *path, struct err *err);

static bool opaque(const struct copy *c, int fd)
{
	char value[8];

	return fgetxattr(fd, c->trusted ? "trusted.overlay.opaque" : "user.overlay.opaque", value,
		       sizeof value) == 1 &&
	       value[0] == 'y';
}

static bool overlays_own(const char *name)
{
	return str_starts(name, "trusted.overlay.") || str_starts(name, "user.overlay.");
}

static int copy_xattrs(int from, int to, struct err *err)
{
	auto_free char *names = xmalloc(64 << 10), *value = xmalloc(64 << 10);
	ssize_t len = flistxattr(from, names, 64 << 10);

	for (const char *p = names; p < names + len; p += strlen(p) + 1) {
		ssize_t n = overlays_own(p) ? -1 : fgetxattr(from, p, value, 64 << 10);
		if (n >= 0 && fsetxattr(to, p, value, (size_t)n, 0) < 0 && errno != ENOTSUP && errno != EPERM)
			return err_sys(err, errno, "set attribute '%s'", p);
	}
	return 0;
}

static int copy_meta(int from, int to, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(err, errno, "set owner and mode");
	if (copy_xattrs(from, to, err) < 0)
		return -1;
	return futimens(to, times) < 0 ? err_sys(err, errno, "set times") : 0;
}

/* From one offset to another; where the kernel does not copy between these file systems, by hand. */
static int copy_range(int from, int to, off_t at, off_t end, struct err *err)
{
	char buf[64 << 10];

	while (at < end) {
		off_t in = at, out = at;
		size_t left = (size_t)(end - at);
		ssize_t n = copy_file_range(from, &in, to, &out, left, 0);
		if (n <= 0)
			n = pread(from, buf, left < sizeof buf ? left : sizeof buf, at);
		if (n < 0)
			return err_sys(err, errno, "read");
		if (n == 0)
			return 0; /* it ends here */
		if (out == at && (n = pwrite(to, buf, (size_t)n, at)) < 0)
			return err_sys(err, errno, "write");
		at += n;
	}
	return 0;
}

/* Holes stay holes. */
static int copy_content(int from, int to, off_t size, struct err *err)
{
	off_t at = 0, end;

	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return err_sys(err, errno, "look for holes");
		if (copy_range(from, to, at, end, err) < 0)
			return -1;
		at = end;
	}
	if (errno != ENXIO)
		return err_sys(err, errno, "look for data");
	return ftruncate(to, size) < 0 ? err_sys(err, errno, "set its size") : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st, struct err *err)
{
	auto_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (from < 0 || to < 0)
		return err_sys(err, errno, "open");
	return copy_content(from, to, st->st_size, err) < 0 ? -1 : copy_meta(from, to, st, err);
}

/* Links, fifos, devices: no descriptor to work on. */
static int copy_special(int from_dir, int to_dir, const char *name, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	int r;

	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
		if (n < 0)
			return err_sys(err, errno, "read link");
		target[n] = '\0';
		r = symlinkat(target, to_dir, name);
	} else {
		r = mknodat(to_dir, name, st->st_mode, st->st_rdev);
	}
	if (r < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		(!S_ISLNK(st->st_mode) && fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0) ||
		utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "make it");
	return 0;
}

static int copy_nondir(struct copy *c, int from, int to, const char *name, const char *path,
	const struct stat *st, struct err *err)
{
	auto_free char *inode = xasprintf("%llu", (unsigned long long)st->st_ino);
	const char *first = st->st_nlink > 1 ? map_get(&c->links, inode) : NULL;

	if (path_remove_tree(to, name, err) < 0)
		return -1;
	if (first) {
		if (linkat(c->root_fd, first, to, name, 0) < 0)
			return err_sys(err, errno, "link");
		return 0;
	}
	if (st->st_nlink > 1)
		map_set(&c->links, inode, xstrdup(path));
	return S_ISREG(st->st_mode) ? copy_file(from, to, name, st, err)
				    : copy_special(from, to, name, st, err);
}

static int copy_subdir(struct copy *c, int from, int to, const char *name, const char *path,
	const struct stat *st, struct err *err)
{
	auto_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	struct stat have;

	if (in < 0)
		return err_sys(err, errno, "open");
	if (opaque(c, in) || (fstatat(to, name, &have, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(have.st_mode)))
		if (path_remove_tree(to, name, err) < 0)
			return -1;
	if (mkdirat(to, name, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make a directory");
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(err, errno, "open the copy");
	return copy_dir(c, in, out, path, err) < 0 ? -1 : copy_meta(in, out, st, err);
}

static int copy_name(struct copy *c, int from, int to, const char *name, const char *path, struct err *err)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_sys(err, errno, "look at it");
	else if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
		r = path_remove_tree(to, name, err);
	else if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from, to, name, path, &st, err);
	else
		r = copy_nondir(c, from, to, name, path, &st, err);
	return r < 0 ? err_wrap(err, "copy '%s'", path) : 0;
}

static int copy_dir(struct copy *c, int from, int to, const char *path, struct err *err)
{
	auto_close int dup_fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = dup_fd < 0 ? NULL : fdopendir(dup_fd);
	struct dirent *e;

	if (!d)
		return err_sys(err, errno, "read directory '%s'", path);
	take_fd(&dup_fd);
	while ((errno = 0, e = readdir(d))) {
		auto_free char *sub = xasprintf("%s%s%s", path, *path ? "/" : "", e->d_name);
		if (STREQ(e->d_name, ".") || STREQ(e->d_name, ".."))
			continue;
		if (copy_name(c, from, to, e->d_name, sub, err) < 0)
			return -1;
	}
	return errno ? err_sys(err, errno, "read directory '%s'", path) : 0;
}

static int copy_layer(struct copy *c, int images_fd, const char *layer, bool lowest, struct err *err)
{
	auto_free char *name = xasprintf("layers/%s", layer);
	auto_close int fd = openat(images_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open layer '%s'", layer);
	if (!lowest && opaque(c, fd))
		return 1;
	r = copy_dir(c, fd, c->root_fd, "", err);
	if (r == 0)
		r = copy_meta(fd, c->root_fd, &st, err);
	map_done(&c->links, free);
	c->links = MAP_INIT;
	return r;
}

static int fresh_root(int dir_fd, int *ret_fd, struct err *err)
{
	if (path_remove_tree(dir_fd, "copy.new", err) < 0)
		return -1;
	if (mkdirat(dir_fd, "copy.new", 0755) < 0)
		return err_sys(err, errno, "make the copy");
	*ret_fd = openat(dir_fd, "copy.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? err_sys(err, errno, "open the copy") : 0;
}

int rootfs_copy(int images_fd, const struct image *img, int dir_fd, struct err *err)
{
	struct copy c = { .root_fd = -1, .trusted = store_trusted_xattrs() };
	auto_close int root = -1;

	if (fresh_root(dir_fd, &root, err) < 0)
		return -1;
	c.root_fd = root;
	for (size_t i = 0; i < img->layers.n; i++) {
		int r = copy_layer(&c, images_fd, img->layers.v[i], i == 0, err);
		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		/* an opaque top: everything so far is hidden, begin again with this layer as the lowest */
		close(take_fd(&root));
		if (fresh_root(dir_fd, &root, err) < 0)
			return -1;
		c.root_fd = root;
		if (copy_layer(&c, images_fd, img->layers.v[i], true, err) < 0)
			return -1;
	}
	if (renameat(dir_fd, "copy.new", dir_fd, "copy") < 0)
		return err_sys(err, errno, "name the copy");
	return 0;
}
