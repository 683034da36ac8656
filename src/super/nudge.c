/* nudge.c - an init that crun let go only half.
 *
 * crun's init waits for one byte from a fifo. crun's start opens it, takes its name away, and then writes the byte. When it is killed in
 * between, nobody can find the fifo any more, and the init waits for ever; crun 1.8's turns in circles over it. The byte can still come
 * from us, through the init's own descriptor. One too many does no harm: the init reads one, and what it then becomes has no such
 * descriptor. */
#include "sup.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

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

void unit_nudge(const struct unit *u)
{
	auto_free char *fds = xasprintf("/proc/%d/fd", (int)u->rec.proc.pid);
	auto_closedir DIR *d = opendir(fds);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		auto_close int fd = is_exec_fifo(dirfd(d), e->d_name) ?
					    openat(dirfd(d), e->d_name, O_WRONLY | O_NONBLOCK | O_CLOEXEC) : -1;
		if (fd >= 0 && write(fd, "0", 1) == 1)
			log_info("%s: its start was cut short: it is let go", u->rec.slot);
	}
}
