/* logr_seek.c - where the last lines begin.
 *
 * The index is walked backwards, record by record, counting the newlines of each record's bytes, until there
 * are enough of them or the records become too old. The start is then between two records: index position and
 * one offset per stream. Of the line that each stream is in the middle of there, the beginning is put before
 * it, so every line that ends after the start is whole. Lines too many are dropped while reading.
 *
 * Times need not grow: the wall clock may have jumped. Keys do, so a steady bound ends the walk; else only lines within the bounds are
 * counted, and without a count the first record within them is looked for forwards.
 *
 * The rest of a line that the oldest segment may begin with is no line: counting stops above it, at the floor
 * of the stream, and a start below the floor skips up to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "logread.h"

enum { BLOCK = 64 * 1024 };

struct seek {
	struct logr *r;
	uint32_t *seqs;
	size_t n_seqs, i; /* the segment looked at: seqs[i] */
	uint64_t want, lines;
	bool count;		/* false: only since_ns decides */
	bool seen[LOG_STREAMS]; /* the last byte of the stream was looked at */
	int64_t start[LOG_STREAMS];
	struct floor {
		size_t i; /* in seqs[i], at this offset (which may be to come), begins what is given */
		int64_t offset;
	} floor[LOG_STREAMS];
	int64_t idx_start;
	struct skew {
		int64_t from, ns; /* from this offset in the index of seqs[i] on */
	} *skews;
	size_t n_skews, cap_skews;
	char block[BLOCK];
};

static int64_t file_size(int fd)
{
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? 0 : st.st_size;
}

static uint64_t newlines_in(const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

/* ------------------------------------------------------------------ the floor */

/* Where the line that the oldest segment begins within ends, or is so long that a piece begins. */
static struct floor find_floor(struct seek *k, int s)
{
	int64_t left = LOG_LINE_MAX, at = 0;
	size_t i;

	for (i = 0; i < k->n_seqs; i++) {
		auto_close int fd = seg_open(k->r->dir_fd, k->seqs[i], s, O_RDONLY);
		ssize_t got;

		for (at = 0; left; at += got, left -= got) {
			const char *nl;

			got = pread(fd, k->block, left < BLOCK ? (size_t)left : BLOCK, at);
			if (got <= 0)
				break;
			nl = memchr(k->block, '\n', (size_t)got);
			if (nl)
				return (struct floor){i, at + (nl - k->block) + 1};
		}
		if (!left)
			return (struct floor){i, at};
	}
	return (struct floor){i - 1, at + left};
}

/* Begins the list with the first segment that is still there, and finds the floors in what follows. */
static void find_floors(struct seek *k)
{
	auto_close int fd = -1;
	unsigned cuts;

	for (; k->n_seqs; k->seqs++, k->n_seqs--) {
		fd = seg_open(k->r->dir_fd, k->seqs[0], -1, O_RDONLY);
		if (fd >= 0 || errno != ENOENT)
			break;
	}
	seg_mark(fd, &cuts);
	for (int s = 0; s < LOG_STREAMS; s++)
		k->floor[s] = cuts >> s & 1 ? find_floor(k, s) : (struct floor){0, 0};
}

/* The floor as an offset in the stream's file of seqs[i]. */
static int64_t floor_in(const struct seek *k, size_t i, int s)
{
	const struct floor *f = &k->floor[s];

	return i < f->i ? INT64_MAX : i == f->i ? f->offset : 0;
}

/* How far above the start the floor is, 0: it is not. */
static int64_t below_floor(const struct seek *k, int s)
{
	const struct floor *f = &k->floor[s];
	int64_t n = f->offset - k->start[s];

	if (k->start[s] >= floor_in(k, k->i, s))
		return 0;
	for (size_t i = k->i; i < f->i; i++) {
		auto_close int fd = seg_open(k->r->dir_fd, k->seqs[i], s, O_RDONLY);

		n += file_size(fd);
	}
	return n;
}

/* ------------------------------------------------------------------ where enough lines were passed */

/* Counts the lines that end in [from, to) of the stream's file. */
static void count_lines(struct seek *k, int s, int64_t from, int64_t to)
{
	int fd = k->r->st[s].fd;
	int64_t floor = floor_in(k, k->i, s);

	if (from < floor)
		from = floor;
	if (!k->count || fd < 0)
		return;
	if (from < to && !k->seen[s]) {
		char last = '\n';

		k->seen[s] = true;
		if (pread(fd, &last, 1, to - 1) == 1 && last != '\n')
			k->lines++; /* the unfinished line will be one, too */
	}
	while (from < to) {
		size_t n = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
		ssize_t got = pread(fd, k->block, n, from);

		if (got <= 0)
			return;
		k->lines += newlines_in(k->block, (size_t)got);
		from += got;
	}
}

static void load_skews(struct seek *k)
{
	struct log_rec recs[256];
	int64_t ns;
	ssize_t got;

	k->n_skews = 0;
	for (int64_t at = 0; (got = pread(k->r->idx_fd, recs, sizeof recs, at)) >= (ssize_t)sizeof *recs;
		at += got / (ssize_t)sizeof *recs * (ssize_t)sizeof *recs)
		for (size_t i = 0; i < (size_t)got / sizeof *recs; i++)
			if (log_rec_clock(&recs[i], &ns))
				*XGROW(k->skews, k->n_skews, k->cap_skews) =
					(struct skew){at + (int64_t)(i * sizeof *recs), ns};
}

/* The key of the record at this offset of the index; offsets asked for go down. */
static int64_t key_of(struct seek *k, int64_t at, const struct log_rec *rec)
{
	while (k->n_skews && k->skews[k->n_skews - 1].from > at)
		k->n_skews--;
	return rec->at_ns + (k->n_skews ? k->skews[k->n_skews - 1].ns : 0);
}

/* Moves the start before this record. False: it is the one to stay behind. */
static bool pass_record(struct seek *k, const struct log_rec *rec, int64_t key_ns)
{
	int s = rec->stream;
	int64_t from = (int64_t)rec->offset;

	if (k->r->range.since_steady && key_ns < k->r->range.since_ns)
		return false;
	if (k->count && k->lines >= k->want)
		return false;
	if (from >= k->start[s])
		return true;
	if (logr_in_range(k->r, rec->at_ns, key_ns))
		count_lines(k, s, from, k->start[s]);
	k->start[s] = from;
	return true;
}

/* The start before anything was passed: the segment's end, but for the bytes that no record covers. They are
 * given last, after all records. */
static void start_at_end(struct seek *k, int64_t idx_size)
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		int64_t size = file_size(k->r->st[s].fd);
		int64_t indexed = size ? seg_indexed(k->r->idx_fd, idx_size, s) : 0;

		k->start[s] = size;
		if (indexed >= size || (k->count && k->lines >= k->want))
			continue;
		count_lines(k, s, indexed, size);
		k->start[s] = indexed;
	}
	k->idx_start = idx_size;
}

/* Walks the open segment's index backwards. True: the start was found. */
static bool walk_segment(struct seek *k)
{
	struct log_rec recs[256];
	int64_t end = file_size(k->r->idx_fd) / (int64_t)sizeof *recs * (int64_t)sizeof *recs;

	start_at_end(k, end);
	load_skews(k);
	while (end > 0) {
		int64_t from = end > (int64_t)sizeof recs ? end - (int64_t)sizeof recs : 0;
		ssize_t got = pread(k->r->idx_fd, recs, (size_t)(end - from), from);

		if (got < end - from)
			break;
		for (size_t i = (size_t)got / sizeof *recs; i-- > 0;) {
			int64_t at = from + (int64_t)(i * sizeof *recs);

			k->idx_start = at + (int64_t)sizeof *recs;
			if (log_rec_valid(&recs[i]) && !pass_record(k, &recs[i], key_of(k, at, &recs[i])))
				return true;
		}
		end = from;
	}
	for (int s = 0; s < LOG_STREAMS; s++) { /* what no record covers belongs to the first */
		count_lines(k, s, 0, k->start[s]);
		k->start[s] = 0;
	}
	k->idx_start = 0;
	return k->count && k->lines >= k->want;
}

/* ------------------------------------------------------------------ the first line within bounds of wall time */

/* Looks in the open segment; the start is then before the first record within the bounds. */
static bool find_first(struct seek *k)
{
	struct log_rec recs[256];
	ssize_t got;

	k->start[0] = k->start[1] = 0;
	for (int64_t at = 0; (got = pread(k->r->idx_fd, recs, sizeof recs, at)) >= (ssize_t)sizeof *recs;
		at += got / (ssize_t)sizeof *recs * (ssize_t)sizeof *recs)
		for (size_t i = 0; i < (size_t)got / sizeof *recs; i++) {
			const struct log_rec *rec = &recs[i];
			int64_t end = (int64_t)rec->offset + rec->len;

			if (!log_rec_valid(rec))
				continue;
			k->idx_start = at + (int64_t)(i * sizeof *recs);
			if (rec->at_ns >= k->r->range.since_ns)
				return true;
			if (end > k->start[rec->stream] && end <= file_size(k->r->st[rec->stream].fd))
				k->start[rec->stream] = end;
		}
	return false;
}

/* When there is none in the whole log, one may still come: the start is in the last segment. */
static void seek_first(struct seek *k)
{
	for (k->i = 0; k->i < k->n_seqs; k->i++)
		if (logr_open_segment(k->r, k->seqs[k->i]) && find_first(k))
			return;
	k->i = k->n_seqs - 1;
	k->start[0] = k->start[1] = k->idx_start = 0;
}

/* ------------------------------------------------------------------ the beginning of the line in progress */

/* The offset after the last newline between floor and end, the floor when there is none, -1 when the line is
 * too long to matter. */
static int64_t line_head(struct seek *k, int fd, int64_t floor, int64_t end, int64_t budget)
{
	int64_t at = end;

	while (at > floor && end - at < budget) {
		size_t n = at - floor < BLOCK ? (size_t)(at - floor) : BLOCK;
		ssize_t got = pread(fd, k->block, n, at - (int64_t)n);
		const char *nl;

		if (got != (ssize_t)n)
			return -1;
		nl = memrchr(k->block, '\n', n);
		at -= (int64_t)n;
		if (nl) {
			at += nl - k->block + 1;
			break;
		}
	}
	return end - at > budget ? -1 : at;
}

/* When the byte at `offset` of the stream was taken; 0: not known. */
static int64_t time_of(uint32_t seq, int dir_fd, int s, int64_t offset, int64_t *ret_key)
{
	auto_close int fd = seg_open(dir_fd, seq, -1, O_RDONLY);
	struct log_rec recs[256];
	int64_t at = 0, skew = 0;
	ssize_t got;

	*ret_key = 0;
	while (fd >= 0 && (got = pread(fd, recs, sizeof recs, at)) >= (ssize_t)sizeof *recs) {
		for (size_t i = 0; i < (size_t)got / sizeof *recs; i++) {
			const struct log_rec *rec = &recs[i];

			if (log_rec_clock(rec, &skew) || rec->stream != s || !log_rec_valid(rec) ||
				offset >= (int64_t)rec->offset + rec->len)
				continue;
			*ret_key = rec->at_ns + skew;
			return rec->at_ns;
		}
		at += got / (ssize_t)sizeof *recs * (ssize_t)sizeof *recs;
	}
	return 0;
}

/* Puts [from, to) of a file behind what the stream's buffer holds. */
static bool append_bytes(struct log_stream *st, int fd, int64_t from, int64_t to)
{
	log_stream_room(st, (size_t)(to - from));
	while (from < to) {
		ssize_t n = pread(fd, st->buf + st->len, (size_t)(to - from), from);

		if (n <= 0)
			return false;
		st->len += (size_t)n;
		from += n;
	}
	return true;
}

/* Finds in which segment the line at the start begins, fills `heads` for the segments from there on. Returns
 * the first's index. */
static size_t find_head(struct seek *k, int s, int64_t *heads)
{
	size_t i = k->i;
	int64_t budget = LOG_LINE_MAX, end = k->start[s];

	for (;;) {
		auto_close int fd = seg_open(k->r->dir_fd, k->seqs[i], s, O_RDONLY);

		if (i != k->i)
			end = file_size(fd);
		heads[i] = fd < 0 ? -1 : line_head(k, fd, floor_in(k, i, s), end, budget);
		if (heads[i] < 0)
			return SIZE_MAX;
		budget -= end - heads[i];
		if (heads[i] > 0 || i == 0)
			return i;
		i--;
	}
}

/* Loads the beginning of the line that the stream is in at the start. Failing leaves the line without it. */
static void preload(struct seek *k, int s)
{
	struct log_stream *st = &k->r->st[s];
	auto_free int64_t *heads = xcalloc(k->n_seqs, sizeof *heads);
	size_t first = find_head(k, s, heads);

	for (size_t i = first; i <= k->i; i++) { /* SIZE_MAX: none */
		auto_close int fd = seg_open(k->r->dir_fd, k->seqs[i], s, O_RDONLY);
		int64_t end = i == k->i ? k->start[s] : file_size(fd);

		if (fd < 0 || !append_bytes(st, fd, heads[i], end)) {
			st->len = 0;
			break;
		}
		if (!st->in_line && end > heads[i]) {
			st->in_line = true;
			st->line_at = time_of(k->seqs[i], k->r->dir_fd, s, heads[i], &st->line_key);
		}
	}
	st->in_line = st->len > 0;
	st->scan = st->len;
}

/* That holds where reading begins: from the last LOG_CLOCK record before. */
static int64_t skew_before(const struct seek *k)
{
	int64_t skew = 0;

	for (size_t i = k->i + 1; i-- > 0;) {
		auto_close int fd = seg_open(k->r->dir_fd, k->seqs[i], -1, O_RDONLY);

		if (fd >= 0 && seg_skew(fd, i == k->i ? k->idx_start : INT64_MAX, &skew))
			break;
	}
	return skew;
}

static void start_here(struct seek *k)
{
	struct logr *r = k->r;

	r->idx_at = k->idx_start;
	r->skew = skew_before(k);
	for (int s = 0; s < LOG_STREAMS; s++) {
		r->st[s].skip = below_floor(k, s);
		if (!r->st[s].skip)
			preload(k, s);
		r->st[s].file_end = r->st[s].covered = k->start[s];
		r->st[s].stale = k->count && !k->seen[s];
	}
	r->drop = k->count && k->lines > k->want ? k->lines - k->want : 0;
}

/* Backwards, until enough was passed. */
static void seek_back(struct seek *k)
{
	for (k->i = k->n_seqs; k->i-- > 0;) {
		if (!logr_open_segment(k->r, k->seqs[k->i])) {
			k->seqs += k->i + 1; /* dropped in between, so those before are, too */
			k->n_seqs -= k->i + 1;
			k->i = 0;
			find_floors(k);
			return;
		}
		if (walk_segment(k) || k->i == 0)
			return;
	}
}

int logr_seek(struct logr *r, int64_t tail, struct err *err)
{
	auto_free struct seek *k = xcalloc(1, sizeof *k);
	auto_free uint32_t *seqs = NULL;

	k->r = r;
	k->count = tail >= 0;
	k->want = tail >= 0 ? (uint64_t)tail : 0;
	if (seg_list(r->dir_fd, &seqs, &k->n_seqs) < 0)
		return err_sys(err, errno, "list the log of '%s'", r->slot);
	k->seqs = seqs;
	find_floors(k);
	if (!k->n_seqs)
		return 0;
	if (k->count || r->range.since_steady)
		seek_back(k);
	else
		seek_first(k);
	if (k->n_seqs) {
		if (r->seq != k->seqs[k->i] || r->idx_fd < 0)
			logr_open_segment(r, k->seqs[k->i]);
		start_here(k);
	}
	free(k->skews);
	return 0;
}
