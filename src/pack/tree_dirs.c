#include "tree_dirs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "name.h"

enum { OPAQUE_BYTES_MAX = 1 << 20, IMPLIED_BYTES_MAX = 1 << 20 };

int tree_open_dir(int dir_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, dir_fd, *path ? path : ".", &how, sizeof how);
}

bool tree_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

int tree_mark_opaque(struct tree *t, const char *path, struct err *err)
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

int tree_clear(int parent_fd, const char *base, struct err *err)
{
	if (unlinkat(parent_fd, base, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_sys(err, errno, "replace it");
	return path_remove_tree(parent_fd, base, err);
}

int tree_count(const struct tree *t, struct err *err)
{
	if (t->entries <= t->limits.entries)
		return 0;
	return err_set(err, ERR_INPUT, "the layer has more than %llu entries", (unsigned long long)t->limits.entries);
}

int tree_make_dir(
	struct tree *t, int parent_fd, const char *base, const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (mkdirat(parent_fd, base, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(err, errno, "make a directory");
	if (fstatat(parent_fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return TREE_THERE;
	if (tree_mark_opaque(t, path, err) < 0)
		return -1;
	if (unlinkat(parent_fd, base, 0) < 0 || mkdirat(parent_fd, base, mode) < 0)
		return err_sys(err, errno, "make a directory");
	return 0;
}

/* Where there are too many of them, the rest stay root's, 0755. */
static void note_implied(struct tree *t, const char *path)
{
	t->implied_bytes += strlen(path) + 1;
	if (t->implied_bytes <= IMPLIED_BYTES_MAX)
		map_set(&t->implied, path, t);
}

void tree_has_entry(struct tree *t, const char *path)
{
	if (map_has(&t->implied, path))
		map_set(&t->implied, path, NULL);
}

/* One step towards a parent: only a missing directory or a whiteout is replaced. */
static int step_down(struct tree *t, int *fd, const char *part, const char *path, struct err *err)
{
	struct stat st;
	int next, r;

	if (fstatat(*fd, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) && !tree_is_whiteout(&st)) {
		auto_free char *shown = name_show(path);
		return err_set(err, ERR_INPUT, "it goes through '%s', which is %s in the same layer", shown,
			S_ISLNK(st.st_mode) ? "a symbolic link" : "not a directory");
	}
	r = tree_make_dir(t, *fd, part, path, 0755, err);
	if (r < 0)
		return -1;
	if (r != TREE_THERE) {
		note_implied(t, path);
		t->entries++;
		if (tree_count(t, err) < 0)
			return -1;
	}
	next = tree_open_dir(*fd, part);
	if (next < 0)
		return err_sys(err, errno, "open a directory");
	close(*fd);
	*fd = next;
	return 0;
}

static int make_parents(struct tree *t, const char *path, int *ret_fd, struct err *err)
{
	auto_close int fd = tree_open_dir(t->root_fd, "");
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

/* What is made in a directory of root's group, without set-group-id and a default ACL, belongs to root and has the mode
 * that was asked for: most entries need no more. */
static bool is_plain(const struct tree *t)
{
	struct stat st;

	return t->plain && fstat(t->parent_fd, &st) == 0 && st.st_gid == 0 && !(st.st_mode & S_ISGID);
}

void tree_forget_parent(struct tree *t)
{
	free(take(t->parent));
	if (t->parent_fd >= 0)
		close(take_fd(&t->parent_fd));
}

int tree_open_parent(struct tree *t, const char *path, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	int fd;

	*ret_base = slash ? slash + 1 : path;
	if (t->parent && STREQ(t->parent, parent))
		return 0;
	tree_forget_parent(t);
	fd = tree_open_dir(t->root_fd, parent);
	if (fd < 0 && make_parents(t, parent, &fd, err) < 0)
		return -1;
	t->parent_fd = fd;
	t->parent = take(parent);
	t->parent_plain = is_plain(t);
	return 0;
}
