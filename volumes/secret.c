/* secret.c - secrets and configs as files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../src/util/auto.h"
#include "../src/util/fd.h"
#include "../src/util/hash.h"
#include "../src/util/str.h"
#include "vol.h"

/* Nobody but root may see it before it has its owner and mode, hence 0600 first and the rename last. */
int secret_write(int dir_fd, const char *name, const void *data, size_t n, unsigned uid, unsigned gid,
	unsigned mode, struct err *err)
{
	char tmp[] = ".new-0123456789abcdef";
	auto_close int fd = -1;

	if (!*name || strchr(name, '/') || STREQ(name, ".") || STREQ(name, ".."))
		return err_set(err, ERR_INPUT, "'%s' cannot be the name of a file for a secret", name);
	hash_random_hex(8, tmp + 5);
	fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && fd_write_all(fd, data, n) == 0 && fchown(fd, uid, gid) == 0 &&
		fchmod(fd, mode & 07777) == 0 && renameat(dir_fd, tmp, dir_fd, name) == 0)
		return 0;
	err_sys(err, errno, "write '%s'", name);
	unlinkat(dir_fd, tmp, 0);
	return -1;
}
