/* logw.c - the writer.
 *
 * splice(2) moves bytes from the pipe to the file without a moment in which they are in our memory only, so a
 * SIGKILL loses none (a flood goes by logtee.h, which keeps that); it refuses O_APPEND files, hence the position is set once at the end. What is no pipe
 * (a pty) is read and written instead. The index record follows its bytes; when it cannot be written the next
 * one covers them, too.
 *
 * Rotation would like to find both streams at the end of a line: from 7/8 of max_bytes on it takes such a
 * moment, at max_bytes it takes any. Readers join a line that is cut by it; those that find only its rest are
 * told so by the segment's mark, which is on the disk before the segment with the beginning is dropped. */
#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "logclock.h"
#include "logwrite.h"

enum { MOVE_MAX = 256 << 10, MOVE_MIN = 4096, COPY = 64 * 1024, DEFAULT_FILES = 3, SKEW_NS = MS_NS, SMALL = 64 << 10, SMALL_MANY = 2 };
static const int64_t default_bytes = 10 << 20;

static void close_segment(struct logw *w)
{
	if (w->idx_fd >= 0)
		close(w->idx_fd);
	w->idx_fd = -1;
	for (int s = 0; s < LOG_STREAMS; s++) {
		if (w->out[s].fd >= 0)
			close(w->out[s].fd);
		w->out[s].fd = -1;
	}
}

void logw_close(struct logw *w)
{
	if (!w)
		return;
	close_segment(w);
	if (w->dir_fd >= 0)
		close(w->dir_fd);
	if (w->logs_fd >= 0)
		close(w->logs_fd);
	for (int s = 0; s < LOG_STREAMS; s++)
		buf_done(&w->out[s].pending);
	free(w->copy);
	free(w->slot);
	free(w);
}

static int append_record(struct logw *w, struct log_rec *rec)
{
	ssize_t n;

	log_rec_seal(rec);
	n = write(w->idx_fd, rec, sizeof *rec);
	if (n == (ssize_t)sizeof *rec) {
		w->idx_size += n;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;
	if (n > 0 && ftruncate(w->idx_fd, w->idx_size) < 0)
		w->idx_size += n;
	return -1;
}

/* The bytes that get a record next were taken when keys were so far from wall time. Without room for the record readers go on with
 * the last one. */
static void note_skew(struct logw *w, int64_t skew)
{
	struct log_rec rec = {.at_ns = clock_wall_ns(), .offset = (uint64_t)skew, .stream = LOG_CLOCK};

	if (w->clocked && skew - w->skew < SKEW_NS && w->skew - skew < SKEW_NS)
		return;
	w->clocked = append_record(w, &rec) == 0;
	w->skew = skew;
}

/* Gives the bytes of a stream that have none a record. */
static int add_record(struct logw *w, int s, int64_t at_ns)
{
	struct out *o = &w->out[s];

	while (o->indexed < o->size) {
		int64_t len = o->size - o->indexed < 1 << 30 ? o->size - o->indexed : 1 << 30;
		struct log_rec rec = {.at_ns = at_ns,
			.offset = (uint64_t)o->indexed,
			.len = (uint32_t)len,
			.stream = (uint8_t)s};

		if (append_record(w, &rec) < 0)
			return -1;
		o->indexed += len;
	}
	return 0;
}

/* Begins an empty index with a mark. Without room for it the log goes on unmarked: then readers show the rest
 * of a cut line, which loses nothing. */
static void mark_segment(struct logw *w)
{
	struct log_rec rec = {.at_ns = clock_wall_ns(), .stream = LOG_MARK, .cuts = (uint8_t)w->cuts};

	if (w->seq > 1 && !w->idx_size)
		append_record(w, &rec);
}

/* A writer that was killed may have left bytes without a record. */
static int cover_all(struct logw *w)
{
	w->cuts = seg_cuts(w->dir_fd, w->seq);
	mark_segment(w);
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct out *o = &w->out[s];
		struct stat st;

		if (!o->size)
			continue;
		o->indexed = seg_indexed(w->idx_fd, w->idx_size, s);
		if (o->indexed > o->size)
			o->indexed = o->size;
		if (fstat(o->fd, &st) < 0 ||
			add_record(w, s, (int64_t)st.st_mtim.tv_sec * SEC_NS + st.st_mtim.tv_nsec) < 0)
			return -1;
	}
	return 0;
}

static int open_files(struct logw *w, uint32_t seq)
{
	struct stat st;

	for (int s = 0; s < LOG_STREAMS; s++) {
		struct out *o = &w->out[s];

		o->fd = seg_open(w->dir_fd, seq, s, O_RDWR | O_CREAT);
		o->size = o->fd < 0 ? -1 : lseek(o->fd, 0, SEEK_END);
		if (o->size < 0)
			return -1;
		o->indexed = 0;
	}
	w->idx_fd = seg_open(w->dir_fd, seq, -1, O_RDWR | O_CREAT | O_APPEND);
	if (w->idx_fd < 0 || fstat(w->idx_fd, &st) < 0)
		return -1;
	w->idx_size = st.st_size;
	w->clocked = false;
	return 0;
}

int logw_open_segment(struct logw *w, uint32_t seq)
{
	int why;

	close_segment(w);
	if (open_files(w, seq) == 0) {
		w->seq = seq;
		if (cover_all(w) == 0 || errno == ENOSPC || errno == EDQUOT) /* what has no record gets one later */
			return 0;
	}
	why = errno;
	close_segment(w);
	errno = why;
	return -1;
}

static void prune(struct logw *w)
{
	auto_free uint32_t *list = NULL;
	size_t n;

	if (seg_list(w->dir_fd, &list, &n) < 0)
		return;
	for (size_t i = 0; i + w->max_files < n; i++)
		seg_remove(w->dir_fd, list[i]);
	mark_segment(w); /* when the disk was full until now */
}

/* Takes away what a kill or a power cut left at the end of segment seq; its predecessor may have been written shortly before. */
static int64_t mend(struct logw *w, uint32_t seq, uint32_t before)
{
	auto_close int idx_fd = seg_open(w->dir_fd, seq, -1, O_RDONLY);
	auto_close int before_fd = before ? seg_open(w->dir_fd, before, -1, O_RDONLY) : -1;
	int64_t key = INT64_MIN;
	bool other_boot;

	if (idx_fd < 0 || !seg_last_key(idx_fd, &key))
		(void)(before_fd >= 0 && seg_last_key(before_fd, &key));
	other_boot = key < w->base_ns;
	if (before && other_boot)
		return seg_repair(w->dir_fd, before, true) + seg_repair(w->dir_fd, seq, true);
	return seg_repair(w->dir_fd, seq, other_boot);
}

static int open_last(struct logw *w)
{
	auto_free uint32_t *list = NULL;
	size_t n;
	int64_t zeros;

	if (seg_list(w->dir_fd, &list, &n) < 0)
		return -1;
	zeros = n ? mend(w, list[n - 1], n > 1 ? list[n - 2] : 0) : 0;
	if (logw_open_segment(w, n ? list[n - 1] : 1) < 0)
		return -1;
	prune(w);
	if (zeros) {
		auto_free char *text = xasprintf("davit: the machine went down: %lld bytes of this log came back as zeros and were left out",
						 (long long)zeros);
		logw_queue_note(w, text);
	}
	return 0;
}

/* Whatever is not open yet. -1 with errno. */
static int open_rest(struct logw *w)
{
	if (w->dir_fd < 0)
		w->dir_fd = seg_open_dir(w->logs_fd, w->slot);
	if (w->dir_fd < 0 && errno == ENOENT && (mkdirat(w->logs_fd, w->slot, 0700) == 0 || errno == EEXIST))
		w->dir_fd = seg_open_dir(w->logs_fd, w->slot);
	if (w->dir_fd < 0)
		return -1;
	if (w->idx_fd >= 0)
		return 0;
	return w->seq ? logw_open_segment(w, w->seq) : open_last(w);
}

static bool may_pass(int why)
{
	return why == ENOSPC || why == EDQUOT || why == EROFS || why == EIO;
}

int logw_open(int logs_fd, const char *slot, const struct log_limits *lim, struct logw **ret, struct err *err)
{
	struct logw *w = xcalloc(1, sizeof *w);

	w->max_bytes = lim && lim->max_bytes > 0 ? lim->max_bytes : default_bytes;
	w->max_files = lim && lim->max_files ? lim->max_files : DEFAULT_FILES;
	w->idx_fd = w->out[0].fd = w->out[1].fd = w->dir_fd = -1;
	w->slot = xstrdup(slot);
	w->base_ns = log_clock_base(logs_fd);
	w->logs_fd = fcntl(logs_fd, F_DUPFD_CLOEXEC, 3);
	if (w->logs_fd < 0 || (open_rest(w) < 0 && !may_pass(errno))) {
		err_sys(err, errno, "open the log of '%s'", slot);
		logw_close(w);
		return -1;
	}
	*ret = w;
	return 0;
}

/* Nothing of the stream in this segment is a line's end too: rotation cuts no line of it. */
static bool at_line_end(const struct out *o)
{
	char last;

	return !o->size || (pread(o->fd, &last, 1, o->size - 1) == 1 && last == '\n');
}

static bool is_full(const struct logw *w)
{
	int64_t bytes = w->out[0].size + w->out[1].size;

	if (bytes >= w->max_bytes || w->idx_size >= w->max_bytes)
		return true;
	return bytes >= w->max_bytes - w->max_bytes / 8 && at_line_end(&w->out[0]) && at_line_end(&w->out[1]);
}

/* A full disk must not end the log: then the segment grows on. */
static void rotate_if_full(struct logw *w)
{
	uint32_t seq = w->seq;

	if (!is_full(w) || (!w->out[0].size && !w->out[1].size))
		return;
	if (logw_open_segment(w, seq + 1) < 0) {
		seg_remove(w->dir_fd, seq + 1);
		logw_open_segment(w, seq); /* failed: logw_move() will say why and try again */
		return;
	}
	prune(w);
}

static int write_pending(struct out *o)
{
	while (o->pending.len) {
		ssize_t n = write(o->fd, o->pending.p, o->pending.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		o->size += n;
		buf_consume(&o->pending, (size_t)n);
	}
	return 0;
}

/* Bytes that left fd (some may be pending), 0 at its end, -1. */
static ssize_t copy_some(struct logw *w, struct out *o, int fd, size_t max)
{
	ssize_t n;

	if (!w->copy)
		w->copy = xmalloc(COPY);
	n = read(fd, w->copy, max < COPY ? max : COPY);
	if (n < 0 && errno == EIO) /* a pty whose other side is closed */
		return 0;
	if (n <= 0)
		return n;
	buf_add(&o->pending, w->copy, (size_t)n);
	return write_pending(o) < 0 ? -1 : n;
}

/* At once, so that a segment does not get much larger than it may. */
static size_t piece_max(const struct logw *w)
{
	int64_t eighth = w->max_bytes / 8;

	return eighth < MOVE_MIN ? MOVE_MIN : eighth < MOVE_MAX ? (size_t)eighth : MOVE_MAX;
}

/* 0: it is no flood. */
static ssize_t share_some(struct logw *w, struct out *o, int fd, size_t max)
{
	struct logtee_to to = {.slot = w->slot, .seq = w->seq, .stream = (int)(o - w->out), .fd = o->fd, .size = o->size};

	return w->tee ? logtee_move(w->tee, &to, fd, max) : 0;
}

static ssize_t move_some(struct logw *w, struct out *o, int fd)
{
	size_t max = piece_max(w);
	ssize_t n;

	if (o->torn && !at_line_end(o) && !o->pending.len)
		buf_char(&o->pending, '\n');
	if (o->pending.len && write_pending(o) < 0)
		return -1;
	n = share_some(w, o, fd, max);
	if (!n)
		n = splice(fd, NULL, o->fd, NULL, max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno == EINVAL)
		return copy_some(w, o, fd, max);
	if (n > 0) {
		o->size += n;
		o->torn = false;
	}
	return n;
}

/* Lines of our own that wait for room. -1 with errno. */
static int write_notes(struct logw *w)
{
	struct out *o = &w->out[1];

	logw_tell_loss(w);
	if (!o->pending.len)
		return 0;
	if (write_pending(o) < 0)
		return -1;
	add_record(w, 1, clock_wall_ns());
	return 0;
}

/* One step of logw_move(): bytes moved, 0 at the end, -1 with errno. */
static ssize_t move_once(struct logw *w, int fd, int s)
{
	int64_t wall, key;
	ssize_t n;
	int why;

	if (open_rest(w) < 0)
		return -1;
	rotate_if_full(w);
	if (w->idx_fd < 0)
		return errno = ENOSPC, -1;
	log_clock_read(w->base_ns, &wall, &key);
	if (write_notes(w) < 0)
		return -1;
	n = move_some(w, &w->out[s], fd);
	why = errno;
	if (w->out[s].indexed < w->out[s].size) {
		note_skew(w, key - wall);
		add_record(w, s, wall); /* failed: the next one covers these bytes */
	}
	errno = why;
	return n;
}

int logw_move(struct logw *w, int fd, int stream, struct err *err)
{
	int small = 0;

	w->why = 0;
	w->moved = 0;
	while (w->moved < MOVE_MAX) {
		ssize_t n = move_once(w, fd, stream - 1);

		if (n == 0)
			return LOGW_EOF;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno != EINTR) {
			w->why = errno;
			return err_sys(err, errno, "write the log of '%s'", w->slot);
		}
		if (n > 0)
			w->moved += (size_t)n;
		if (n > 0 && n < SMALL && (size_t)n < piece_max(w) && ++small == SMALL_MANY)
			return 0;        /* do not run after somebody who writes little and often */
	}
	return 1;
}

void logw_share(struct logw *w, struct logtee *tee)
{
	w->tee = tee;
}

size_t logw_moved(const struct logw *w)
{
	return w->moved;
}

bool logw_would_drop(const struct logw *w, uint32_t seq)
{
	return w->seq + 1 >= seq + w->max_files;
}

/* Also when its segment has none of it yet. */
static bool in_line(const struct logw *w, int s)
{
	const struct out *o = &w->out[s];

	return !o->pending.len && (o->size > 0 ? !at_line_end(o) : w->cuts >> s & 1);
}

void logw_end_lines(struct logw *w)
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct out *o = &w->out[s];

		if (w->idx_fd < 0 || !in_line(w, s))
			continue;
		buf_char(&o->pending, '\n');
		if (write_pending(o) == 0)      /* else it is written before what comes next */
			add_record(w, s, clock_wall_ns());
	}
}

void logw_queue_note(struct logw *w, const char *text)
{
	struct out *o = &w->out[1];

	if (in_line(w, 1))
		buf_char(&o->pending, '\n');
	buf_str(&o->pending, text);
	buf_char(&o->pending, '\n');
}

int logw_note(struct logw *w, const char *text, struct err *err)
{
	if (open_rest(w) < 0)
		return err_sys(err, errno, "open a log segment again");
	logw_queue_note(w, text);
	if (write_pending(&w->out[1]) < 0 || add_record(w, 1, clock_wall_ns()) < 0)
		return err_sys(err, errno, "write a log");
	return 0;
}

int log_remove(int logs_fd, const char *slot, struct err *err)
{
	if (!*slot || strchr(slot, '/') || slot[0] == '.')
		return err_set(err, ERR_USAGE, "'%s' is not a slot", slot);
	return path_remove_tree(logs_fd, slot, err);
}
