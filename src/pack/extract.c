#include "extract.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../copy/attrs.h"
#include "../copy/dir.h"
#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "confine.h"
#include "name.h"
#include "stream.h"

enum { DIR_BYTES_MAX = 64 << 20 };

struct extracting {
	const struct extract *what;
	struct copy_rules rules;
	struct stream *s;
	char *parent;                /* the directory that was used last, in the tree, and its descriptor */
	int parent_fd;
	struct map dirs;             /* path in the tree → malloc'ed struct stat: their times are set in the end */
	size_t dir_bytes;
	/* the entry at hand */
	struct archive_entry *e;
	struct stat st;
};

/* ------------------------------------------------------------------ where */

static char *in_tree(const struct extracting *x, const char *clean)
{
	return xasprintf("%s/%s", x->what->target, clean);
}

static int open_dir(const struct extracting *x, const char *path)
{
	int fd = path_open_in_root(x->what->root_fd, path, O_PATH | O_DIRECTORY, 0);

	return fd >= 0 || errno != ENOENT ? fd : path_mkdirs_in_root(x->what->root_fd, path, 0755);
}

/* Entries of one directory follow each other. */
static int enter_parent(struct extracting *x, const char *clean, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(clean, '/');
	auto_free char *dir = xstrndup(clean, slash ? (size_t)(slash - clean) : 0);
	auto_free char *path = in_tree(x, dir);

	*ret_base = slash ? slash + 1 : clean;
	if (x->parent && STREQ(x->parent, path))
		return 0;
	free(take(x->parent));
	if (x->parent_fd >= 0)
		close(take_fd(&x->parent_fd));
	x->parent_fd = open_dir(x, path);
	if (x->parent_fd < 0)
		return dir_why(errno, "open the directory it is in", err);
	x->parent = take(path);
	return 0;
}

/* ------------------------------------------------------------------ what */

static int attributes(const struct extracting *x, int fd, struct err *err)
{
	const char *name;
	const void *value;
	size_t n;

	archive_entry_xattr_reset(x->e);
	while (archive_entry_xattr_next(x->e, &name, &value, &n) == ARCHIVE_OK)
		if (name && attrs_allowed(name, &x->rules) && fsetxattr(fd, name, value, n, 0) < 0 && errno != ENOTSUP && errno != EPERM)
			return err_sys(err, errno, "set an extended attribute");
	return 0;
}

static int write_at(int fd, const char *p, size_t n, int64_t at, struct err *err)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, at);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(err, errno, "write");
		p += w;
		n -= (size_t)w;
		at += w;
	}
	return 0;
}

static int fill(const struct extracting *x, int fd, struct err *err)
{
	const void *p;
	int64_t at;
	size_t n;
	int r;

	while ((r = stream_data(x->s, &p, &n, &at, err)) > 0)
		if (at < 0 || write_at(fd, p, n, at, err) < 0)
			return at < 0 ? err_set(err, ERR_INPUT, "its content begins before it does") : -1;
	if (r < 0)
		return -1;
	if (ftruncate(fd, x->st.st_size) < 0)    /* a hole at the end */
		return err_sys(err, errno, "write");
	if (attrs_own(fd, &x->st, &x->rules, err) < 0 || attributes(x, fd, err) < 0)
		return -1;
	return attrs_times(fd, &x->st, err);
}

static int make_file(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err)
{
	auto_close int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0) {
		*ret_errno = errno;
		return -1;
	}
	if (fill(arg, fd, err) == 0)
		return 0;
	unlinkat(dir_fd, name, 0);
	return -1;
}

static int make_other(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err)
{
	const struct extracting *x = arg;
	const char *link = archive_entry_symlink(x->e);
	int r = S_ISLNK(x->st.st_mode) ? symlinkat(link ? link : "", dir_fd, name) :
					 mknodat(dir_fd, name, (x->st.st_mode & S_IFMT) | attrs_mode(&x->st, &x->rules), x->st.st_rdev);

	if (r < 0) {
		*ret_errno = errno;
		return -1;
	}
	return attrs_named(dir_fd, name, &x->st, &x->rules, err);
}

static int make_hard(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err)
{
	const struct extracting *x = arg;
	auto_free char *clean = NULL, *path = NULL;
	auto_close int fd = -1;
	char *slash;

	if (name_clean(archive_entry_hardlink(x->e), &clean, err) < 0)
		return err_wrap(err, "hard link");
	path = in_tree(x, clean);
	slash = strrchr(path, '/');
	*slash = '\0';
	fd = path_open_in_root(x->what->root_fd, path, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0 && linkat(fd, slash + 1, dir_fd, name, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(err, errno, "link it to '%s'", clean);
	*ret_errno = errno;
	return -1;
}

static int add_dir(struct extracting *x, const char *clean, const char *base, struct err *err)
{
	auto_close int fd = -1;
	auto_free char *path = in_tree(x, clean);
	struct stat *st;

	if (dir_enter(x->parent_fd, base, &fd, err) < 0 || attrs_own(fd, &x->st, &x->rules, err) < 0 || attributes(x, fd, err) < 0)
		return -1;
	if (x->dir_bytes > DIR_BYTES_MAX)        /* so many keep the time of now */
		return 0;
	x->dir_bytes += strlen(path) + sizeof *st;
	st = xmalloc(sizeof *st);
	*st = x->st;
	free(map_set(&x->dirs, path, st));
	return 0;
}

static int add(struct extracting *x, const char *clean, struct err *err)
{
	const char *base;

	if (!*clean)                     /* the directory that is there: docker leaves it as it is */
		return 0;
	if (enter_parent(x, clean, &base, err) < 0)
		return -1;
	if (archive_entry_hardlink(x->e))
		return dir_put(x->parent_fd, base, make_hard, x, err);
	switch (x->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return add_dir(x, clean, base, err);
	case S_IFREG:
		return dir_put(x->parent_fd, base, make_file, x, err);
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return dir_put(x->parent_fd, base, make_other, x, err);
	default:
		return err_set(err, ERR_INPUT, "it is of a kind that cannot be made");
	}
}

/* ------------------------------------------------------------------ all of them */

static int take_stat(struct extracting *x, struct err *err)
{
	int64_t uid = archive_entry_uid(x->e), gid = archive_entry_gid(x->e), size = archive_entry_size(x->e);

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX || size < 0)
		return err_set(err, ERR_INPUT, "its owner or size is no number that there can be");
	x->st = (struct stat){
		.st_mode = archive_entry_filetype(x->e) | (archive_entry_perm(x->e) & 07777),
		.st_uid = (uid_t)uid, .st_gid = (gid_t)gid, .st_size = size,
		.st_rdev = makedev(archive_entry_rdevmajor(x->e), archive_entry_rdevminor(x->e)),
		.st_mtim = { archive_entry_mtime(x->e), archive_entry_mtime_nsec(x->e) },
	};
	x->st.st_atim = x->st.st_mtim;
	return 0;
}

static int add_next(struct extracting *x, struct err *err)
{
	const char *raw = archive_entry_pathname(x->e);
	auto_free char *clean = NULL, *shown = NULL;

	if (!raw)
		raw = archive_entry_pathname_utf8(x->e);
	if (!raw)
		return err_set(err, ERR_INPUT, "an entry of the archive has a name that cannot be read");
	shown = name_show(raw);
	if (name_clean(raw, &clean, err) < 0 || take_stat(x, err) < 0 || add(x, clean, err) < 0)
		return err_wrap(err, "entry '%s'", shown);
	return 0;
}

/* What was made in them has changed them. One that is gone, or another thing by now, is passed over. */
static void set_dir_times(struct extracting *x)
{
	map_each(&x->dirs, it) {
		auto_close int fd = path_open_in_root(x->what->root_fd, it->key, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

		if (fd >= 0)
			attrs_times(fd, it->value, NULL);
	}
}

static int add_all(struct extracting *x, struct err *err)
{
	char hash[HASH_HEX_LEN + 1];
	int r;

	while ((r = stream_next(x->s, &x->e, err)) > 0)
		if (add_next(x, err) < 0)
			return -1;
	return r < 0 ? -1 : stream_finish(x->s, hash, err);
}

int extract_here(const struct extract *what, struct err *err)
{
	struct extracting x = { .what = what, .parent_fd = -1, .rules = { .keep_owner = what->keep_owner, .keep_privilege = true } };
	const struct source from = { .fd = what->fd };
	int r = stream_open(&from, INT64_MAX, false, &x.s, err);

	if (r == 0)
		r = add_all(&x, err);
	set_dir_times(&x);
	stream_close(x.s);
	if (x.parent_fd >= 0)
		close(x.parent_fd);
	free(x.parent);
	map_done(&x.dirs, free);
	return r;
}

int extract(const struct extract *what, struct err *err)
{
	const int keep[] = { what->fd, STDOUT_FILENO };
	struct extract inside = *what;
	auto_close int root = -1;

	setlocale(LC_CTYPE, "C.UTF-8");  /* names are bytes, but the library converts them */
	if (confine(what->root_fd, ".", CONFINE_EXTRACT, keep, ARRAY_LEN(keep), err) < 0)
		return -1;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, errno, "open the tree");
	inside.root_fd = root;
	return extract_here(&inside, err);
}
