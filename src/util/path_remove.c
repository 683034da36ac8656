/* How it works: a stack of levels, one per directory being emptied, the deepest last. Only the deepest HELD
 * levels keep their directory stream; those above are closed and opened again through ".." when their turn
 * comes, which is believed only if device and inode are those of the directory that was left. So depth costs
 * memory, not descriptors, and a tree that somebody moves while it is removed cannot lead us elsewhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"
#include "buf.h"
#include "mem.h"
#include "path.h"
#include "path_split.h"
#include "str.h"

enum { HELD = 32 };

struct place {
	dev_t dev;
	ino_t ino;
	uint64_t mount;
};

struct level {
	DIR *dir; /* NULL: closed to spare descriptors */
	char *name;
	struct place place;
	unsigned emptied; /* times it was read to its end and still not empty */
};

struct removal {
	struct level *levels;
	size_t n, cap;
	int parent_fd; /* of the whole tree, borrowed */
	struct place parent;
	struct err *err;
};

static int place_of(int fd, struct place *ret)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_MNT_ID, &sx) < 0)
		return -1;
	ret->dev = ((dev_t)sx.stx_dev_major << 32) | sx.stx_dev_minor;
	ret->ino = sx.stx_ino;
	/* A subvolume has a device number of its own and is no mount; where mounts have no id (before
	 * Linux 5.8) it must do. */
	ret->mount = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : ret->dev;
	return 0;
}

/* "a/b/c" for messages; the middle of a very deep one says nothing to anybody. */
static int fail(struct removal *r, int errnum, const char *name)
{
	enum { SHOWN = 16 };
	auto_buf struct buf path = BUF_INIT;

	for (size_t i = 0; i < r->n; i++) {
		if (i < SHOWN || i + SHOWN >= r->n)
			buf_printf(&path, "%s/", r->levels[i].name);
		else if (i == SHOWN)
			buf_str(&path, ".../");
	}
	buf_str(&path, name);
	if (errnum == EBUSY) {
		err_set(r->err, ERR_BUSY, "remove '%s': something is mounted there", path.p);
		if (r->err)
			r->err->errnum = EBUSY;
		return -1;
	}
	return err_sys(r->err, errnum, "remove '%s'", path.p);
}

static int level_fd(const struct removal *r, size_t i)
{
	return dirfd(r->levels[i].dir);
}

static int top_fd(const struct removal *r)
{
	return r->n > 0 ? level_fd(r, r->n - 1) : r->parent_fd;
}

/* Goes down into a directory. */
static int enter(struct removal *r, const char *name)
{
	auto_close int fd = openat(top_fd(r), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct place place;
	struct level *l;
	DIR *dir;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || place_of(fd, &place) < 0)
		return fail(r, errno, name);
	if (place.mount != r->parent.mount)
		return fail(r, EBUSY, name);
	dir = fdopendir(fd);
	if (!dir)
		return fail(r, errno, name);
	take_fd(&fd);
	l = XGROW(r->levels, r->n, r->cap);
	l->dir = dir;
	l->name = xstrdup(name);
	l->place = place;
	if (r->n > HELD && r->levels[r->n - 1 - HELD].dir) {
		closedir(r->levels[r->n - 1 - HELD].dir);
		r->levels[r->n - 1 - HELD].dir = NULL;
	}
	return 0;
}

/* Opens the level above the deepest again, if it was closed. */
static int reopen_above(struct removal *r)
{
	struct level *above = r->n > 1 ? &r->levels[r->n - 2] : NULL;
	auto_close int fd = -1;
	struct place place;

	if (!above || above->dir)
		return 0;
	fd = openat(top_fd(r), "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || place_of(fd, &place) < 0)
		return fail(r, errno, "..");
	if (place.dev != above->place.dev || place.ino != above->place.ino ||
		place.mount != above->place.mount)
		return fail(r, ESTALE, "..");
	above->dir = fdopendir(fd);
	if (!above->dir)
		return fail(r, errno, "..");
	take_fd(&fd);
	return 0;
}

static void drop_top(struct removal *r)
{
	struct level *l = &r->levels[--r->n];

	if (l->dir)
		closedir(l->dir);
	free(l->name);
}

/* The deepest directory was read to its end: it goes, and its parent is the deepest. */
static int leave(struct removal *r)
{
	enum { AGAIN = 64 };
	struct level *l = &r->levels[r->n - 1];
	auto_free char *name = NULL;
	int why;

	if (reopen_above(r) < 0)
		return -1;
	if (unlinkat(r->n > 1 ? level_fd(r, r->n - 2) : r->parent_fd, l->name, AT_REMOVEDIR) < 0 &&
		errno != ENOENT) {
		/* Some file systems pass over entries when others are removed, and somebody may still be
		 * writing. */
		if ((errno == ENOTEMPTY || errno == EEXIST) && l->emptied++ < AGAIN) {
			rewinddir(l->dir);
			return 0;
		}
		why = errno;
		name = take(l->name);
		drop_top(r);
		return fail(r, why, name);
	}
	drop_top(r);
	return 0;
}

/* Removes a name that may be anything. */
static int remove_entry(struct removal *r, const char *name, unsigned char type)
{
	if (type != DT_DIR) {
		if (unlinkat(top_fd(r), name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return fail(r, errno, name);
	}
	return enter(r, name);
}

static int empty_levels(struct removal *r)
{
	while (r->n > 0) {
		struct dirent *e;

		errno = 0;
		e = readdir(r->levels[r->n - 1].dir);
		if (!e && errno)
			return fail(r, errno, ".");
		if (!e) {
			if (leave(r) < 0)
				return -1;
		} else if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, "..")) {
			if (remove_entry(r, e->d_name, e->d_type) < 0)
				return -1;
		}
	}
	return 0;
}

int path_remove_tree(int dir_fd, const char *name, struct err *err)
{
	auto_close int parent_fd = -1;
	struct removal r = { .err = err };
	const char *base;
	int ret = -1;

	if (path_open_parent(dir_fd, name, &parent_fd, &base) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "remove '%s'", name);
	r.parent_fd = parent_fd;
	if (place_of(parent_fd, &r.parent) < 0)
		return err_sys(err, errno, "remove '%s'", name);
	if (remove_entry(&r, base, DT_UNKNOWN) == 0)
		ret = empty_levels(&r);
	while (r.n > 0)
		drop_top(&r);
	free(r.levels);
	return ret;
}
