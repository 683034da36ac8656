#include "tree.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "early.h"
#include "name.h"
#include "tree_dirs.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define OPAQUE ".wh..wh..opq"
#define AUFS_LINKS ".wh..wh.plnk"

enum { DIR_BYTES_MAX = 64 << 20 };

/* Whatever the directory inherited from the store's place (group, default ACL, the caller's umask) goes. */
int tree_init(struct tree *t, int root_fd, const struct pack_limits *limits, struct err *err)
{
	*t = (struct tree){ .root_fd = root_fd, .limits = *limits, .parent_fd = -1 };
	if ((fremovexattr(root_fd, "system.posix_acl_default") < 0 && errno != ENODATA && errno != ENOTSUP) ||
		fchown(root_fd, 0, 0) < 0 || fchmod(root_fd, 0755) < 0)
		return err_sys(err, errno, "prepare the layer's directory");
	t->plain = setfsuid((uid_t)-1) == 0 && setfsgid((gid_t)-1) == 0; /* which changes nothing, but tells */
	map_set(&t->implied, "", t);
	return 0;
}

void tree_done(struct tree *t)
{
	tree_forget_parent(t);
	free(t->last);
	map_done(&t->opaque, NULL);
	map_done(&t->implied, NULL);
	map_done(&t->dirs, free);
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

static int too_large(const struct tree *t, struct err *err)
{
	return err_set(err, ERR_INPUT, "it is a file of more than %llu bytes",
		(unsigned long long)t->limits.file);
}

static int write_content(struct tree *t, struct stream *s, struct archive_entry *e, int fd, struct err *err)
{
	int64_t size = archive_entry_size(e), end = 0, offset;
	uint64_t told = 0;
	const void *p;
	size_t n;
	int r;

	if (size < 0 || (uint64_t)size > t->limits.file)
		return too_large(t, err);
	while ((r = stream_data(s, &p, &n, &offset, err)) > 0) {
		t->bytes += n;
		if (t->bytes > t->limits.bytes)
			return err_set(err, ERR_INPUT, "the layer's files are larger than %llu bytes",
				(unsigned long long)t->limits.bytes);
		if (offset < 0 || (uint64_t)offset + n > t->limits.file)
			return too_large(t, err);
		if (write_at(fd, p, n, offset, err) < 0)
			return -1;
		end = offset + (int64_t)n;
		early_write(fd, &told, (uint64_t)end, false);
	}
	if (r < 0)
		return -1;
	early_write(fd, &told, (uint64_t)end, true);
	if (end < size && ftruncate(fd, size) < 0) /* a hole at the end */
		return err_sys(err, errno, "give it its size");
	return 0;
}

static int made_or_there(struct err *err, const char *what)
{
	return errno == EEXIST ? TREE_THERE : err_sys(err, errno, "%s", what);
}

/* Born with its mode where nothing but root's can come to be; else shut until it has its owner. */
static mode_t birth_mode(bool plain, struct archive_entry *e)
{
	return plain ? archive_entry_perm(e) & 0777 : 0600;
}

static int add_file(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *base, struct err *err)
{
	auto_close int fd = openat(t->parent_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		birth_mode(t->parent_plain, e));
	struct made made = { t->parent_fd, base, fd, S_IFREG, t->parent_plain };

	if (fd < 0)
		return made_or_there(err, "make a file");
	if (write_content(t, s, e, fd, err) < 0)
		return -1;
	return meta_apply(&made, e, err);
}

static int add_symlink(struct tree *t, struct archive_entry *e, const char *base, struct err *err)
{
	const char *target = archive_entry_symlink(e);
	struct made made = { t->parent_fd, base, -1, S_IFLNK, t->parent_plain };

	if (!target || !*target)
		return err_set(err, ERR_INPUT, "it is a symbolic link to nothing");
	if (symlinkat(target, t->parent_fd, base) < 0)
		return made_or_there(err, "make a symbolic link");
	return meta_apply(&made, e, err);
}

static int add_node(struct tree *t, struct archive_entry *e, const char *base, struct err *err)
{
	mode_t type = archive_entry_filetype(e); /* libarchive's type bits are those of the kernel */
	dev_t dev = type == AE_IFIFO ? 0 : makedev(archive_entry_rdevmajor(e), archive_entry_rdevminor(e));
	struct made made = { t->parent_fd, base, -1, type, t->parent_plain };

	if (mknodat(t->parent_fd, base, type | birth_mode(t->parent_plain, e), dev) < 0) {
		if (errno == EPERM && t->no_devices)
			return 0;
		return made_or_there(err, "make a device node or fifo");
	}
	return meta_apply(&made, e, err);
}

/* A directory's time comes last of all: whatever is made in it changes it. */
static int dir_time(struct tree *t, struct archive_entry *e, const char *path, struct err *err)
{
	struct timespec *mtime = xmalloc(sizeof *mtime);

	*mtime = (struct timespec){ archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
	free(map_set(&t->dirs, path, mtime));
	t->dir_bytes += strlen(path) + 1;
	if (t->dir_bytes > DIR_BYTES_MAX)
		return err_set(err, ERR_INPUT, "the names of the layer's directories are longer than 64 MiB together");
	return 0;
}

static int add_dir(
	struct tree *t, struct archive_entry *e, const char *base, const char *path, struct err *err)
{
	int r = tree_make_dir(t, t->parent_fd, base, path, birth_mode(t->parent_plain, e), err);
	struct made made = { t->parent_fd, base, -1, S_IFDIR, r != TREE_THERE && t->parent_plain };

	if (r < 0 || meta_apply(&made, e, err) < 0)
		return -1;
	if (archive_entry_xattr_count(e) > 0)
		t->plain = t->parent_plain = false; /* one may be a default ACL */
	tree_has_entry(t, path);
	return dir_time(t, e, path, err);
}

/* Its record may say other things than the file's own; the later one wins, as in docker. */
static int relabel(struct tree *t, struct archive_entry *e, const char *base, const struct stat *st, struct err *err)
{
	auto_close int fd = -1;
	struct made made = { t->parent_fd, base, -1, st->st_mode & S_IFMT, false };

	if (st->st_uid == archive_entry_uid(e) && st->st_gid == archive_entry_gid(e) &&
		((st->st_mode & 07777) == (archive_entry_perm(e) & 07777) || S_ISLNK(st->st_mode)) &&
		st->st_mtim.tv_sec == archive_entry_mtime(e) && st->st_mtim.tv_nsec == archive_entry_mtime_nsec(e))
		return 0;
	if (S_ISREG(st->st_mode)) {
		fd = openat(t->parent_fd, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, errno, "open it");
	}
	made.fd = fd;
	return meta_apply(&made, e, err);
}

/* The target is a name inside the layer, as any other; never one of the layers below, which are not here. */
static int add_hardlink(
	struct tree *t, struct archive_entry *e, const char *base, const char *path, struct err *err)
{
	const char *raw_target = archive_entry_hardlink(e);
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
	fd = tree_open_dir(t->root_fd, parent);
	if (fd < 0 || !*last || fstatat(fd, last, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
		tree_is_whiteout(&st))
		return err_set(err, ERR_INPUT,
			"it is a hard link to '%s', which is no file in the same layer", shown);
	if (linkat(fd, last, t->parent_fd, base, 0) < 0)
		return errno == EEXIST ? TREE_THERE : err_sys(err, errno, "make a hard link to '%s'", shown);
	return relabel(t, e, base, &st, err);
}

static int add_whiteout(struct tree *t, const char *base, struct err *err)
{
	const char *name = base + strlen(WHITEOUT);
	auto_free char *hidden = NULL;
	struct stat st;

	if (STREQ(base, OPAQUE))
		return tree_mark_opaque(t, t->parent, err);
	if (str_starts(base, WHITEOUT_META))
		return 0; /* AUFS' own files */
	if (!*name || STREQ(name, ".") || STREQ(name, ".."))
		return err_set(err, ERR_INPUT, "it is a whiteout of nothing");
	hidden = xasprintf("%s%s%s", t->parent, *t->parent ? "/" : "", name);
	if (mknodat(t->parent_fd, name, S_IFCHR | 0600, 0) == 0)
		return 0;
	if (errno == EPERM) {            /* another overlayfs keeps these for itself */
		err_sys(err, errno, "make a whiteout");
		return err_hint(err, "the file system of the image store can have no whiteouts; with --state-dir it can be on another one");
	}
	if (errno != EEXIST)
		return err_sys(err, errno, "make a whiteout");
	/* the layer brings the name itself as well: what it brings stays, only what is below is hidden */
	if (fstatat(t->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at it");
	return S_ISDIR(st.st_mode) ? tree_mark_opaque(t, hidden, err) : 0;
}

/* ------------------------------------------------------------------ one entry */

static int add_root(struct tree *t, struct archive_entry *e, struct err *err)
{
	struct made made = { t->root_fd, ".", -1, S_IFDIR, false };

	if (archive_entry_filetype(e) != AE_IFDIR)
		return err_set(err, ERR_INPUT, "the top of a layer is not a directory");
	if (meta_apply(&made, e, err) < 0)
		return -1;
	tree_forget_parent(t);
	tree_has_entry(t, "");
	t->plain &= archive_entry_xattr_count(e) == 0;
	return dir_time(t, e, "", err);
}

static int add_kind(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *base, const char *path, struct err *err)
{
	if (archive_entry_hardlink(e))
		return add_hardlink(t, e, base, path, err);
	switch (archive_entry_filetype(e)) {
	case AE_IFDIR:
		return add_dir(t, e, base, path, err);
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

/* AUFS' own files are no part of the image, but other names of the layer may be hard links to what is in AUFS_LINKS:
 * that is kept until the end. */
static bool is_aufs_own(struct tree *t, const char *path)
{
	if (!str_starts(path, WHITEOUT_META) || STREQ(path, OPAQUE))
		return false;
	if (!str_starts(path, AUFS_LINKS "/"))
		return true;
	t->aufs_links = true;
	return false;
}

static int add_clean(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *path, struct err *err)
{
	const char *base;
	int r;

	if (!*path)
		return add_root(t, e, err);
	if (is_aufs_own(t, path))
		return 0;
	if (tree_open_parent(t, path, &base, err) < 0)
		return -1;
	if (str_starts(base, WHITEOUT))
		return add_whiteout(t, base, err);
	r = add_kind(t, s, e, base, path, err);
	if (r != TREE_THERE)
		return r;
	if (tree_clear(t->parent_fd, base, err) < 0)
		return -1;
	return add_kind(t, s, e, base, path, err);
}

static int add_named(
	struct tree *t, struct stream *s, struct archive_entry *e, const char *raw, struct err *err)
{
	auto_free char *path = NULL;

	if (tree_count(t, err) < 0 || name_clean(raw, &path, err) < 0)
		return -1;
	return add_clean(t, s, e, path, err);
}

int tree_add(struct tree *t, struct stream *s, struct archive_entry *e, struct err *err)
{
	const char *raw = archive_entry_pathname(e);

	t->entries++;
	if (!raw)
		raw = archive_entry_pathname_utf8(e);
	if (!raw)
		return err_set(err, ERR_INPUT, "entry %llu has a name that cannot be read",
			(unsigned long long)t->entries);
	free(take(t->last));
	t->last = name_show(raw);
	return add_named(t, s, e, raw, err) < 0 ? err_wrap(err, "entry '%s'", t->last) : 0;
}

/* A directory that a later entry replaced is passed over. */
int tree_finish(struct tree *t, struct err *err)
{
	tree_forget_parent(t);
	if (t->aufs_links && path_remove_tree(t->root_fd, AUFS_LINKS, err) < 0)
		return -1;
	map_each(&t->dirs, it) {
		const struct timespec *mtime = it->value, both[2] = { *mtime, *mtime };
		auto_close int fd = tree_open_dir(t->root_fd, it->key);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
			continue;
		if (fd < 0 || utimensat(fd, ".", both, 0) < 0)
			return err_sys(err, errno, "set the time of a directory");
	}
	return 0;
}
