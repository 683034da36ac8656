/* logroom.c - what gives way when the disk is full.
 *
 * A container must not wait for a disk: as long as its pipe has room the bytes stay there, then the oldest segments of its own log
 * go, and when there is none left, the oldest bytes in the pipe. How much that was is said in the log as soon as a line fits.
 *
 * A pipe holds at most as many pieces as it has pages, and a piece may be little more than half a page: so a pipe that seems half
 * full may be full. Whether it is, poll(2) knows for who writes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "logwrite.h"

enum { WORTH_DROPPING = 64 * 1024, SCRAP = 64 * 1024 };

static bool takes_no_more(int fd)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);
	auto_close int writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	struct pollfd p = { .fd = writer, .events = POLLOUT };

	return writer >= 0 && poll(&p, 1, 0) == 0;
}

/* *ret_size: how much it can hold; 0: it is no pipe. */
static bool nearly_full(int fd, int *ret_size)
{
	int waiting = 0;

	*ret_size = fcntl(fd, F_GETPIPE_SZ);
	if (*ret_size < 0)
		*ret_size = 0;
	if (!*ret_size || ioctl(fd, FIONREAD, &waiting) < 0)
		return true;
	return waiting >= *ret_size / 16 * 7 || takes_no_more(fd);
}

static int64_t seg_bytes(int dir_fd, uint32_t seq)
{
	int64_t n = 0;

	for (int s = 0; s < LOG_STREAMS; s++) {
		auto_close int fd = seg_open(dir_fd, seq, s, O_RDONLY);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

		n += size > 0 ? size : 0;
	}
	return n;
}

/* The segment that is written to, when it holds enough: it is replaced by an empty one. */
static bool start_over(struct logw *w)
{
	int64_t bytes = w->dir_fd < 0 || !w->seq ? 0 : seg_bytes(w->dir_fd, w->seq);
	uint32_t seq = w->seq;

	if (bytes < WORTH_DROPPING)
		return false;
	if (logw_open_segment(w, seq + 1) < 0) { /* not even for its name: then without the mark that tells of a cut line */
		seg_remove(w->dir_fd, seq + 1);
		w->seq = seq + 1;
	}
	seg_remove(w->dir_fd, seq);
	w->lost.kept += bytes;
	return true;
}

static bool drop_oldest(struct logw *w)
{
	auto_free uint32_t *list = NULL;
	size_t n;

	if (w->dir_fd < 0 || seg_list(w->dir_fd, &list, &n) < 0)
		return false;
	if (!n || list[0] >= w->seq)
		return start_over(w);
	w->lost.kept += seg_bytes(w->dir_fd, list[0]);
	seg_remove(w->dir_fd, list[0]);
	return true;
}

/* A quarter of what the pipe holds, or what was read from a terminal. */
static bool drop_waiting(struct logw *w, struct out *o, int fd, int pipe_size)
{
	char scrap[SCRAP];
	int64_t n = 0;
	ssize_t got = 1;

	if (!pipe_size) {
		n = (int64_t)o->pending.len;
		buf_consume(&o->pending, o->pending.len);
	}
	while (n < pipe_size / 4 && got > 0) {
		got = read(fd, scrap, sizeof scrap);
		n += got > 0 ? got : 0;
	}
	w->lost.waiting += n;
	o->torn |= n > 0;
	return n > 0;
}

bool logw_make_room(struct logw *w, int fd, int stream)
{
	int pipe_size;

	if (!w->why || !nearly_full(fd, &pipe_size))
		return false;
	if ((w->why == ENOSPC || w->why == EDQUOT) && drop_oldest(w))
		return true;
	return drop_waiting(w, &w->out[stream - 1], fd, pipe_size);
}

void logw_tell_loss(struct logw *w)
{
	char kept[24], waiting[24], text[160];

	if ((!w->lost.kept && !w->lost.waiting) || w->out[1].pending.len)
		return;
	str_human_size((double)w->lost.kept, kept);
	str_human_size((double)w->lost.waiting, waiting);
	if (!w->lost.waiting)
		snprintf(text, sizeof text, "davit: no room on the log's disk: %s of older log dropped", kept);
	else if (!w->lost.kept)
		snprintf(text, sizeof text, "davit: no room on the log's disk: %s of output dropped here", waiting);
	else
		snprintf(text, sizeof text, "davit: no room on the log's disk: %s of older log and %s of output dropped", kept, waiting);
	w->lost.kept = w->lost.waiting = 0;
	logw_queue_note(w, text);
}
