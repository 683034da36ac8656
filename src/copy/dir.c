/* dir.c - making and replacing by one name in a directory that others may write to at the same time. */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/hash.h"

int dir_why(int errnum, const char *what, struct err *err)
{
	err_sys(err, errnum, "%s", what);
	if (errnum == EROFS)
		err_hint(err, "it is read-only there; a container with 'read_only: true' can be written to in its volumes and tmpfs only");
	if (errnum == EBUSY)
		err_hint(err, "something is mounted there (a bind mount, a config, /etc/hosts), and a mount cannot be replaced; change its source");
	return -1;
}

/* Beside, then over it: who looks sees the old one or the new one, and when something fails the old one is still there. */
static int replace(int dir_fd, const char *name, make_fn *make, void *arg, struct err *err)
{
	char beside[32], random[17];
	int errnum = 0;

	hash_random_hex(8, random);
	snprintf(beside, sizeof beside, ".davit-%s", random);
	if (make(arg, dir_fd, beside, &errnum, err) < 0)
		return errnum ? dir_why(errnum, "make it", err) : -1;
	if (renameat(dir_fd, beside, dir_fd, name) == 0) {
		unlinkat(dir_fd, beside, 0);     /* two names of one file stay two: rename(2) */
		return 0;
	}
	errnum = errno;
	unlinkat(dir_fd, beside, 0);
	return dir_why(errnum, "replace it", err);
}

int dir_put(int dir_fd, const char *name, make_fn *make, void *arg, struct err *err)
{
	struct stat st;
	int errnum = 0;

	if (make(arg, dir_fd, name, &errnum, err) == 0)
		return 0;
	if (errnum == 0)
		return -1;
	if (errnum != EEXIST)
		return dir_why(errnum, "make it", err);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		err_set(err, ERR_EXISTS, "a directory is in its place, and a file does not replace one");
		return err_hint(err, "remove the directory first, if it is not needed");
	}
	return replace(dir_fd, name, make, arg, err);
}

int dir_enter(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		return dir_why(errno, "make the directory", err);
	*ret_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd >= 0)
		return 0;
	if (errno != ENOTDIR && errno != ELOOP)
		return err_sys(err, errno, "open the directory");
	err_set(err, ERR_EXISTS, "a file or a link is in its place, and a directory does not replace one");
	return err_hint(err, "remove it first, if it is not needed");
}
