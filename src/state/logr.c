/* logr.c - reading a log forwards.
 *
 * The index is read in blocks; each record lets the reader take that many bytes of its stream, out of a
 * window read ahead with pread(2) and searched with memchr(3). Lines are given from the window itself.
 * Nothing in the index is believed: a record that is no record is passed over, one that overlaps what was
 * taken is trimmed, one that leaves a gap gets the gap too, and the file's real end bounds all.
 *
 * Where the segment before is not known, because it was dropped, a stream may begin with the rest of a line.
 * The segment's mark says so, and that rest is passed over - LOG_LINE_MAX of it at most, as longer lines come
 * in pieces anyway and a stream without newlines is to be seen, too.
 *
 * The reader takes no lock and may be older than everything in the directory: it holds its segment open, so a
 * segment that is dropped is still read to its end, and a log that was removed and made again is noticed by
 * its directory's link count. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "logread.h"

/* ------------------------------------------------------------------ segments and the index */

void logr_close_segment(struct logr *r)
{
	if (r->idx_wd >= 0)
		inotify_rm_watch(r->ino, r->idx_wd);
	r->idx_wd = -1;
	if (r->idx_fd >= 0)
		close(r->idx_fd);
	r->idx_fd = -1;
	for (int s = 0; s < LOG_STREAMS; s++) {
		if (r->st[s].fd >= 0)
			close(r->st[s].fd);
		r->st[s].fd = -1;
	}
}

static int add_watch(const struct logr *r, int fd, uint32_t mask)
{
	char path[40];

	if (r->ino < 0 || fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return inotify_add_watch(r->ino, path, mask);
}

bool logr_open_segment(struct logr *r, uint32_t seq)
{
	logr_close_segment(r);
	r->seq = seq;
	r->idx_at = 0;
	r->n_recs = r->next_rec = 0;
	r->cur = -1;
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct log_stream *st = &r->st[s];

		st->fd = seg_open(r->dir_fd, seq, s, O_RDONLY);
		st->len = st->scan; /* all of the segment before was taken */
		st->file_end = st->covered = 0;
		st->broken = false;
	}
	r->idx_fd = seg_open(r->dir_fd, seq, -1, O_RDONLY);
	r->lost = r->idx_fd < 0;
	if (r->lost && errno == ENOENT)
		logr_close_segment(r); /* being dropped: it would not be whole */
	r->idx_wd = add_watch(r, r->idx_fd, IN_MODIFY);
	return r->idx_fd >= 0;
}

/* The next valid record. False: there is none for now. */
static bool next_record(struct logr *r, struct log_rec *ret)
{
	for (;;) {
		ssize_t n;

		while (r->next_rec < r->n_recs) {
			*ret = r->recs[r->next_rec++];
			if (log_rec_valid(ret))
				return true;
			log_rec_clock(ret, &r->skew);
		}
		if (r->idx_fd < 0)
			return false;
		if (!r->recs)
			r->recs = xcalloc(LOG_IDX_BLOCK, sizeof *r->recs);
		n = pread(r->idx_fd, r->recs, LOG_IDX_BLOCK * sizeof *r->recs, r->idx_at);
		if (n < (ssize_t)sizeof *r->recs)
			return false;
		r->n_recs = (size_t)n / sizeof *r->recs;
		r->next_rec = 0;
		r->idx_at += (int64_t)(r->n_recs * sizeof *r->recs);
	}
}

/* ------------------------------------------------------------------ lines */

void log_stream_room(struct log_stream *st, size_t n)
{
	if (st->head) {
		memmove(st->buf, st->buf + st->head, st->len - st->head);
		st->len -= st->head;
		st->scan -= st->head;
		st->head = 0;
	}
	if (st->cap - st->len >= n)
		return;
	st->cap = st->len + n;
	st->buf = xrealloc_array(st->buf, st->cap, 1);
}

/* Reads ahead. False: the file has no more. */
static bool fill(struct log_stream *st)
{
	ssize_t n;

	if (st->fd < 0)
		return false;
	log_stream_room(st, LOG_WINDOW);
	do
		n = pread(st->fd, st->buf + st->len, st->cap - st->len, st->file_end);
	while (n < 0 && errno == EINTR);
	st->broken = n < 0;
	if (n <= 0)
		return false;
	st->len += (size_t)n;
	st->file_end += n;
	return true;
}

int64_t log_scan_at(const struct log_stream *st)
{
	return st->file_end - (int64_t)(st->len - st->scan);
}

/* What is looked at next begins a line, or the next piece of a very long one. */
static void log_line_begins(const struct logr *r, struct log_stream *st)
{
	st->begin_seq = r->seq;
	st->begin_at = log_scan_at(st);
}

bool logr_in_range(const struct logr *r, int64_t at_ns, int64_t key_ns)
{
	const struct log_range *g = &r->range;

	return (g->since_steady ? key_ns : at_ns) >= g->since_ns &&
	       (!g->until_ns || (g->until_steady ? key_ns : at_ns) <= g->until_ns);
}

/* Whether another reader, where this one goes on, has given what ends here. */
static bool given_before(const struct logr *r, int s)
{
	uint32_t seq = r->resumed.at[s].seq;

	return r->seq < seq || (r->seq == seq && log_scan_at(&r->st[s]) <= r->resumed.at[s].offset);
}

/* The line from head to end, when it is wanted. `next` is where the following one begins. */
static bool give(struct logr *r, int s, size_t end, size_t next, bool partial, struct log_line *ret)
{
	struct log_stream *st = &r->st[s];

	*ret = (struct log_line){.at_ns = st->line_at,
		.key_ns = st->line_key,
		.stream = s + 1,
		.text = st->buf + st->head,
		.len = end - st->head,
		.partial = partial};
	st->head = next;
	log_line_begins(r, st);
	if (given_before(r, s))
		return false;
	if (r->drop && (r->cur < 0 || logr_in_range(r, r->cur_at, r->cur_key))) { /* one of those that were counted */
		if (!partial)
			r->drop--;
		return false;
	}
	return logr_in_range(r, st->line_at, st->line_key);
}

/* Passes over the rest of a line, as far as it is within the next n bytes. */
static void skip_rest(struct log_stream *st, size_t n)
{
	const char *from = st->buf + st->scan, *nl;

	if ((int64_t)n > st->skip)
		n = (size_t)st->skip;
	nl = memchr(from, '\n', n);
	st->skip = nl ? 0 : st->skip - (int64_t)n;
	st->scan += nl ? (size_t)(nl - from) + 1 : n;
	st->head = st->scan;
}

/* The newline behind what was given without one is no line of its own. */
static bool ends_flushed(const struct logr *r, struct log_stream *st)
{
	bool ends = st->flushed && st->buf[st->scan] == '\n';

	st->flushed = false;
	if (!ends)
		return false;
	st->head = ++st->scan;
	log_line_begins(r, st);
	return true;
}

/* The next wanted line within the current record. False: the record has no more. */
static bool scan_record(struct logr *r, struct log_line *ret)
{
	int s = r->cur;
	struct log_stream *st = &r->st[s];

	for (;;) {
		int64_t left = r->cur_end - log_scan_at(st);
		size_t avail = st->len - st->scan;
		const char *nl;

		if (left <= 0)
			return false;
		if (!avail) {
			if (fill(st))
				continue;
			st->covered = log_scan_at(st); /* the index promised more than there is */
			return false;
		}
		if ((int64_t)avail > left)
			avail = (size_t)left;
		if (st->skip) {
			skip_rest(st, avail);
			continue;
		}
		if (ends_flushed(r, st))
			continue;
		if (avail > LOG_LINE_MAX - (st->scan - st->head))
			avail = LOG_LINE_MAX - (st->scan - st->head);
		if (!st->in_line) {
			st->line_at = r->cur_at;
			st->line_key = r->cur_key;
			log_line_begins(r, st);
		}
		st->in_line = true;
		st->stale = false;
		nl = memchr(st->buf + st->scan, '\n', avail);
		if (nl) {
			size_t end = (size_t)(nl - st->buf);

			st->scan = end + 1;
			st->in_line = false;
			if (give(r, s, end, end + 1, false, ret))
				return true;
			continue;
		}
		st->scan += avail;
		if (st->scan - st->head == LOG_LINE_MAX && give(r, s, st->scan, st->scan, true, ret))
			return true;
	}
}

/* Makes a record the current one. */
static void take_record(struct logr *r, int s, int64_t end, int64_t at_ns)
{
	if (end <= r->st[s].covered)
		return;
	r->st[s].covered = end;
	r->cur = s;
	r->cur_end = end;
	r->cur_at = at_ns;
	r->cur_key = at_ns + r->skew;
}

/* Bytes that the index does not know (the writer was killed, or the index is damaged) are taken with the
 * file's time. */
static bool take_uncovered(struct logr *r)
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct log_stream *st = &r->st[s];
		struct stat f;

		if (st->fd < 0 || st->broken || fstat(st->fd, &f) < 0 || f.st_size <= st->covered)
			continue;
		take_record(r, s, f.st_size, (int64_t)f.st_mtim.tv_sec * SEC_NS + f.st_mtim.tv_nsec);
		return true;
	}
	return false;
}

/* What is left of a line whose end will not come (now). */
static bool flush_partial(struct logr *r, struct log_line *ret)
{
	while (r->flushing < LOG_STREAMS) {
		int s = r->flushing++;
		struct log_stream *st = &r->st[s];

		if (!st->in_line || st->scan == st->head || st->stale)
			continue;
		st->in_line = false;
		st->flushed = true;
		if (r->drop) { /* it is one of the lines that were counted */
			r->drop--;
			st->head = st->scan;
			continue;
		}
		if (give(r, s, st->scan, st->scan, true, ret))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ following */

static void watch_dir(struct logr *r)
{
	if (r->dir_wd >= 0)
		inotify_rm_watch(r->ino, r->dir_wd);
	r->dir_wd = add_watch(r, r->dir_fd, IN_CREATE | IN_MOVED_TO);
}

int logr_fd(struct logr *r, struct err *err)
{
	int first;

	if (r->ino >= 0)
		return r->ino;
	r->ino = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->ino < 0)
		return err_sys(err, errno, "watch the log of '%s'", r->slot);
	/* A watch that is taken away is an event: so the descriptor starts readable, and what happened before
	 * it was made is not missed. */
	first = add_watch(r, r->logs_fd, IN_CREATE);
	inotify_rm_watch(r->ino, first);
	if (add_watch(r, r->logs_fd, IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0) {
		close(r->ino);
		r->ino = -1;
		return err_sys(err, errno, "watch the log of '%s'", r->slot);
	}
	watch_dir(r);
	r->idx_wd = add_watch(r, r->idx_fd, IN_MODIFY);
	return r->ino;
}

static void drain_events(struct logr *r)
{
	char events[4096];

	while (r->ino >= 0 && read(r->ino, events, sizeof events) > 0)
		;
}

/* Opens the slot's directory when there is one that was not opened yet. */
static bool open_dir(struct logr *r)
{
	struct stat st;
	int fd;

	if (r->dir_fd >= 0 && (fstat(r->dir_fd, &st) < 0 || st.st_nlink > 0))
		return false;
	fd = seg_open_dir(r->logs_fd, r->slot);
	if (fd < 0)
		return false;
	if (r->dir_fd >= 0)
		close(r->dir_fd);
	r->dir_fd = fd;
	watch_dir(r);
	return true;
}

/* What comes next does not follow what was read: unfinished lines will not be finished, so those that are to
 * be given are given now. True: *ret is one. */
static bool break_off(struct logr *r, unsigned cuts, struct log_line *ret)
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct log_stream *st = &r->st[s];

		st->skip = cuts >> s & 1 ? LOG_LINE_MAX : 0;
		if (!st->stale && st->head < st->scan)
			continue;
		st->stale = st->in_line = false;
		st->head = st->scan;
	}
	r->flushing = 0;
	return flush_partial(r, ret);
}

/* Goes to the next segment, when the current one is at its end. 1: there are records again, 0: no, 2: a line
 * was flushed. */
static int next_segment(struct logr *r, struct log_line *ret)
{
	struct log_rec rec;
	uint32_t seq = r->dir_fd >= 0 ? seg_after(r->dir_fd, r->seq) : 0;
	unsigned cuts;
	bool follows;

	if (!seq) {
		if (!open_dir(r))
			return 0;
		r->seq = 0;
		logr_close_segment(r);
		return break_off(r, 0, ret) ? 2 : 1;
	}
	/* The writer is in the next one, so what it added here since we looked is the last. */
	if (next_record(r, &rec)) {
		r->next_rec--;
		return 1;
	}
	if (take_uncovered(r))
		return 1;
	follows = seq == r->seq + 1 && !r->lost;
	r->missed += seq - r->seq - 1 + r->lost;
	logr_open_segment(r, seq);
	if (follows)
		return 1;
	seg_mark(r->idx_fd, &cuts);
	return break_off(r, cuts, ret) ? 2 : 1;
}

int logr_next(struct logr *r, bool flush, struct log_line *ret, struct err *err)
{
	struct log_rec rec;

	if (r->cur < 0 && r->next_rec == r->n_recs)
		drain_events(r);
	for (;;) {
		int rc;

		if (r->flushing < LOG_STREAMS && flush_partial(r, ret))
			return 1;
		if (r->cur >= 0) {
			if (scan_record(r, ret))
				return 1;
			r->cur = -1;
		}
		if (next_record(r, &rec)) {
			take_record(r, rec.stream, (int64_t)rec.offset + rec.len, rec.at_ns);
			continue;
		}
		rc = next_segment(r, ret);
		if (rc == 2)
			return 1;
		if (rc == 1 || (flush && take_uncovered(r)))
			continue;
		if (!flush)
			return 0;
		r->flushing = 0;
		return flush_partial(r, ret);
	}
}
