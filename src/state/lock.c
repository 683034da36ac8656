/* lock.c - one keeper per project.
 *
 * The last thing `down` does is to remove the lock file and the run directory while it still holds the lock.
 * Who waits at that moment would get a lock on a file that nobody else can find, so what was locked is
 * compared with what the name says. */
#include "dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "../util/auto.h"

enum { TRIES = 8 };

static bool still_there(int fd, int dir_fd)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && fstatat(dir_fd, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

int lock_take(const struct pdirs *p, int *ret_fd, struct err *err)
{
	if (p->run_fd < 0)
		return err_set(err, ERR_NOT_FOUND, "project '%s' has no run directory", p->name);
	for (int i = 0; i < TRIES; i++) {
		auto_close int fd =
			openat(p->run_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return err_sys(err, errno, "open the lock of project '%s'", p->name);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				return err_set(
					err, ERR_BUSY, "project '%s' has a supervisor already", p->name);
			if (errno == EINTR)
				continue;
			return err_sys(err, errno, "lock project '%s'", p->name);
		}
		if (still_there(fd, p->run_fd)) {
			*ret_fd = take_fd(&fd);
			return 0;
		}
	}
	return err_set(
		err, ERR_BUSY, "the lock of project '%s' is removed and made again all the time", p->name);
}

bool lock_is(const struct pdirs *p, int fd)
{
	return p->run_fd >= 0 && still_there(fd, p->run_fd);
}

bool lock_held(const struct pdirs *p)
{
	auto_close int fd = p->run_fd < 0 ? -1 : openat(p->run_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
