#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "../util/str.h"

typedef int write_fn(void *arg, int fd, struct err *err);

/* What has no name yet goes with whoever is killed; where the file system knows no such files, it has one. */
static int open_beside(const char *output, const char *beside, bool *ret_named)
{
	const char *slash = strrchr(output, '/');
	auto_free char *dir = slash ? xstrndup(output, (size_t)(slash - output) + 1) : xstrdup(".");
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*ret_named = fd < 0;
	return fd >= 0 ? fd : open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
}

static int name_it(int fd, const char *beside, const char *output, bool *named)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);

	if (!*named && linkat(AT_FDCWD, path, AT_FDCWD, beside, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	*named = true;
	return rename(beside, output);
}

static int to_file(const char *output, write_fn *write, void *arg, struct err *err)
{
	auto_free char *beside = NULL;
	auto_close int fd = -1;
	char random[17];
	bool named;

	hash_random_hex(8, random);
	beside = xasprintf("%s.%s", output, random);
	fd = open_beside(output, beside, &named);
	if (fd < 0)
		return err_sys(err, errno, "write '%s'", output);
	if (write(arg, fd, err) == 0 && name_it(fd, beside, output, &named) == 0)
		return 0;
	if (!err->kind)
		err_sys(err, errno, "write '%s'", output);
	if (named)
		unlink(beside);
	return -1;
}

static int to_other(const char *output, write_fn *write, void *arg, struct err *err)
{
	auto_close int fd = open(output, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, errno, "write '%s'", output);
	return write(arg, fd, err);
}

int outfile_write(const char *path, write_fn *write, void *arg, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (path && !STREQ(path, "-"))
		return stat(path, &st) < 0 || S_ISREG(st.st_mode) ? to_file(path, write, arg, err) : to_other(path, write, arg, err);
	if (isatty(STDOUT_FILENO)) {
		err_set(err, ERR_USAGE, "standard output is a terminal: no archive is written to it");
		return err_hint(err, "name a file with -o FILE, or redirect it: > FILE");
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);   /* its own one is where events come, and text of ours */
	return fd < 0 ? err_sys(err, errno, "standard output") : write(arg, fd, err);
}
