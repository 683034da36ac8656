/* tree.c - the sink that is a directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "attrs.h"
#include "content.h"
#include "dir.h"
#include "walk.h"

struct tree {
	const struct copy_place *to;
	const struct copy_rules *rules;
	struct copy_count *count;
	int *fds;            /* the directories that are open, outermost first */
	size_t n_fds, cap_fds;
	struct stat top;     /* of the first of them */
	char *room;          /* for contents and attributes */
	const struct copy_entry *e;
};

static int here(const struct tree *t)
{
	return t->n_fds ? t->fds[t->n_fds - 1] : t->to->dir_fd;
}

/* ------------------------------------------------------------------ what is not a directory */

static int fill(struct tree *t, int fd, struct err *err)
{
	auto_close int from = copy_reopen(t->e->fd, O_RDONLY);
	const struct stat *st = &t->e->st;
	uint64_t bytes = 0;
	int r;

	if (from < 0)
		return err_sys(err, errno, "open it");
	r = content_copy(from, fd, (uint64_t)st->st_size, (uint64_t)st->st_blocks, t->room, &bytes, err);
	t->count->bytes += bytes;
	if (r < 0 || attrs_own(fd, st, t->rules, err) < 0 || attrs_extended(t->e->fd, fd, t->rules, t->room, err) < 0)
		return -1;
	return attrs_times(fd, st, err);
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
	unlinkat(dir_fd, name, 0);       /* half a file is worse than none */
	return -1;
}

/* Links, devices and fifos. Device nodes of a container that does not know better are harmless: see attrs.c. */
static int make_other(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err)
{
	const struct tree *t = arg;
	const struct stat *st = &t->e->st;
	int r = t->e->link ? symlinkat(t->e->link, dir_fd, name) : mknodat(dir_fd, name, (st->st_mode & S_IFMT) | attrs_mode(st, t->rules), st->st_rdev);

	if (r < 0) {
		*ret_errno = errno;
		return -1;
	}
	if (attrs_named(dir_fd, name, st, t->rules, err) == 0)
		return 0;
	unlinkat(dir_fd, name, 0);
	return -1;
}

/* The earlier one, of the same file, by a way that has no links in it. */
static int open_same(const struct tree *t)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, t->to->dir_fd, t->e->same_as, &how, sizeof how);
}

static int make_same(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err)
{
	const struct tree *t = arg;
	auto_close int fd = open_same(t);
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd >= 0 && linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (fd >= 0 && errno == EEXIST) {
		*ret_errno = errno;
		return -1;
	}
	/* another file system, too many links, or it has gone: then it is a file of its own */
	return S_ISREG(t->e->st.st_mode) ? make_file(arg, dir_fd, name, ret_errno, err) : make_other(arg, dir_fd, name, ret_errno, err);
}

/* ------------------------------------------------------------------ directories */

static int enter(struct tree *t, struct err *err)
{
	auto_close int fd = -1;

	if (dir_enter(here(t), t->e->name, &fd, err) < 0)
		return -1;
	if (attrs_own(fd, &t->e->st, t->rules, err) < 0 || attrs_extended(t->e->fd, fd, t->rules, t->room, err) < 0)
		return -1;
	if (!t->top.st_ino && fstat(fd, &t->top) < 0)
		return err_sys(err, errno, "look at it");
	*XGROW(t->fds, t->n_fds, t->cap_fds) = take_fd(&fd);
	return 0;
}

/* What was made in it has changed its time. */
static int leave(void *arg, const struct copy_entry *e, struct err *err)
{
	struct tree *t = arg;
	int r = attrs_times(here(t), &e->st, err);

	close(t->fds[--t->n_fds]);
	return r;
}

static int entry(void *arg, const struct copy_entry *e, struct err *err)
{
	struct tree *t = arg;

	t->e = e;
	if (S_ISDIR(e->st.st_mode))
		return enter(t, err);
	if (e->same_as && dir_put(here(t), e->name, make_same, t, err) == 0)
		return 0;
	if (e->same_as)
		return -1;
	return dir_put(here(t), e->name, S_ISREG(e->st.st_mode) ? make_file : make_other, t, err);
}

static int tree_open(struct tree *t, struct err *err)
{
	fd_raise_limit();
	if (t->to->name)
		return 0;
	return fstat(t->to->dir_fd, &t->top) < 0 ? err_sys(err, errno, "look at '%s'", t->to->shown) : 0;
}

int copy_tree(const struct copy_source *from, const struct copy_place *to, const struct copy_rules *rules, struct copy_count *count,
	      struct err *err)
{
	struct tree t = { .to = to, .rules = rules, .count = count };
	struct copy_sink sink = { .arg = &t, .entry = entry, .leave = leave, .never = &t.top };
	mode_t mask;
	int r;

	if (tree_open(&t, err) < 0)
		return -1;
	mask = umask(0);
	t.room = xmalloc(CONTENT_ROOM);
	r = copy_walk(from, to->name, &sink, count, err);
	umask(mask);
	while (t.n_fds)
		close(t.fds[--t.n_fds]);
	free(t.fds);
	free(t.room);
	return r;
}
