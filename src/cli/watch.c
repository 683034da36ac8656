#include "watch.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/str.h"

int watch_open(const struct pdirs *p, int *ret_fd, struct err *err)
{
	auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return err_sys(err, errno, "watch project '%s'", p->name);
	if (inotify_add_watch(fd, p->state,
			      IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF |
				      IN_MOVE_SELF) < 0)
		return err_sys(err, errno, "watch '%s'", p->state);
	*ret_fd = take_fd(&fd);
	return 0;
}

bool watch_take(int fd)
{
	char room[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t n;

	while ((n = read(fd, room, sizeof room)) > 0) {
		for (char *p = room; p < room + n;) {
			struct inotify_event ev;

			memcpy(&ev, p, sizeof ev);
			if (ev.len == 0 || STREQ(p + offsetof(struct inotify_event, name), "journal"))
				changed = true;
			p += sizeof ev + ev.len;
		}
	}
	return changed;
}
