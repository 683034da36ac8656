/* tree.c - a directory tree copied as it is: owners, modes, times, extended attributes, links, fifos,
 * devices.
 *
 * Source and destination are both foreign: every entry is opened relative to its directory's descriptor and
 * never through a link. A hard link is made to the descriptor of what was copied first, found again below the
 * destination's root by path. Attributes are set in the order in which they survive: owner (which clears
 * set-uid and capabilities), extended attributes, mode, times; those of a directory when it is full. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <linux/fs.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/fd.h"
#include "../src/util/map.h"
#include "../src/util/mem.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "store.h"

enum { DEPTH_MAX = 200, COPY_BLOCK = 64 * 1024, XATTR_MAX = 64 * 1024 };

struct copy {
	int root_fd;	   /* of the destination */
	struct buf path;   /* where we are below it: "a/b" */
	struct map linked; /* "DEV:INO" → path of the first copy */
	char *block;	   /* COPY_BLOCK or XATTR_MAX bytes */
	int depth;
	struct err *err;
};

/* What a user who is not root cannot do is left out; root is told. */
static bool forgivable(int errnum)
{
	return geteuid() != 0 && (errnum == EPERM || errnum == EINVAL);
}

static int fail(struct copy *c, const char *what)
{
	return err_sys(c->err, errno, "%s '%s'", what, c->path.len ? c->path.p : ".");
}

/* ------------------------------------------------------------------ attributes */

static bool wanted_xattr(const char *name)
{
	return STREQ(name, "security.capability") || str_starts(name, "user.");
}

static int copy_xattrs(struct copy *c, int src, int dst)
{
	auto_free char *names = xmalloc(XATTR_MAX);
	ssize_t n = flistxattr(src, names, XATTR_MAX);

	if (n < 0)
		return errno == ENOTSUP || errno == E2BIG ? 0 : fail(c, "list the attributes of");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len;

		if (!wanted_xattr(name))
			continue;
		len = fgetxattr(src, name, c->block, XATTR_MAX);
		if (len < 0 && errno == ENODATA)
			continue;
		if (len < 0)
			return fail(c, "read an attribute of");
		if (fsetxattr(dst, name, c->block, (size_t)len, 0) < 0 && errno != ENOTSUP &&
			!forgivable(errno))
			return fail(c, "set an attribute of");
	}
	return 0;
}

/* dst is open for reading or writing. */
static int set_attributes(struct copy *c, int src, int dst, const struct stat *st)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(dst, st->st_uid, st->st_gid) < 0 && !forgivable(errno))
		return fail(c, "set the owner of");
	if (copy_xattrs(c, src, dst) < 0)
		return -1;
	if (fchmod(dst, st->st_mode & 07777) < 0)
		return fail(c, "set the mode of");
	if (futimens(dst, times) < 0)
		return fail(c, "set the times of");
	return 0;
}

/* For what is not opened: links, fifos, devices. */
static int set_attributes_at(struct copy *c, int dir, const char *name, const struct stat *st)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && !forgivable(errno))
		return fail(c, "set the owner of");
	if (!S_ISLNK(st->st_mode)) {
		auto_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		char proc[40];

		snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
		if (fd < 0 || chmod(proc, st->st_mode & 07777) < 0)
			return fail(c, "set the mode of");
	}
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "set the times of");
	return 0;
}

/* ------------------------------------------------------------------ kinds of entries */

/* Shares the blocks, or has the kernel copy them, or copies them. */
static int copy_bytes(struct copy *c, int src, int dst)
{
	ssize_t n;

	if (ioctl(dst, FICLONE, src) == 0)
		return 0;
	do
		n = copy_file_range(src, NULL, dst, NULL, 1 << 30, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0 && lseek(src, 0, SEEK_CUR) > 0)
		return 0;
	/* Not possible between these file systems, or a file that claims to be empty and is not: from where
	 * it got to. */
	while ((n = read(src, c->block, COPY_BLOCK)) > 0)
		if (fd_write_all(dst, c->block, (size_t)n) < 0)
			return fail(c, "write");
	return n < 0 ? fail(c, "read") : 0;
}

static int copy_file(struct copy *c, int src_dir, int dst_dir, const char *name)
{
	auto_close int src = openat(src_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), dst = -1;
	struct stat st;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(c, "open");
	dst = openat(dst_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (dst < 0)
		return fail(c, "make");
	if (copy_bytes(c, src, dst) < 0)
		return -1;
	return set_attributes(c, src, dst, &st);
}

static int copy_symlink(struct copy *c, int src_dir, int dst_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(src_dir, name, target, sizeof target - 1);

	if (n < 0)
		return fail(c, "read the link");
	target[n] = '\0';
	if (symlinkat(target, dst_dir, name) < 0)
		return fail(c, "make the link");
	return set_attributes_at(c, dst_dir, name, st);
}

static int copy_node(struct copy *c, int dst_dir, const char *name, const struct stat *st)
{
	if (mknodat(dst_dir, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0)
		return forgivable(errno) ? 0 : fail(c, "make");
	return set_attributes_at(c, dst_dir, name, st);
}

/* 1: it is a further name of something copied before, and was linked. 0: it is the first. */
static int copy_link(struct copy *c, int dst_dir, const char *name, const struct stat *st)
{
	char key[48], proc[40];
	const char *first;
	auto_close int fd = -1;

	snprintf(
		key, sizeof key, "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	first = map_get(&c->linked, key);
	if (!first) {
		map_set(&c->linked, key, xstrdup(c->path.p));
		return 0;
	}
	fd = path_open_in_root(c->root_fd, first, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return fail(c, "find the other name of");
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, proc, dst_dir, name, AT_SYMLINK_FOLLOW) < 0)
		return fail(c, "link");
	return 1;
}

static int copy_dir(struct copy *c, int src, int dst);

static int copy_subdir(struct copy *c, int src_dir, int dst_dir, const char *name)
{
	auto_close int src = openat(src_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), dst = -1;
	int rc;

	if (src < 0)
		return fail(c, "open");
	if (mkdirat(dst_dir, name, 0700) < 0)
		return fail(c, "make");
	dst = openat(dst_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dst < 0)
		return fail(c, "open");
	if (++c->depth > DEPTH_MAX)
		return err_set(c->err, ERR_INPUT, "directories are more than %d deep", DEPTH_MAX);
	rc = copy_dir(c, src, dst);
	c->depth--;
	return rc;
}

/* Copies one entry; c->path is its path. */
static int copy_entry(struct copy *c, int src_dir, int dst_dir, const char *name)
{
	struct stat st;
	int rc;

	if (fstatat(src_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "look at");
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		rc = copy_link(c, dst_dir, name, &st);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_subdir(c, src_dir, dst_dir, name);
	case S_IFREG:
		return copy_file(c, src_dir, dst_dir, name);
	case S_IFLNK:
		return copy_symlink(c, src_dir, dst_dir, name, &st);
	default:
		return copy_node(c, dst_dir, name, &st);
	}
}

static int copy_entries(struct copy *c, int src, int dst)
{
	auto_closedir DIR *dir = NULL;
	size_t here = c->path.len;
	struct dirent *e;
	int fd = openat(src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fail(c, "list");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((errno = 0, e = readdir(dir))) {
		int rc;

		if (STREQ(e->d_name, ".") || STREQ(e->d_name, ".."))
			continue;
		buf_printf(&c->path, "%s%s", here ? "/" : "", e->d_name);
		rc = copy_entry(c, src, dst, e->d_name);
		c->path.len = here;
		c->path.p[here] = '\0';
		if (rc < 0)
			return -1;
	}
	return errno ? fail(c, "list") : 0;
}

static int copy_dir(struct copy *c, int src, int dst)
{
	struct stat st;

	if (fstat(src, &st) < 0)
		return fail(c, "look at");
	if (copy_entries(c, src, dst) < 0)
		return -1;
	return set_attributes(c, src, dst, &st);
}

int tree_copy(int src_fd, int dst_fd, struct err *err)
{
	struct copy c = {.root_fd = dst_fd, .err = err, .block = xmalloc(XATTR_MAX)};
	int rc = copy_dir(&c, src_fd, dst_fd);

	free(c.block);
	buf_done(&c.path);
	map_done(&c.linked, free);
	return rc;
}
