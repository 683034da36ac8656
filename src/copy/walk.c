#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "../util/visible.h"
#include "links.h"

/* Younger than some libc's headers, or in none of them. */
#define MAGIC_MQUEUE 0x19800202
#define MAGIC_CONFIGFS 0x62656570
#define MAGIC_FUSECTL 0x65735543

enum { DEPTH_MAX = 1000 };

struct walk {
	const struct copy_source *from;
	const struct copy_sink *sink;
	struct copy_count *count;
	struct buf path;
	struct links links;
	unsigned depth;
};

bool copy_is_kernels(int fd)
{
	static const unsigned long magics[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC,
						DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, PSTOREFS_MAGIC, EFIVARFS_MAGIC,
						SELINUX_MAGIC, BINFMTFS_MAGIC, NSFS_MAGIC, MAGIC_MQUEUE, MAGIC_CONFIGFS, MAGIC_FUSECTL };
	struct statfs sf;

	if (fstatfs(fd, &sf) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if ((unsigned long)sf.f_type == magics[i])
			return true;
	return false;
}

int copy_reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

volatile sig_atomic_t copy_stop;

int copy_stopped(struct err *err)
{
	return copy_stop ? err_set(err, ERR_FAIL, "interrupted") : 0;
}

static int at_entry(const struct walk *w, const char *what, struct err *err)
{
	auto_free char *shown = visible_copy(w->path.len ? w->path.p : ".");

	return err_wrap(err, "%s '%s'", what, shown);
}

static int walk_dir(struct walk *w, const struct copy_entry *dir, struct err *err);

/* A directory whose device is not its parent's is a mount, maybe of the kernel's. */
static int enter(struct walk *w, const struct copy_entry *e, dev_t parent, struct err *err)
{
	const struct stat *never = w->sink->never;
	int r = 0;

	if (never && never->st_ino && never->st_ino == e->st.st_ino && never->st_dev == e->st.st_dev) {
		err_set(err, ERR_INPUT, "it is where the copy goes to");
		return err_hint(err, "copy to a place that is not inside what is copied");
	}
	if (e->st.st_dev != parent && copy_is_kernels(e->fd))
		w->count->kernels++;
	else
		r = walk_dir(w, e, err);
	return r;
}

static int read_link(struct copy_entry *e, char *room, struct err *err)
{
	ssize_t n = readlinkat(e->fd, "", room, PATH_MAX - 1);

	if (n < 0)
		return err_sys(err, errno, "read the link");
	room[n] = '\0';
	e->link = room;
	return 0;
}

/* A regular file of the kernel's file systems may stand anywhere, by a bind mount. */
static bool is_left_out(struct walk *w, const struct copy_entry *e, dev_t parent)
{
	if (S_ISSOCK(e->st.st_mode)) {
		w->count->sockets++;
		return true;
	}
	if (S_ISREG(e->st.st_mode) && e->st.st_dev != parent && copy_is_kernels(e->fd)) {
		w->count->kernels++;
		return true;
	}
	return false;
}

static int tell(struct walk *w, struct copy_entry *e, dev_t parent, struct err *err)
{
	auto_free char *room = NULL;

	if (S_ISLNK(e->st.st_mode) && read_link(e, room = xmalloc(PATH_MAX), err) < 0)
		return at_entry(w, "copy", err);
	if (is_left_out(w, e, parent))
		return 0;
	if (!S_ISDIR(e->st.st_mode) && e->st.st_nlink > 1)
		e->same_as = links_meet(&w->links, &e->st, e->path);
	w->count->entries++;
	if (w->sink->entry(w->sink->arg, e, err) < 0)
		return at_entry(w, "copy", err);
	if (!S_ISDIR(e->st.st_mode))
		return 0;
	if (enter(w, e, parent, err) < 0)
		return -1;
	return w->sink->leave(w->sink->arg, e, err) < 0 ? at_entry(w, "copy", err) : 0;
}

/* What has gone since its directory was read was never there. */
static int walk_child(struct walk *w, int dir_fd, const char *name, dev_t dev, struct err *err)
{
	auto_close int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct copy_entry e = { .fd = fd };
	size_t before = w->path.len;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (copy_stopped(err))
		return -1;
	buf_printf(&w->path, "%s%s", before ? "/" : "", name);
	if (fd < 0 || fstat(fd, &e.st) < 0) {
		err_sys(err, errno, "open it");
		return at_entry(w, "copy", err);
	}
	e.path = w->path.p;
	e.name = w->path.p + (before ? before + 1 : 0);
	r = tell(w, &e, dev, err);
	if (r == 0) {
		w->path.len = before;
		w->path.p[before] = '\0';
	}
	return r;
}

static int walk_dir(struct walk *w, const struct copy_entry *dir, struct err *err)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int r = 0;

	if (!d) {
		err_sys(err, errno, "read the directory");
		if (fd >= 0)
			close(fd);
		return at_entry(w, "copy", err);
	}
	if (++w->depth > DEPTH_MAX) {
		err_set(err, ERR_INPUT, "directories are nested more than %d deep", DEPTH_MAX);
		return at_entry(w, "copy", err);
	}
	for (struct dirent *e; r == 0 && (errno = 0, e = readdir(d));)
		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, ".."))
			r = walk_child(w, fd, e->d_name, dir->st.st_dev, err);
	if (r == 0 && errno != 0) {
		err_sys(err, errno, "read the directory");
		return at_entry(w, "copy", err);
	}
	w->depth--;
	return r;
}

static int kernels_own(const struct copy_source *from, struct err *err)
{
	err_set(err, ERR_INPUT, "'%s' is in a file system of the kernel's own", from->shown);
	return err_hint(err, "its files have no size and no end; read one in the container: davit exec -T SERVICE cat FILE");
}

int copy_walk(const struct copy_source *from, const char *top, const struct copy_sink *sink, struct copy_count *count, struct err *err)
{
	struct walk w = { .from = from, .sink = sink, .count = count };
	struct copy_entry e = { .fd = from->fd, .st = from->st };
	int r;

	if (S_ISSOCK(from->st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is a socket, which cannot be copied", from->shown);
	if (copy_is_kernels(from->fd) && (S_ISREG(from->st.st_mode) || S_ISDIR(from->st.st_mode)))
		return kernels_own(from, err);
	buf_str(&w.path, top ? top : "");
	e.path = e.name = w.path.p;
	if (top || !S_ISDIR(from->st.st_mode))
		r = tell(&w, &e, from->st.st_dev, err);
	else
		r = enter(&w, &e, from->st.st_dev, err);
	buf_done(&w.path);
	links_done(&w.links);
	return r;
}
