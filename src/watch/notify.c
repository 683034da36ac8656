#include "notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "rule.h"

enum {
	EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK |
		 IN_DONT_FOLLOW,
	READ_BYTES = 64 << 10,
	DEPTH_MAX = 256,
};

struct dir {
	int wd;
	char *path;
	bool whole;          /* all in it matters, not only the names of roots */
};

struct notify {
	int fd;
	notify_wanted_fn *wanted;
	void *arg;
	struct strs roots;
	struct map dirs;             /* watch descriptor as text → struct dir * */
	struct map known;            /* files that there are → the look at which they were met; NULL: gone since */
	size_t n_gone;
	uintptr_t look;
	struct map pending;
};

static void dir_free(void *p)
{
	struct dir *d = p;

	if (!d)
		return;
	free(d->path);
	free(d);
}

static char *key_of(int wd, char room[static 16])
{
	snprintf(room, 16, "%d", wd);
	return room;
}

int notify_open(notify_wanted_fn *wanted, void *arg, struct notify **ret, struct err *err)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0) {
		err_sys(err, errno, "watch files");
		return errno == EMFILE ? err_hint(err, "sysctl fs.inotify.max_user_instances says how many programs may") : -1;
	}
	*ret = xcalloc(1, sizeof **ret);
	**ret = (struct notify){ .fd = fd, .wanted = wanted, .arg = arg, .look = 1 };
	return 0;
}

void notify_close(struct notify *n)
{
	if (!n)
		return;
	close(n->fd);
	strs_done(&n->roots);
	map_done(&n->dirs, dir_free);
	map_done(&n->known, NULL);
	map_done(&n->pending, NULL);
	free(n);
}

/* ------------------------------------------------------------------ what there is */

static void tell(struct notify *n, const char *path)
{
	map_set(&n->pending, path, n);
}

/* The names of files that are gone stay until they are the most: a map closes up behind each that is removed. */
static void forget_gone(struct notify *n)
{
	struct map left = { 0 };

	if (n->n_gone < 1024 || n->n_gone < n->known.n / 2)
		return;
	map_each(&n->known, it)
		if (it->value)
			map_set(&left, it->key, it->value);
	map_done(&n->known, NULL);
	n->known = left;
	n->n_gone = 0;
}

static void forget(struct notify *n, const char *path)
{
	if (map_get(&n->known, path) && ++n->n_gone)
		map_set(&n->known, path, NULL);
}

static int remember(struct notify *n, const char *path, struct err *err)
{
	if (n->known.n - n->n_gone >= NOTIFY_FILES_MAX) {
		err_set(err, ERR_INPUT, "there are more than %d files to watch", NOTIFY_FILES_MAX);
		return err_hint(err, "'ignore' of the rules, or .dockerignore, leave out what is not needed");
	}
	if (map_has(&n->known, path) && !map_get(&n->known, path))
		n->n_gone--;
	map_set(&n->known, path, (void *)n->look);
	return 0;
}

static int cannot_watch(int errnum, const char *path, struct err *err)
{
	err_sys(err, errnum, "watch '%s'", path);
	if (errnum == ENOSPC)
		err_hint(err, "there are more directories than sysctl fs.inotify.max_user_watches allows; 'ignore' leaves some out");
	return -1;
}

/* 1: it is gone again, or no directory. */
static int watch_dir(struct notify *n, const char *path, bool whole, struct err *err)
{
	int wd = inotify_add_watch(n->fd, path, EVENTS);
	char room[16];
	struct dir *d;

	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : cannot_watch(errno, path, err);
	d = map_get(&n->dirs, key_of(wd, room));
	if (!d) {
		d = xcalloc(1, sizeof *d);
		d->wd = wd;
		map_set(&n->dirs, room, d);
	}
	free(d->path);
	d->path = xstrdup(path);
	d->whole |= whole;
	return 0;
}

static int add_tree(struct notify *n, const char *path, bool say, unsigned depth, struct err *err);

static int add_entry(struct notify *n, const char *path, bool is_dir, bool say, unsigned depth, struct err *err)
{
	if (!n->wanted(n->arg, path, is_dir))
		return 0;
	if (say)
		tell(n, path);
	return is_dir ? add_tree(n, path, say, depth + 1, err) : remember(n, path, err);
}

static bool is_dir_at(int dir_fd, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* The watch first: what is made while the directory is read is told twice rather than never. */
static int add_tree(struct notify *n, const char *path, bool say, unsigned depth, struct err *err)
{
	auto_closedir DIR *d = NULL;
	int r = depth > DEPTH_MAX ? 1 : watch_dir(n, path, true, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	d = opendir(path);
	for (struct dirent *e = d ? readdir(d) : NULL; e && r == 0; e = readdir(d)) {
		auto_free char *child = xasprintf("%s/%s", STREQ(path, "/") ? "" : path, e->d_name);

		if (!STREQ(e->d_name, ".") && !STREQ(e->d_name, ".."))
			r = add_entry(n, child, is_dir_at(dirfd(d), e), say, depth, err);
	}
	return r;
}

static int look_at_root(struct notify *n, const char *root, bool say, struct err *err)
{
	struct stat st;

	if (lstat(root, &st) < 0)
		return 0;
	return add_entry(n, root, S_ISDIR(st.st_mode), say, 0, err);
}

int notify_add(struct notify *n, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	int r = watch_dir(n, parent, false, err);

	if (r > 0) {
		err_set(err, ERR_NOT_FOUND, "'%s' cannot be watched: there is no directory '%s'", path, parent);
		return err_hint(err, "make it, or correct 'path' of the rule");
	}
	strs_add(&n->roots, path);
	return r < 0 ? -1 : look_at_root(n, path, false, err);
}

/* ------------------------------------------------------------------ what happens */

static void drop_watches(struct notify *n, const char *path)
{
	for (size_t i = n->dirs.n; i-- > 0;) {
		struct dir *d = n->dirs.items[i].value;
		char room[16];

		if (!rule_relative(path, d->path))
			continue;
		inotify_rm_watch(n->fd, d->wd);
		dir_free(map_remove(&n->dirs, key_of(d->wd, room)));
	}
}

static void gone_dir(struct notify *n, const char *path)
{
	tell(n, path);
	drop_watches(n, path);
	map_each(&n->known, it)
		if (it->value && rule_relative(path, it->key)) {
			tell(n, it->key);
			it->value = NULL;
			n->n_gone++;
		}
}

static bool is_root(const struct notify *n, const char *path)
{
	return strs_has(&n->roots, path);
}

static int on_dir(struct notify *n, const char *path, uint32_t mask, struct err *err)
{
	if (!n->wanted(n->arg, path, true))
		return 0;
	if (mask & (IN_DELETE | IN_MOVED_FROM))
		gone_dir(n, path);
	if (mask & (IN_CREATE | IN_MOVED_TO)) {
		tell(n, path);
		return add_tree(n, path, true, 0, err);
	}
	return 0;
}

static int on_file(struct notify *n, const char *path, uint32_t mask, struct err *err)
{
	if (!n->wanted(n->arg, path, false))
		return 0;
	tell(n, path);
	if (!(mask & (IN_DELETE | IN_MOVED_FROM)))
		return remember(n, path, err);
	forget(n, path);
	return 0;
}

/* What was there is told, what is there is, and what only was. */
static int look_again(struct notify *n, struct err *err)
{
	n->look++;
	for (size_t i = 0; i < n->roots.n; i++)
		if (look_at_root(n, n->roots.v[i], true, err) < 0)
			return -1;
	map_each(&n->known, it)
		if (it->value && (uintptr_t)it->value != n->look) {
			tell(n, it->key);
			it->value = NULL;
			n->n_gone++;
		}
	return 0;
}

static int on_event(struct notify *n, const struct inotify_event *ev, struct err *err)
{
	auto_free char *path = NULL;
	char room[16];
	struct dir *d;

	if (ev->mask & IN_Q_OVERFLOW)
		return look_again(n, err);
	d = map_get(&n->dirs, key_of(ev->wd, room));
	if (!d)
		return 0;
	if (ev->mask & IN_IGNORED) {
		dir_free(map_remove(&n->dirs, room));
		return 0;
	}
	if (!ev->len)
		return 0;
	path = xasprintf("%s/%s", STREQ(d->path, "/") ? "" : d->path, ev->name);
	if (!d->whole && !is_root(n, path))
		return 0;
	return ev->mask & IN_ISDIR ? on_dir(n, path, ev->mask, err) : on_file(n, path, ev->mask, err);
}

int notify_read(struct notify *n, struct err *err)
{
	auto_free char *room = xmalloc(READ_BYTES);
	ssize_t got;

	while ((got = read(n->fd, room, READ_BYTES)) > 0) {
		for (const char *p = room; p < room + got;) {
			const struct inotify_event *ev = (const void *)p;

			if (on_event(n, ev, err) < 0)
				return -1;
			p += sizeof *ev + ev->len;
		}
	}
	forget_gone(n);
	return got < 0 && errno != EAGAIN && errno != EINTR ? err_sys(err, errno, "read what has changed") : 0;
}

int notify_fd(const struct notify *n)
{
	return n->fd;
}

size_t notify_pending(const struct notify *n)
{
	return n->pending.n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_sorted(const struct map *m, struct strs *ret)
{
	map_each(m, it)
		if (it->value)
			strs_add(ret, it->key);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_text);
}

void notify_take(struct notify *n, struct strs *ret)
{
	take_sorted(&n->pending, ret);
	map_done(&n->pending, NULL);
	n->pending = (struct map){ 0 };
}

void notify_files(const struct notify *n, struct strs *ret)
{
	take_sorted(&n->known, ret);
}
