#include "same.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "name.h"

enum { PIECE = 1 << 16, XATTR_NAMES_MAX = 64 << 10, XATTR_VALUE_MAX = 64 << 10 };

struct pair {
	int have_fd, want_fd; /* directories */
	const char *path;     /* of them in the layer; "" is the top */
};

struct comparing {
	struct map inodes; /* of files with several names: "WANT" → text of the one it has to be */
	char *why;
	struct err *err;
};

static int differs(struct comparing *c, const char *path, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int differs(struct comparing *c, const char *path, const char *fmt, ...)
{
	auto_free char *shown = name_show(*path ? path : "/"), *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		what = NULL;
	va_end(ap);
	c->why = xasprintf("'%s' %s", shown, what ? what : "differs");
	return SAME_NOT;
}

/* ------------------------------------------------------------------ attributes */

static bool counts(const char *name)
{
	return str_starts(name, "user.") || str_starts(name, "trusted.overlay.") || STREQ(name, "security.capability") ||
	       str_starts(name, "system.posix_acl_");
}

static int xattr_names(const char *file, struct strs *ret)
{
	auto_free char *list = xmalloc(XATTR_NAMES_MAX);
	ssize_t n = llistxattr(file, list, XATTR_NAMES_MAX);

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(list + i) + 1)
		if (counts(list + i))
			strs_add(ret, list + i);
	return n < 0 && errno != ENOTSUP ? -1 : 0;
}

static bool same_value(const char *have, const char *want, const char *name)
{
	auto_free char *a = xmalloc(XATTR_VALUE_MAX), *b = xmalloc(XATTR_VALUE_MAX);
	ssize_t n = lgetxattr(have, name, a, XATTR_VALUE_MAX), m = lgetxattr(want, name, b, XATTR_VALUE_MAX);

	return n == m && n >= 0 && memcmp(a, b, (size_t)n) == 0;
}

static int compare_xattrs(struct comparing *c, const struct pair *p, const char *name, const char *path)
{
	auto_free char *have = xasprintf("/proc/self/fd/%d/%s", p->have_fd, name), *want = xasprintf("/proc/self/fd/%d/%s", p->want_fd, name);
	auto_strs struct strs a = STRS_INIT, b = STRS_INIT;

	if (xattr_names(have, &a) < 0 || xattr_names(want, &b) < 0)
		return err_sys(c->err, errno, "list the attributes of '%s'", path);
	for (size_t i = 0; i < b.n; i++)
		if (!strs_has(&a, b.v[i]) || !same_value(have, want, b.v[i]))
			return differs(c, path, "has another attribute '%s', or lacks it", b.v[i]);
	for (size_t i = 0; i < a.n; i++)
		if (!strs_has(&b, a.v[i]))
			return differs(c, path, "has the attribute '%s', which it should not", a.v[i]);
	return 0;
}

/* ------------------------------------------------------------------ one name */

static ssize_t read_piece(int fd, char *to)
{
	size_t got = 0;

	while (got < PIECE) {
		ssize_t n = read(fd, to + got, PIECE - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)got;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int compare_content(struct comparing *c, const struct pair *p, const char *name, const char *path)
{
	auto_close int have = openat(p->have_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	auto_close int want = openat(p->want_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	auto_free char *a = xmalloc(PIECE), *b = xmalloc(PIECE);
	ssize_t n, m;

	do {
		n = have < 0 ? -1 : read_piece(have, a);
		m = want < 0 ? -1 : read_piece(want, b);
		if (n < 0 && errno == EIO)
			return differs(c, path, "cannot be read: %s", strerror(errno));
		if (n < 0 || m < 0)
			return err_sys(c->err, errno, "read '%s'", path);
		if (n != m || memcmp(a, b, (size_t)n) != 0)
			return differs(c, path, "has other content");
	} while (n > 0);
	return 0;
}

static int compare_link(struct comparing *c, const struct pair *p, const char *name, const char *path)
{
	char a[4097], b[4097];
	ssize_t n = readlinkat(p->have_fd, name, a, sizeof a), m = readlinkat(p->want_fd, name, b, sizeof b);

	if (n < 0 || m < 0)
		return err_sys(c->err, errno, "read the link '%s'", path);
	return n == m && memcmp(a, b, (size_t)n) == 0 ? 0 : differs(c, path, "leads elsewhere");
}

/* Names of one file there are names of one file here. */
static int compare_names(struct comparing *c, const struct stat *have, const struct stat *want, const char *path)
{
	auto_free char *key = NULL, *value = NULL;
	const char *known;

	if (have->st_nlink != want->st_nlink)
		return differs(c, path, "has %lu names instead of %lu", (unsigned long)have->st_nlink, (unsigned long)want->st_nlink);
	if (want->st_nlink < 2)
		return 0;
	key = xasprintf("%llu", (unsigned long long)want->st_ino);
	value = xasprintf("%llu", (unsigned long long)have->st_ino);
	known = map_get(&c->inodes, key);
	if (known && !STREQ(known, value))
		return differs(c, path, "is another file than it should be a name of");
	if (!known)
		map_set(&c->inodes, key, take(value));
	return 0;
}

static int compare_stats(struct comparing *c, const struct stat *have, const struct stat *want, const char *path)
{
	if ((have->st_mode & S_IFMT) != (want->st_mode & S_IFMT))
		return differs(c, path, "is of another kind");
	if (have->st_mode != want->st_mode)
		return differs(c, path, "has the mode %04o instead of %04o", have->st_mode & 07777, want->st_mode & 07777);
	if (have->st_uid != want->st_uid || have->st_gid != want->st_gid)
		return differs(c, path, "belongs to %u:%u instead of %u:%u", have->st_uid, have->st_gid, want->st_uid, want->st_gid);
	if ((S_ISCHR(want->st_mode) || S_ISBLK(want->st_mode)) && have->st_rdev != want->st_rdev)
		return differs(c, path, "is device %u:%u instead of %u:%u", major(have->st_rdev), minor(have->st_rdev), major(want->st_rdev),
			minor(want->st_rdev));
	/* the time of a whiteout is that of its unpacking */
	if (S_ISDIR(want->st_mode) || (S_ISCHR(want->st_mode) && want->st_rdev == 0))
		return 0;
	if (have->st_size != want->st_size)
		return differs(c, path, "has %lld bytes instead of %lld", (long long)have->st_size, (long long)want->st_size);
	if (have->st_mtim.tv_sec != want->st_mtim.tv_sec || have->st_mtim.tv_nsec != want->st_mtim.tv_nsec)
		return differs(c, path, "was changed at another time");
	return compare_names(c, have, want, path);
}

static int compare_dirs(struct comparing *c, const struct pair *p);

static int descend(struct comparing *c, const struct pair *p, const char *name, const char *path)
{
	auto_close int have = openat(p->have_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int want = openat(p->want_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct pair below = { have, want, path };

	if (have < 0 || want < 0)
		return err_sys(c->err, errno, "open '%s'", path);
	return compare_dirs(c, &below);
}

static int compare_name(struct comparing *c, const struct pair *p, const char *name)
{
	auto_free char *path = xasprintf("%s%s%s", p->path, *p->path ? "/" : "", name);
	struct stat have, want;
	int r;

	if (fstatat(p->have_fd, name, &have, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? differs(c, path, "is missing") : err_sys(c->err, errno, "look at '%s'", path);
	if (fstatat(p->want_fd, name, &want, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? differs(c, path, "should not be there") : err_sys(c->err, errno, "look at '%s'", path);
	r = compare_stats(c, &have, &want, path);
	if (r == 0 && !S_ISLNK(want.st_mode))
		r = compare_xattrs(c, p, name, path);
	if (r != 0)
		return r;
	if (S_ISREG(want.st_mode))
		return compare_content(c, p, name, path);
	if (S_ISLNK(want.st_mode))
		return compare_link(c, p, name, path);
	return S_ISDIR(want.st_mode) ? descend(c, p, name, path) : 0;
}

/* ------------------------------------------------------------------ directories */

/* Names that are in neither are not looked at: what is here is looked at by one, what is missing here by the other. */
static int each_name(struct comparing *c, const struct pair *p, int dir_fd, bool missing_only)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	auto_strs struct strs names = STRS_INIT;
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (!d)
		return err_sys(c->err, errno, "list '%s'", p->path);
	while ((errno = 0, e = readdir(d)))
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, ".."))
			strs_add(&names, e->d_name);
	if (errno)
		r = err_sys(c->err, errno, "list '%s'", p->path);
	closedir(d);     /* before what is below is opened: as few descriptors as levels */
	for (size_t i = 0; i < names.n && r == 0; i++)
		if (!missing_only || fstatat(p->have_fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			r = compare_name(c, p, names.v[i]);
	return r;
}

static int compare_dirs(struct comparing *c, const struct pair *p)
{
	int r = each_name(c, p, p->have_fd, false);

	return r != 0 ? r : each_name(c, p, p->want_fd, true);
}

int same_trees(int have_fd, int want_fd, char **ret_why, struct err *err)
{
	struct comparing c = { .err = err };
	struct pair top = { have_fd, want_fd, "" };
	struct stat have, want;
	int r = fstat(have_fd, &have) < 0 || fstat(want_fd, &want) < 0 ? err_sys(err, errno, "look at a layer")
								       : compare_stats(&c, &have, &want, "");

	if (r == 0)
		r = compare_xattrs(&c, &top, ".", "");
	if (r == 0)
		r = compare_dirs(&c, &top);
	map_done(&c.inodes, free);
	if (r == SAME_NOT)
		*ret_why = c.why;
	return r;
}
