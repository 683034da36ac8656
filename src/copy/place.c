/* place.c - what the two paths of `cp` mean.
 *
 * Source: the engine cleans a path as text first ("a/../b" is "b"), a slash or "/." at its end asks for a directory and follows a link
 * there, "/." asks for its content only. Target (docs.docker.com/reference/cli/docker/container/cp):
 *
 *	source   target            what is made
 *	file     nothing           that file; with a slash at its end: refused
 *	file     file              replaced
 *	file     directory         in it, with the source's name
 *	dir      nothing           that directory, with the source's content
 *	dir      file              refused
 *	dir      directory         in it, with the source's name; with "/." the content only */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "../util/visible.h"

enum { LINKS_MAX = 40 };

struct path {
	char *parent, *base;         /* base NULL: the root */
	bool dir, content;           /* it ends with a slash or a dot; with a dot */
};

static void path_done(struct path *p)
{
	free(p->parent);
	free(p->base);
}

static bool ends_with_dot(const char *text)
{
	return STREQ(text, ".") || str_ends(text, "/.");
}

static void path_split(const struct copy_root *root, const char *text, struct path *ret)
{
	auto_free char *cwd = root->fd == AT_FDCWD ? getcwd(NULL, 0) : NULL;
	auto_free char *clean = path_join(cwd ? cwd : "/", text);
	char *slash = strrchr(clean, '/');

	*ret = (struct path){ .content = ends_with_dot(text), .dir = ends_with_dot(text) || str_ends(text, "/") };
	ret->parent = slash == clean ? xstrdup("/") : xstrndup(clean, (size_t)(slash - clean));
	ret->base = slash[1] ? xstrdup(slash + 1) : NULL;
}

static int open_at(const struct copy_root *root, const char *path, int flags)
{
	if (root->fd == AT_FDCWD)
		return open(path, flags | O_CLOEXEC);
	return path_open_in_root(root->fd, path, flags, 0);
}

static char *show(const struct copy_root *root, const char *path)
{
	auto_free char *seen = visible_copy(path);

	return xasprintf("%s%s", root->name, seen);
}

/* ------------------------------------------------------------------ where from */

static int open_source(const struct copy_root *root, const struct path *p, bool follow)
{
	auto_close int parent = open_at(root, p->parent, O_PATH | O_DIRECTORY);
	auto_free char *whole = xasprintf("%s/%s", p->parent, p->base ? p->base : "");

	if (parent < 0)
		return -1;
	if (!p->base || follow || p->dir)
		return open_at(root, whole, O_PATH | (p->dir ? O_DIRECTORY : 0));
	return openat(parent, p->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int copy_source_open(const struct copy_root *root, const char *path, bool follow, struct copy_source *ret, struct err *err)
{
	struct path p;

	*ret = (struct copy_source){ .fd = -1, .shown = show(root, path) };
	path_split(root, path, &p);
	ret->fd = open_source(root, &p, follow);
	if (ret->fd >= 0 && !p.content)
		ret->name = take(p.base);
	path_done(&p);
	if (ret->fd >= 0 && fstat(ret->fd, &ret->st) == 0)
		return 0;
	if (errno == ENOENT)
		err_set(err, ERR_NOT_FOUND, "'%s' is not there", ret->shown);
	else
		err_sys(err, errno, "open '%s'", ret->shown);
	return -1;
}

void copy_source_done(struct copy_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->name);
	free(s->shown);
	*s = (struct copy_source){ .fd = -1 };
}

/* ------------------------------------------------------------------ where to */

/* Here ".." is not taken away as text: before it there may be a link. It is never a base, since only whole paths are resolved inside the root. */
static void replace_path(struct path *p, char *next)
{
	char *slash;

	for (size_t len = strlen(next); len > 1 && next[len - 1] == '/';)
		next[--len] = '\0';
	slash = strrchr(next, '/');
	free(p->parent);
	free(p->base);
	if (!slash[1] || STREQ(slash, "/.") || STREQ(slash, "/..")) {
		p->parent = xstrdup(next);
		p->base = NULL;
		return;
	}
	p->parent = slash == next ? xstrdup("/") : xstrndup(next, (size_t)(slash - next));
	p->base = xstrdup(slash + 1);
}

/* What a link at the end of the path leads to, until there is none: there may be nothing yet. 0; -1 with errno. */
static int follow_to_end(const struct copy_root *root, struct path *p, int *ret_parent, struct stat *ret_st)
{
	for (int i = 0; i < LINKS_MAX; i++) {
		auto_close int parent = open_at(root, p->parent, O_PATH | O_DIRECTORY);
		char text[PATH_MAX];
		auto_free char *next = NULL;
		ssize_t n;

		if (parent < 0)
			return -1;
		*ret_st = (struct stat){ 0 };
		if (fstatat(parent, p->base ? p->base : ".", ret_st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return -1;
		if (!S_ISLNK(ret_st->st_mode)) {
			*ret_parent = take_fd(&parent);
			return 0;
		}
		n = readlinkat(parent, p->base, text, sizeof text - 1);
		if (n <= 0)
			return -1;
		text[n] = '\0';
		next = *text == '/' ? xstrdup(text) : xasprintf("%s/%s", p->parent, text);
		replace_path(p, next);
	}
	errno = ELOOP;
	return -1;
}

static int not_there(const struct copy_place *at, const struct path *p, struct err *err)
{
	auto_free char *parent = visible_copy(p->parent);

	err_set(err, ERR_NOT_FOUND, "'%s': the directory '%s' is not there", at->shown, parent);
	return err_hint(err, "make it first: cp makes no directories on the way");
}

static int decide(int parent, const struct path *p, const struct stat *st, const struct copy_source *what, struct copy_place *ret, struct err *err)
{
	bool is_dir = S_ISDIR(what->st.st_mode);

	if (S_ISDIR(st->st_mode)) {
		ret->dir_fd = openat(parent, p->base ? p->base : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (ret->dir_fd < 0)
			return err_sys(err, errno, "open '%s'", ret->shown);
		ret->name = xstrdup(what->name);
		return 0;
	}
	if (st->st_mode && is_dir)
		return err_set(err, ERR_INPUT, "'%s' is a directory, which cannot take the place of the file '%s'", what->shown, ret->shown);
	if (st->st_mode && !S_ISREG(st->st_mode))
		return err_set(err, ERR_INPUT, "'%s' is neither a directory nor a regular file: it is not replaced", ret->shown);
	if (!is_dir && p->dir) {
		err_set(err, ERR_NOT_FOUND, st->st_mode ? "'%s' is not a directory" : "the directory '%s' is not there", ret->shown);
		return err_hint(err, "a slash at the end means a directory that is there");
	}
	ret->dir_fd = fcntl(parent, F_DUPFD_CLOEXEC, 3);
	ret->name = xstrdup(p->base);
	return ret->dir_fd < 0 ? err_sys(err, errno, "open '%s'", ret->shown) : 0;
}

int copy_place_open(const struct copy_root *root, const char *path, const struct copy_source *what, struct copy_place *ret, struct err *err)
{
	auto_close int parent = -1;
	struct path p;
	struct stat st;
	int r;

	*ret = (struct copy_place){ .dir_fd = -1, .shown = show(root, path) };
	path_split(root, path, &p);
	if (follow_to_end(root, &p, &parent, &st) == 0)
		r = decide(parent, &p, &st, what, ret, err);
	else if (errno == ENOENT)
		r = not_there(ret, &p, err);
	else
		r = err_sys(err, errno, "open '%s'", ret->shown);
	path_done(&p);
	return r;
}

int copy_place_dir(const struct copy_root *root, const char *path, struct copy_place *ret, struct err *err)
{
	struct path p;

	*ret = (struct copy_place){ .dir_fd = -1, .shown = show(root, path) };
	path_split(root, path, &p);
	p.dir = true;
	ret->dir_fd = open_source(root, &p, true);
	path_done(&p);
	if (ret->dir_fd >= 0)
		return 0;
	err_sys(err, errno, "open '%s'", ret->shown);
	return err_hint(err, "an archive goes into a directory that is there");
}

void copy_place_done(struct copy_place *p)
{
	if (p->dir_fd >= 0)
		close(p->dir_fd);
	free(p->name);
	free(p->shown);
	*p = (struct copy_place){ .dir_fd = -1 };
}
