/* events_read.c - reading events, from the oldest that are kept to those that come.
 *
 * How it works: one file is open at a time and read up to its end by whole lines. At the end of it, its name is looked at: while that
 * still means the same file, there is no more. Otherwise nobody writes to it any more, so what it has got meanwhile is read, and then
 * comes the file that follows: `events` when ours is events.old now, else everything there is, since ours belonged to a project that
 * is gone. A file that is held open keeps its inode number, so no later one can be mistaken for it.
 *
 * Watches are set before the last look, so that nothing comes unseen. They are on directories: the project's, the one it appears in, or
 * the nearest one above that exists. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

enum { BLOCK = 64 * 1024, LINE_MAX_BYTES = 1 << 20, N_WATCHES = 2, TRIES = 64 };

struct evr {
	char *dir, *projects;
	int fd; /* -1: none was there yet */
	off_t at; /* of buf in the file */
	struct buf buf;
	size_t used;  /* of buf */
	bool final; /* nobody writes to it any more */
	int ino;
	int wd[N_WATCHES];
};

struct evr *evr_new(const char *projects, const char *name, bool live)
{
	struct evr *r = xcalloc(1, sizeof *r);

	r->projects = xstrdup(projects);
	r->dir = xasprintf("%s/%s", projects, name);
	r->fd = -1;
	r->ino = live ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	for (int i = 0; i < N_WATCHES; i++)
		r->wd[i] = -1;
	return r;
}

void evr_free(struct evr *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->ino >= 0)
		close(r->ino);
	buf_done(&r->buf);
	free(r->dir);
	free(r->projects);
	free(r);
}

int evr_fd(const struct evr *r)
{
	return r->ino;
}

/* --- which file --- */

static int open_named(const struct evr *r, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", r->dir, name);

	return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* Whether the name means the file that is open now. */
static bool is_ours(const struct evr *r, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", r->dir, name);
	struct stat a, b;

	return r->fd >= 0 && fstat(r->fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static bool take_file(struct evr *r, int fd)
{
	if (fd < 0)
		return false;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->at = 0;
	r->used = 0;
	buf_consume(&r->buf, r->buf.len);
	r->final = false;
	return true;
}

static bool open_first(struct evr *r)
{
	return take_file(r, open_named(r, "events.old")) || take_file(r, open_named(r, "events"));
}

/* The current file is read to its end. True: there may be more. */
static bool move_on(struct evr *r)
{
	int fd;

	if (r->fd < 0)
		return open_first(r);
	if (is_ours(r, "events"))
		return false;
	if (!r->final) {
		r->final = true;
		return true;
	}
	if (!is_ours(r, "events.old"))
		return open_first(r);
	fd = open_named(r, "events");
	if (fd >= 0 && !is_ours(r, "events.old")) {        /* turned over once more in between */
		close(fd);
		return open_first(r);
	}
	return take_file(r, fd);
}

/* --- lines --- */

/* Reads on behind buf; what was taken of it goes. */
static bool fill(struct evr *r)
{
	ssize_t n;

	if (r->fd < 0)
		return false;
	buf_consume(&r->buf, r->used);
	r->at += (off_t)r->used;
	r->used = 0;
	if (r->buf.len > LINE_MAX_BYTES) {                 /* no line of ours: on behind it */
		r->at += (off_t)r->buf.len;
		buf_consume(&r->buf, r->buf.len);
	}
	n = pread(r->fd, buf_room(&r->buf, BLOCK), BLOCK, r->at + (off_t)r->buf.len);
	if (n > 0)
		r->buf.len += (size_t)n;
	if (n <= 0)                                        /* a torn line may be cut off and written again */
		buf_consume(&r->buf, r->buf.len);
	return n > 0;
}

static bool take_line(struct evr *r, json_t **ret)
{
	const char *line = r->buf.p ? r->buf.p + r->used : NULL;
	const char *nl = line ? memchr(line, '\n', r->buf.len - r->used) : NULL;

	if (!nl)
		return false;
	r->used += (size_t)(nl - line) + 1;
	*ret = NULL;
	if (jx_parse(line, (size_t)(nl - line), ret, NULL) == 0 && !json_is_object(*ret)) {
		json_decref(*ret);
		*ret = NULL;
	}
	return true;
}

/* --- watches --- */

static int watch(const struct evr *r, const char *path)
{
	return inotify_add_watch(r->ino, path,
		IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

/* The directory that will tell when `path` appears: itself, or the nearest above it. */
static int watch_near(const struct evr *r, const char *path)
{
	auto_free char *p = xstrdup(path);
	int wd;

	while ((wd = watch(r, p)) < 0 && errno == ENOENT) {
		char *slash = strrchr(p, '/');

		if (!slash || slash == p)
			return watch(r, "/");
		*slash = 0;
	}
	return wd;
}

/* Takes the news that have come. True: another directory is watched than before, and below it one may have appeared meanwhile. */
static bool take_news(struct evr *r)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int wd[N_WATCHES];
	bool changed = false;

	if (r->ino < 0)
		return false;
	while (read(r->ino, room, sizeof room) > 0)
		;
	wd[0] = watch_near(r, r->projects);
	wd[1] = watch(r, r->dir);
	for (int i = 0; i < N_WATCHES; i++) {
		changed |= wd[i] != r->wd[i];
		if (r->wd[i] >= 0 && r->wd[i] != wd[0] && r->wd[i] != wd[1])
			inotify_rm_watch(r->ino, r->wd[i]);
	}
	memcpy(r->wd, wd, sizeof wd);
	return changed;
}

/* --- all of it --- */

int evr_next(struct evr *r, json_t **ret)
{
	bool last_look = r->ino < 0;

	for (;;) {
		while (take_line(r, ret))
			if (*ret)
				return 1;
		if (fill(r) || move_on(r))
			continue;
		if (last_look)
			return 0;
		for (int i = 0; i < TRIES && take_news(r); i++)
			;
		last_look = true;
	}
}

void evr_skip(struct evr *r)
{
	json_t *j;

	while (evr_next(r, &j) == 1)
		json_decref(j);
}
