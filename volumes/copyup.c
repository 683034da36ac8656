/* copyup.c - the first use of a volume: what the image has at the target becomes the volume's content.
 *
 * As docker does it, an empty volume is filled whenever a container is made with it. A file `filling` beside
 * _data says that a copy is under way: found by the next one, the copy before it was cut short, so _data is
 * emptied first. A flock on the volume's directory keeps two containers that share the volume from filling it
 * both. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "store.h"

enum { FILL_LOCK_MS = 300000 }; /* another's copy may be of gigabytes; the worker has its own deadline */

/* Calls path_remove_tree() on all in it, or with remove false only looks. 1: it has entries, 0: it is empty,
 * -1. */
static int entries(int dir_fd, bool remove, struct err *err)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int found = 0;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err_sys(err, errno, "list its data");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir))) {
		if (STREQ(e->d_name, ".") || STREQ(e->d_name, ".."))
			continue;
		found = 1;
		if (!remove)
			break;
		if (path_remove_tree(dir_fd, e->d_name, err) < 0)
			return -1;
	}
	return found;
}

/* Whether there is something to do: 1, 0, -1. An interrupted copy is undone. */
static int wants_filling(int vol_fd, int data_fd, struct err *err)
{
	int rc;

	if (faccessat(vol_fd, "filling", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return entries(data_fd, true, err) < 0 ? -1 : 1;
	rc = entries(data_fd, false, err);
	return rc < 0 ? -1 : !rc;
}

static int fill(int vol_fd, int data_fd, int src_fd, struct err *err)
{
	auto_close int mark = openat(vol_fd, "filling", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (mark < 0)
		return err_sys(err, errno, "mark it as being filled");
	if (tree_copy(src_fd, data_fd, err) < 0)
		return -1;
	if (unlinkat(vol_fd, "filling", 0) < 0)
		return err_sys(err, errno, "mark it as filled");
	return 0;
}

static int copyup(struct vol_store *s, const char *name, int src_fd, struct err *err)
{
	auto_close int vol_fd = vol_dir(s, name), data_fd = -1, lock = -1;
	int rc;

	if (vol_fd < 0)
		return err_sys(err, errno, "open it");
	if (vol_lock(vol_fd, NULL, FILL_LOCK_MS, "the volume", &lock, err) < 0)
		return -1;
	data_fd = openat(vol_fd, "_data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (data_fd < 0)
		return err_sys(err, errno, "open its data");
	rc = wants_filling(vol_fd, data_fd, err);
	return rc <= 0 ? rc : fill(vol_fd, data_fd, src_fd, err);
}

int vol_copyup(struct vol_store *s, const char *name, int root_fd, const char *target, struct err *err)
{
	auto_close int src_fd = -1;

	if (vol_name_check(name, err) < 0)
		return -1;
	src_fd = path_open_in_root(root_fd, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (src_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (src_fd < 0)
		return err_sys(err, errno, "volume '%s': open '%s' in the image", name, target);
	if (copyup(s, name, src_fd, err) < 0)
		return err_wrap(err, "fill volume '%s' from '%s' of the image", name, target);
	return 0;
}
