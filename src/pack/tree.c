#include "tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "name.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define OPAQUE ".wh..wh..opq"

enum { OPAQUE_BYTES_MAX = 1 << 20 };

void tree_init(struct tree *t, int root_fd, const struct pack_limits *limits)
{
	*t = (struct tree){ .root_fd = root_fd, .limits = *limits, .parent_fd = -1 };
}

static void parent_forget(struct tree *t)
{
	free(take(t->parent));
	if (t->parent_fd >= 0)
		close(take_fd(&t->parent_fd));
}

void tree_done(struct tree *t)
{
	parent_forget(t);
	map_done(&t->opaque, NULL);
	map_done(&t->dirs, free);
}

/* ------------------------------------------------------------------ directories on the way */

static int open_beneath(int dir_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir_fd, *path ? path : ".", &how, sizeof how);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static int mark_opaque(struct tree *t, const char *path, struct err *err)
{
	if (map_has(&t->opaque, path))
		return 0;
	t->opaque_bytes += strlen(path) + 1;
	if (t->opaque_bytes > OPAQUE_BYTES_MAX)
		return err_set(
			err, ERR_INPUT, "the names of its opaque directories are longer than 1 MiB together");
	map_set(&t->opaque, path, t);
	return 0;
}

/* What stands at base goes; a directory with all that is in it. */
static int remove_there(int parent_fd, const char *base, struct err *err)
{
	if (unlinkat(parent_fd, base, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_sys(err, errno, "replace it");
	return path_remove_tree(parent_fd, base, err);
}

/* A directory that takes the place of a whiteout hides what the layers below have in it. */
static int make_dir(struct tree *t, int parent_fd, const char *base, const char *path, struct err *err)
{
	struct stat st;

	if (mkdirat(parent_fd, base, 0755) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(err, errno, "make a directory");
	if (fstatat(parent_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return 0;
	if (is_whiteout(&st) && mark_opaque(t, path, err) < 0)
		return -1;
	if (unlinkat(parent_fd, base, 0) < 0 || mkdirat(parent_fd, base, 0755) < 0)
		return err_sys(err, errno, "make a directory");
	return 0;
}

/* One step towards a parent: only a missing directory or a whiteout is replaced. */
static int step_down(struct tree *t, int *fd, const char *part, const char *path, struct err *err)
{
	struct stat st;
	int next;

	if (fstatat(*fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) && !is_whiteout(&st)) {
		auto_free char *shown = name_show(path);
		return err_set(err, ERR_INPUT, "it goes through '%s', which is %s in the same layer", shown,
			S_ISLNK(st.st_mode) ? "a symbolic link" : "not a directory");
	}
	if (make_dir(t, *fd, part, path, err) < 0)
		return -1;
	next = open_beneath(*fd, part);
	if (next < 0)
		return err_sys(err, errno, "open a directory");
	close(*fd);
	*fd = next;
	return 0;
}

static int make_parents(struct tree *t, const char *path, int *ret_fd, struct err *err)
{
	auto_close int fd = open_beneath(t->root_fd, "");
	auto_free char *copy = xstrdup(path);

	if (fd < 0)
		return err_sys(err, errno, "open the layer's directory");
	for (char *part = copy; *part;) {
		char *end = part + strcspn(part, "/"), was = *end;
		*end = '\0';
		if (step_down(t, &fd, part, copy, err) < 0)
			return -1;
		*end = was;
		part = end + (was == '/');
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The descriptor of path's parent (kept for the next entry, which is mostly its neighbour) and the last part
 * of path. */
static int open_parent(struct tree *t, const char *path, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	int fd;

	*ret_base = slash ? slash + 1 : path;
	if (t->parent && STREQ(t->parent, parent))
		return 0;
	parent_forget(t);
	fd = open_beneath(t->root_fd, parent);
	if (fd < 0 && make_parents(t, parent, &fd, err) < 0)
		return -1;
	t->parent_fd = fd;
	t->parent = take(parent);
	return 0;
}

/* ------------------------------------------------------------------ the kinds of entry */

static int write_at(int fd, const char *p, size_t n, int64_t offset, struct err *err)
{
	while (n > 0) {
		ssize_t w = pwrite(fd, p, n, offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(err, errno, "write its content");
		p += w;
		n -= (size_t)w;
		offset += w;
	}
	return 0;
}

static int write_content(struct tree *t, struct stream *s, struct archive_entry *e, int fd, struct err *err)
{
	int64_t size = archive_entry_size(e), end = 0, offset;
	const void *p;
	size_t n;
	int r;

	while ((r = stream_data(s, &p, &n, &offset, err)) > 0) {
		t->bytes += n;
		if (t->bytes > t->limits.bytes)
			return err_set(err, ERR_INPUT, "the layer's files are larger than %llu bytes",
				(unsigned long long)t->limits.bytes);
		if (write_at(fd, p, n, offset, err) < 0)
			return -1;
		end = offset + (int64_t)n;
	}
	if (r < 0)
		return -1;
	if (end < size && ftruncate(fd, size) < 0) /* a hole at the end */
		return err_sys(err, errno, "give it its size");
	return 0;
}

static int add_file(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *base, struct err *err)
{
	auto_close int fd =
		openat(t->parent_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "make a file");
	if (write_content(t, s, e, fd, err) < 0)
		return -1;
	return meta_apply(t->parent_fd, base, fd, e, err);
}

static int add_symlink(struct tree *t, struct archive_entry *e, const char *base, struct err *err)
{
	const char *target = archive_entry_symlink(e);

	if (!target || !*target)
		return err_set(err, ERR_INPUT, "it is a symbolic link to nothing");
	if (symlinkat(target, t->parent_fd, base) < 0)
		return err_sys(err, errno, "make a symbolic link");
	return meta_apply(t->parent_fd, base, -1, e, err);
}

static int add_node(struct tree *t, struct archive_entry *e, const char *base, struct err *err)
{
	mode_t type = archive_entry_filetype(e);
	dev_t dev = type == AE_IFIFO ? 0 : makedev(archive_entry_rdevmajor(e), archive_entry_rdevminor(e));

	/* libarchive's type bits are those of the kernel */
	if (mknodat(t->parent_fd, base, type | 0600, dev) < 0) {
		if (errno == EPERM && t->no_devices)
			return 0;
		return err_sys(err, errno, "make a device node or fifo");
	}
	return meta_apply(t->parent_fd, base, -1, e, err);
}

static int add_dir(
	struct tree *t, struct archive_entry *e, const char *base, const char *path, struct err *err)
{
	struct timespec *mtime;

	if (make_dir(t, t->parent_fd, base, path, err) < 0 || meta_apply(t->parent_fd, base, -1, e, err) < 0)
		return -1;
	mtime = xmalloc(sizeof *mtime);
	*mtime = (struct timespec){ archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
	free(map_set(&t->dirs, path, mtime));
	return 0;
}

/* The target is a name inside the layer, as any other; never one of the layers below, which are not here. */
static int add_hardlink(
	struct tree *t, const char *raw_target, const char *base, const char *path, struct err *err)
{
	auto_free char *target = NULL, *parent = NULL, *shown = name_show(raw_target);
	auto_close int fd = -1;
	const char *slash, *last;
	struct stat st;

	if (name_clean(raw_target, &target, err) < 0)
		return err_wrap(err, "hard link");
	if (STREQ(target, path))
		return 0;
	slash = strrchr(target, '/');
	last = slash ? slash + 1 : target;
	parent = xstrndup(target, slash ? (size_t)(slash - target) : 0);
	fd = open_beneath(t->root_fd, parent);
	if (fd < 0 || !*last || fstatat(fd, last, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
		is_whiteout(&st))
		return err_set(err, ERR_INPUT,
			"it is a hard link to '%s', which is no file in the same layer", shown);
	if (remove_there(t->parent_fd, base, err) < 0)
		return -1;
	if (linkat(fd, last, t->parent_fd, base, 0) < 0)
		return err_sys(err, errno, "make a hard link to '%s'", shown);
	return 0;
}

static int add_whiteout(struct tree *t, const char *base, struct err *err)
{
	const char *name = base + strlen(WHITEOUT);
	auto_free char *hidden = NULL;
	struct stat st;

	if (STREQ(base, OPAQUE))
		return mark_opaque(t, t->parent, err);
	if (str_starts(base, WHITEOUT_META))
		return 0; /* AUFS' own files */
	if (!*name || STREQ(name, ".") || STREQ(name, ".."))
		return err_set(err, ERR_INPUT, "it is a whiteout of nothing");
	hidden = xasprintf("%s%s%s", t->parent, *t->parent ? "/" : "", name);
	if (mknodat(t->parent_fd, name, S_IFCHR | 0600, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(err, errno, "make a whiteout");
	/* the layer brings the name itself as well: what it brings stays, only what is below is hidden */
	if (fstatat(t->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at it");
	return S_ISDIR(st.st_mode) ? mark_opaque(t, hidden, err) : 0;
}

/* ------------------------------------------------------------------ one entry */

static int add_root(struct tree *t, struct archive_entry *e, struct err *err)
{
	struct timespec *mtime;

	if (archive_entry_filetype(e) != AE_IFDIR)
		return err_set(err, ERR_INPUT, "the top of a layer is not a directory");
	if (meta_apply(t->root_fd, ".", -1, e, err) < 0)
		return -1;
	mtime = xmalloc(sizeof *mtime);
	*mtime = (struct timespec){ archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
	free(map_set(&t->dirs, "", mtime));
	return 0;
}

static int add_clean(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *path, struct err *err)
{
	const char *base, *hardlink = archive_entry_hardlink(e);
	mode_t type = archive_entry_filetype(e);

	if (!*path)
		return add_root(t, e, err);
	if (str_starts(path, WHITEOUT_META) && !STREQ(path, OPAQUE))
		return 0;
	if (open_parent(t, path, &base, err) < 0)
		return -1;
	if (str_starts(base, WHITEOUT))
		return add_whiteout(t, base, err);
	if (hardlink)
		return add_hardlink(t, hardlink, base, path, err);
	if (type == AE_IFDIR)
		return add_dir(t, e, base, path, err);
	if (remove_there(t->parent_fd, base, err) < 0)
		return -1;
	switch (type) {
	case AE_IFREG:
		return add_file(t, s, e, base, err);
	case AE_IFLNK:
		return add_symlink(t, e, base, err);
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		return add_node(t, e, base, err);
	default:
		return err_set(err, ERR_INPUT, "it is of a kind that a layer cannot have");
	}
}

int tree_add(struct tree *t, struct stream *s, struct archive_entry *e, struct err *err)
{
	const char *raw = archive_entry_pathname(e);
	auto_free char *path = NULL;

	if (++t->entries > t->limits.entries)
		return err_set(err, ERR_INPUT, "it has more than %llu entries",
			(unsigned long long)t->limits.entries);
	if (!raw)
		raw = archive_entry_pathname_utf8(e);
	if (!raw)
		return err_set(err, ERR_INPUT, "entry %llu has a name that cannot be read",
			(unsigned long long)t->entries);
	if (name_clean(raw, &path, err) < 0)
		return -1;
	if (add_clean(t, s, e, path, err) < 0) {
		auto_free char *shown = name_show(raw);
		return err_wrap(err, "entry '%s'", shown);
	}
	return 0;
}

/* A directory that a later entry replaced is passed over. */
int tree_finish(struct tree *t, struct err *err)
{
	parent_forget(t);
	map_each(&t->dirs, it) {
		const struct timespec *mtime = it->value, both[2] = { *mtime, *mtime };
		auto_close int fd = open_beneath(t->root_fd, it->key);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			continue;
		if (fd < 0 || utimensat(fd, ".", both, 0) < 0)
			return err_sys(err, errno, "set the time of a directory");
	}
	return 0;
}
