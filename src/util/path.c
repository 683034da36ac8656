/* Opening, reading and writing by descriptor. Removing trees is in path_remove.c. */
#include "path.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "auto.h"
#include "buf.h"
#include "fd.h"
#include "hash.h"
#include "mem.h"
#include "path_split.h"
#include "str.h"

int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	enum { TRIES = 128 };
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* EAGAIN: something was renamed or mounted meanwhile, anywhere, and ".." could not be proved to stay
	 * inside. */
	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

/* Makes one directory with exactly this mode, whatever the umask. 0; EEXIST is left to the caller. */
static int make_dir_at(int dir_fd, const char *name, mode_t mode)
{
	auto_close int fd = -1;

	if (mkdirat(dir_fd, name, mode) < 0)
		return -1;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -1 : fchmod(fd, mode);
}

/* Puts what the dangling link says in its place: "a/link" + "/b" becomes "a/target/b". */
static char *through_link(
	int dir_fd, const char *prefix, size_t parent_len, const char *name, const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	if (target[0] == '/')
		return xasprintf("%s/%s", target, rest);
	return xasprintf("%.*s/%s/%s", (int)parent_len, prefix, target, rest);
}

enum { LINK_MET = 1 };

/* Walks path, making what is absent. 0 and *ret_fd; LINK_MET: a dangling link stands there, *ret_path goes
 * through it. */
static int mkdirs_walk(int root_fd, const char *path, mode_t mode, int *ret_fd, char **ret_path)
{
	auto_buf struct buf prefix = BUF_INIT;
	auto_close int dir = path_open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0);

	buf_str(&prefix, "");
	for (const char *p = path + strspn(path, "/"); dir >= 0 && *p;) {
		auto_free char *name = xstrndup(p, strcspn(p, "/"));
		size_t parent_len = prefix.len;
		int next;

		p += strlen(name);
		p += strspn(p, "/");
		buf_printf(&prefix, "/%s", name);
		next = path_open_in_root(root_fd, prefix.p, O_PATH | O_DIRECTORY, 0);
		if (next < 0 && errno == ENOENT) {
			if (make_dir_at(dir, name, *p ? 0755 : mode) < 0 && errno != EEXIST)
				return -1;
			next = path_open_in_root(root_fd, prefix.p, O_PATH | O_DIRECTORY, 0);
			if (next < 0 && errno == ENOENT) {
				*ret_path = through_link(dir, prefix.p, parent_len, name, p);
				return *ret_path ? LINK_MET : -1;
			}
		}
		if (next < 0)
			return -1;
		close(dir);
		dir = next;
	}
	if (dir < 0)
		return -1;
	*ret_fd = take_fd(&dir);
	return 0;
}

int path_mkdirs_in_root(int root_fd, const char *path, mode_t mode)
{
	enum { LINKS = 40 };
	auto_free char *at = xstrdup(path);

	for (int i = 0; i < LINKS; i++) {
		char *next = NULL;
		int fd = -1, r;

		if (strlen(at) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		r = mkdirs_walk(root_fd, at, mode, &fd, &next);
		if (r <= 0)
			return r < 0 ? -1 : fd;
		free(at);
		at = next;
	}
	errno = ELOOP;
	return -1;
}

int path_mkdirs(int dir_fd, const char *path, mode_t mode, struct err *err)
{
	auto_free char *at = xstrdup(path);
	char *p = at + strspn(at, "/");
	struct stat st;

	while (*p) {
		char *end = p + strcspn(p, "/");
		char cut = *end;

		*end = '\0';
		if (mkdirat(dir_fd, at, mode) < 0 && errno != EEXIST) {
			int why = errno;

			/* A read-only or foreign directory above is fine as long as it is there. */
			if (fstatat(dir_fd, at, &st, 0) < 0)
				return err_sys(err, why, "make directory '%s'", at);
		}
		*end = cut;
		p = end + strspn(end, "/");
	}
	if (fstatat(dir_fd, *path ? path : ".", &st, 0) < 0)
		return err_sys(err, errno, "make directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_sys(err, ENOTDIR, "make directory '%s'", path);
	return 0;
}

int path_open_dir(int dir_fd, const char *path, mode_t mode, int *ret_fd, struct err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(dir_fd, path, flags);

	if (fd < 0 && errno == ENOENT) {
		if (path_mkdirs(dir_fd, path, mode, err) < 0)
			return -1;
		fd = openat(dir_fd, path, flags);
	}
	if (fd < 0)
		return err_sys(err, errno, "open directory '%s'", path);
	*ret_fd = fd;
	return 0;
}

/* 0, E2BIG or another errno; on failure ret is what it was. */
static int read_bounded(int fd, size_t max, struct buf *ret)
{
	size_t before = ret->len;
	ssize_t n = 1;

	buf_add(ret, "", 0);
	while (n > 0) {
		size_t left = max - (ret->len - before);
		/* one byte more than is allowed tells "too large" */
		size_t want = left < 64 << 10 ? left + 1 : 64 << 10;

		do
			n = read(fd, buf_room(ret, want), want);
		while (n < 0 && errno == EINTR);
		if (n > 0)
			ret->len += (size_t)n;
		if (n < 0 || ret->len - before > max) {
			int why = n < 0 ? errno : E2BIG;

			ret->len = before;
			ret->p[before] = '\0';
			return why;
		}
	}
	ret->p[ret->len] = '\0';
	return 0;
}

static int read_named(int fd, const char *name, size_t max, struct buf *ret, struct err *err)
{
	int why = read_bounded(fd, max, ret);

	if (why == E2BIG)
		return err_set(err, ERR_INPUT, "read '%s': it is larger than %zu bytes", name, max);
	return why ? err_sys(err, why, "read '%s'", name) : 0;
}

int path_read(int dir_fd, const char *name, size_t max, struct buf *ret, struct err *err)
{
	auto_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", name);
	return read_named(fd, name, max, ret, err);
}

int path_read_fd(int fd, size_t max, struct buf *ret, struct err *err)
{
	int why = read_bounded(fd, max, ret);

	if (why == E2BIG)
		return err_set(err, ERR_INPUT, "it is larger than %zu bytes", max);
	return why ? err_sys(err, why, "read") : 0;
}

int path_open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	const char *name = slash ? slash + 1 : path;

	if (!*name || STREQ(name, ".") || STREQ(name, "..")) {
		errno = EINVAL;
		return -1;
	}
	*ret_fd = openat(dir_fd, *parent ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*ret_base = name;
	return *ret_fd < 0 ? -1 : 0;
}

#define TMP_PREFIX ".tmp-"

static int write_beside(int dir_fd, const char *tmp, const void *data, size_t n, mode_t mode, unsigned flags)
{
	auto_close int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) < 0 || fd_write_all(fd, data, n) < 0)
		return -1;
	return flags & PATH_SYNC ? fsync(fd) : 0;
}

int path_write(int dir_fd, const char *name, const void *data, size_t n, mode_t mode, unsigned flags,
	struct err *err)
{
	auto_close int parent = -1;
	char tmp[] = TMP_PREFIX "0123456789abcdef";
	const char *base;

	if (path_open_parent(dir_fd, name, &parent, &base) < 0)
		return err_sys(err, errno, "write '%s'", name);
	hash_random_hex(8, tmp + strlen(TMP_PREFIX));
	if (write_beside(parent, tmp, data, n, mode, flags) < 0 || renameat(parent, tmp, parent, base) < 0) {
		int why = errno;

		unlinkat(parent, tmp, 0);
		return err_sys(err, why, "write '%s'", name);
	}
	if (flags & PATH_SYNC && fsync(parent) < 0)
		return err_sys(err, errno, "write '%s'", name);
	return 0;
}

void path_sweep(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (str_starts(e->d_name, TMP_PREFIX))
			unlinkat(dir_fd, e->d_name, 0);
}

char *path_join(const char *base, const char *path)
{
	auto_free char *both =
		path[0] == '/' || !base || !*base ? xstrdup(path) : xasprintf("%s/%s", base, path);
	bool rooted = both[0] == '/';
	char *out = xmalloc(strlen(both) + 2);
	size_t len = 0, up_to = 0; /* what lies before up_to cannot be gone back over: leading ".." */
	size_t n;

	if (rooted)
		out[len++] = '/';
	up_to = len;
	for (const char *p = both; *p; p += n) {
		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.'))
			continue;
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (len > up_to) {
				while (len > up_to && out[len - 1] != '/')
					len--;
				if (len > up_to)
					len--;
				continue;
			}
			if (rooted)
				continue;
		}
		if (len > rooted)
			out[len++] = '/';
		memcpy(out + len, p, n);
		len += n;
		if (n == 2 && p[0] == '.' && p[1] == '.')
			up_to = len;
	}
	if (len == 0)
		out[len++] = '.';
	out[len] = '\0';
	return out;
}

char *path_relative(const char *from, const char *to)
{
	struct buf out = BUF_INIT;
	size_t same = 0, i = 0; /* same: how much of both is the same directories, without a slash at the end */

	for (; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			same = i;
	if ((!from[i] || from[i] == '/') && (!to[i] || to[i] == '/'))
		same = i;
	for (const char *p = from + same; p[strspn(p, "/")]; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		buf_str(&out, out.len ? "/.." : "..");
	}
	to += same + strspn(to + same, "/");
	if (*to)
		buf_printf(&out, "%s%s", out.len ? "/" : "", to);
	if (!out.len)
		buf_char(&out, '.');
	return buf_take(&out);
}
