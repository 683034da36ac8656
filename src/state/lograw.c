/* lograw.c - each stream has a place of its own in its segments: a segment is through when there is a next one and its file has no more. */
#include "lograw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "logseg.h"

struct lograw {
	int logs_fd, dir_fd, ino, dir_wd;
	char *slot;
	unsigned missed;
	struct raw_stream {
		uint32_t seq;            /* 0: none is open */
		int fd;
	} st[LOG_STREAMS];
};

static void add_watch(struct lograw *r, int fd, uint32_t mask, int *wd)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);

	*wd = fd < 0 ? -1 : inotify_add_watch(r->ino, path, mask);
}

/* The slot's directory, when there is one by now. */
static void open_dir(struct lograw *r)
{
	if (r->dir_fd >= 0)
		return;
	r->dir_fd = seg_open_dir(r->logs_fd, r->slot);
	add_watch(r, r->dir_fd, IN_CREATE | IN_MODIFY, &r->dir_wd);
}

static bool open_segment(struct lograw *r, int s, uint32_t seq)
{
	struct raw_stream *st = &r->st[s];
	int fd = seq ? seg_open(r->dir_fd, seq, s, O_RDONLY) : -1;

	if (seq && fd < 0 && errno != ENOENT)
		return false;
	if (st->fd >= 0)
		close(st->fd);
	r->missed += s == 0 && st->seq && seq > st->seq + 1 ? seq - st->seq - 1 : 0;
	st->fd = fd;
	st->seq = seq;
	return fd >= 0;
}

static void go_to_end(struct lograw *r)
{
	uint32_t *seqs;
	size_t n = 0;

	if (r->dir_fd < 0 || seg_list(r->dir_fd, &seqs, &n) < 0)
		return;
	for (int s = 0; n && s < LOG_STREAMS; s++)
		if (open_segment(r, s, seqs[n - 1]))
			lseek(r->st[s].fd, 0, SEEK_END);
	free(seqs);
}

int lograw_open(int logs_fd, const char *slot, int from_end, struct lograw **ret, struct err *err)
{
	struct lograw *r = xcalloc(1, sizeof *r);
	int own = fcntl(logs_fd, F_DUPFD_CLOEXEC, 3), wd;

	*r = (struct lograw){ .logs_fd = own, .dir_fd = -1, .dir_wd = -1, .slot = xstrdup(slot) };
	for (int s = 0; s < LOG_STREAMS; s++)
		r->st[s].fd = -1;
	r->ino = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (own < 0) {
		lograw_close(r);
		return err_sys(err, errno, "open the log of '%s'", slot);
	}
	add_watch(r, own, IN_CREATE, &wd);
	open_dir(r);
	if (from_end)
		go_to_end(r);
	*ret = r;
	return 0;
}

void lograw_close(struct lograw *r)
{
	if (!r)
		return;
	for (int s = 0; s < LOG_STREAMS; s++)
		if (r->st[s].fd >= 0)
			close(r->st[s].fd);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	if (r->ino >= 0)
		close(r->ino);
	if (r->logs_fd >= 0)
		close(r->logs_fd);
	free(r->slot);
	free(r);
}

static size_t read_some(int fd, void *data, size_t n)
{
	ssize_t got;

	if (fd < 0)
		return 0;
	do
		got = read(fd, data, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (size_t)got;
}

size_t lograw_read(struct lograw *r, int stream, void *data, size_t n)
{
	struct raw_stream *st = &r->st[stream - 1];

	open_dir(r);
	if (r->dir_fd < 0)
		return 0;
	for (;;) {
		size_t got = read_some(st->fd, data, n);
		uint32_t next;

		if (got)
			return got;
		next = seg_after(r->dir_fd, st->seq);
		if (!next)
			return 0;
		/* the writer is in the next one: what it added here meanwhile is the last */
		got = read_some(st->fd, data, n);
		if (got)
			return got;
		if (!open_segment(r, stream - 1, next) && st->seq != next)
			return 0;
	}
}

int lograw_fd(const struct lograw *r)
{
	return r->ino;
}

void lograw_heard(struct lograw *r)
{
	char events[4096];

	while (r->ino >= 0 && read(r->ino, events, sizeof events) > 0)
		;
}

uint32_t lograw_segment(const struct lograw *r)
{
	uint32_t a = r->st[0].seq, b = r->st[1].seq;

	return a < b ? a : b;
}

unsigned lograw_missed(const struct lograw *r)
{
	return r->missed;
}
