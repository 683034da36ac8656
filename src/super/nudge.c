/* nudge.c - an init that crun let go only half.
 *
 * crun's init waits for one byte from a fifo. crun's start opens it, takes its name away, and then writes the byte. When it is killed in
 * between, nobody can find the fifo any more, and the init waits for ever; crun 1.8's turns in circles over it. The byte can still come
 * from us, through the init's own descriptor. One too many does no harm: the init reads one, and what it then becomes has no such
 * descriptor.
 *
 * The init reads without waiting, and takes "nothing there yet" (EAGAIN) for the end of its life. It gets that between open and write, ours
 * or those of crun's start, if it looks just then: which it does all the time once somebody has opened the fifo and gone again. Thus its
 * descriptor is made to wait first, through a duplicate of it (pidfd_getfd, Linux 5.6). */
#include "sup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/log.h"
#include "../util/mem.h"

static bool is_exec_fifo(int dir_fd, const char *name)
{
	char target[4096];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = 0;
	return str_ends(target, "/exec.fifo (deleted)");
}

/* Without the right to duplicate it is left as it is: most likely the byte is seen together with its writer. */
static void make_it_wait(int pidfd, int their_fd)
{
	auto_close int fd = (int)syscall(SYS_pidfd_getfd, pidfd, their_fd, 0);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void unit_steady(const struct unit *u)
{
	auto_free char *fds = xasprintf("/proc/%d/fd", (int)u->rec.proc.pid);
	auto_free char *fifo = xasprintf("%s/oci/%s/exec.fifo", u->s->p.run, u->rec.id);
	auto_closedir DIR *d = opendir(fds);
	struct stat want, st;

	if (!d || stat(fifo, &want) < 0)
		return;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_ino == want.st_ino && st.st_dev == want.st_dev)
			make_it_wait(u->pidfd, (int)strtol(e->d_name, NULL, 10));
}

/* What has that name may be anything by now, a device, say, which is neither to be opened nor to be changed. */
static bool let_go(int pidfd, int dir_fd, const char *name)
{
	auto_close int found = openat(dir_fd, name, O_PATH | O_CLOEXEC), fd = -1;
	char path[32];
	struct stat st;

	if (found < 0 || fstat(found, &st) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	make_it_wait(pidfd, (int)strtol(name, NULL, 10));
	snprintf(path, sizeof path, "/proc/self/fd/%d", found);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1;
}

void unit_nudge(const struct unit *u)
{
	auto_free char *fds = xasprintf("/proc/%d/fd", (int)u->rec.proc.pid);
	auto_closedir DIR *d = opendir(fds);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		if (is_exec_fifo(dirfd(d), e->d_name) && let_go(u->pidfd, dirfd(d), e->d_name))
			log_info("%s: its start was cut short: it is let go", u->rec.slot);
	}
}
