/* logr_open.c - a reader's beginning and end: from a range of lines, or from where another one was. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "logread.h"

static int open_dirs(struct logr *r, int logs_fd, struct err *err)
{
	r->logs_fd = fcntl(logs_fd, F_DUPFD_CLOEXEC, 3);
	if (r->logs_fd < 0)
		return err_sys(err, errno, "open the logs");
	r->dir_fd = seg_open_dir(logs_fd, r->slot);
	if (r->dir_fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "open the log of '%s'", r->slot);
	return 0;
}

static int open_reader(int logs_fd, const char *slot, struct logr **ret, struct err *err)
{
	struct logr *r = xcalloc(1, sizeof *r);

	r->slot = xstrdup(slot);
	r->logs_fd = r->dir_fd = r->idx_fd = r->ino = r->dir_wd = r->idx_wd = r->cur = -1;
	r->flushing = LOG_STREAMS;
	for (int s = 0; s < LOG_STREAMS; s++)
		r->st[s].fd = -1;
	if (open_dirs(r, logs_fd, err) < 0) {
		logr_close(r);
		return -1;
	}
	*ret = r;
	return 0;
}

int logr_open(int logs_fd, const char *slot, const struct log_range *range, struct logr **ret, struct err *err)
{
	struct logr *r = NULL;

	if (open_reader(logs_fd, slot, &r, err) < 0)
		return -1;
	r->range = *range;
	if (r->dir_fd >= 0 && (range->tail >= 0 || range->since_ns) && logr_seek(r, range->tail, err) < 0) {
		logr_close(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void logr_close(struct logr *r)
{
	if (!r)
		return;
	logr_close_segment(r);
	for (int s = 0; s < LOG_STREAMS; s++)
		free(r->st[s].buf);
	free(r->recs);
	free(r->slot);
	if (r->ino >= 0)
		close(r->ino);
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	if (r->logs_fd >= 0)
		close(r->logs_fd);
	free(r);
}

/* ------------------------------------------------------------------ cursors */

void logr_cursor(const struct logr *r, struct log_cursor *ret)
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		const struct log_stream *st = &r->st[s];
		bool begun = st->head < st->scan; /* of its line, something was taken and nothing given */

		ret->at[s].seq = begun ? st->begin_seq : r->seq;
		ret->at[s].offset = begun ? st->begin_at : log_scan_at(st);
		if (ret->at[s].seq < r->resumed.at[s].seq) /* still on the way to where it goes on */
			ret->at[s] = r->resumed.at[s];
	}
}

/* From the segment on in which the first of the two streams goes on; what was given of it is left out while reading. */
int logr_resume(int logs_fd, const char *slot, const struct log_cursor *cursor, struct logr **ret, struct err *err)
{
	uint32_t seq = cursor->at[0].seq < cursor->at[1].seq ? cursor->at[0].seq : cursor->at[1].seq;
	struct logr *r = NULL;

	if (open_reader(logs_fd, slot, &r, err) < 0)
		return -1;
	r->resumed = *cursor;
	r->seq = seq ? seq - 1 : 0;
	*ret = r;
	return 0;
}

unsigned logr_missed(struct logr *r)
{
	unsigned n = r->missed;

	r->missed = 0;
	return n;
}

void log_end(int logs_fd, const char *slot, struct log_cursor *ret)
{
	auto_close int dir_fd = seg_open_dir(logs_fd, slot);
	auto_free uint32_t *list = NULL;
	size_t n = 0;

	*ret = (struct log_cursor){ 0 };
	if (dir_fd < 0 || seg_list(dir_fd, &list, &n) < 0 || !n)
		return;
	for (int s = 0; s < LOG_STREAMS; s++) {
		auto_close int fd = seg_open(dir_fd, list[n - 1], s, O_RDONLY);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

		ret->at[s].seq = list[n - 1];
		ret->at[s].offset = size > 0 ? size : 0;
	}
}
