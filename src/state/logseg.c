/* logseg.c - names and records of log segments. */
#include "logseg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

static const char *const suffix[] = {"idx", "out", "err"};

static uint16_t sum_of(const struct log_rec *r)
{
	const unsigned char *p = (const unsigned char *)r;
	unsigned a = 0xd4, b = 0x17; /* so that zeros are no valid record */

	for (size_t i = 0; i < offsetof(struct log_rec, sum); i++) {
		a = (a + p[i]) % 255;
		b = (b + a) % 255;
	}
	return (uint16_t)(b << 8 | a);
}

void log_rec_seal(struct log_rec *r)
{
	r->sum = sum_of(r);
}

bool log_rec_valid(const struct log_rec *r)
{
	return r->stream < LOG_STREAMS && r->len && r->offset < INT64_MAX / 2 && r->sum == sum_of(r);
}

bool log_rec_clock(const struct log_rec *r, int64_t *ret_skew)
{
	if (r->stream != LOG_CLOCK || r->len || r->cuts || r->sum != sum_of(r))
		return false;
	*ret_skew = (int64_t)r->offset;
	return true;
}

int seg_open_dir(int logs_fd, const char *slot)
{
	if (!*slot || strchr(slot, '/') || STREQ(slot, ".") || STREQ(slot, "..")) {
		errno = EINVAL;
		return -1;
	}
	return openat(logs_fd, slot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void seg_name(uint32_t seq, int stream, char ret[static 16])
{
	snprintf(ret, 16, "%08u.%s", (unsigned)seq, suffix[stream + 1]);
}

int seg_open(int dir_fd, uint32_t seq, int stream, int flags)
{
	char name[16];

	seg_name(seq, stream, name);
	return openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

void seg_remove(int dir_fd, uint32_t seq)
{
	char name[16];

	for (int stream = -1; stream < LOG_STREAMS; stream++) {
		seg_name(seq, stream, name);
		unlinkat(dir_fd, name, 0);
	}
}

/* The number in "00000012.idx", 0 when the name is another. */
static uint32_t seq_of(const char *name)
{
	char digits[9];
	unsigned seq;

	if (strlen(name) != 12 || !STREQ(name + 8, ".idx"))
		return 0;
	memcpy(digits, name, 8);
	digits[8] = '\0';
	return str_uint(digits, 1, 99999999, &seq) < 0 ? 0 : seq;
}

static int upwards(const void *a, const void *b)
{
	uint32_t l = *(const uint32_t *)a, r = *(const uint32_t *)b;

	return l < r ? -1 : l > r;
}

int seg_list(int dir_fd, uint32_t **ret, size_t *ret_n)
{
	auto_closedir DIR *dir = NULL;
	uint32_t *list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir))) {
		uint32_t seq = seq_of(e->d_name);

		if (seq)
			*XGROW(list, n, cap) = seq;
	}
	if (n)
		qsort(list, n, sizeof *list, upwards);
	*ret = list;
	*ret_n = n;
	return 0;
}

uint32_t seg_after(int dir_fd, uint32_t seq)
{
	auto_free uint32_t *list = NULL;
	size_t n;

	if (seg_list(dir_fd, &list, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (list[i] > seq)
			return list[i];
	return 0;
}

int64_t seg_indexed(int idx_fd, int64_t size, int stream)
{
	struct log_rec block[256];
	int64_t end = size - size % (int64_t)sizeof *block;

	while (end > 0) {
		int64_t start = end > (int64_t)sizeof block ? end - (int64_t)sizeof block : 0;
		ssize_t got = pread(idx_fd, block, (size_t)(end - start), start);

		if (got != end - start)
			return 0;
		for (size_t i = (size_t)got / sizeof *block; i-- > 0;)
			if (block[i].stream == stream && log_rec_valid(&block[i]))
				return (int64_t)block[i].offset + block[i].len;
		end = start;
	}
	return 0;
}

bool seg_skew(int idx_fd, int64_t upto, int64_t *ret)
{
	struct log_rec block[256];
	bool found = false;
	ssize_t got;

	for (int64_t at = 0; at < upto; at += got) {
		got = pread(idx_fd, block, sizeof block, at);
		if (got < (ssize_t)sizeof *block)
			break;
		got -= got % (ssize_t)sizeof *block;
		for (size_t i = 0; i < (size_t)got / sizeof *block && at + (int64_t)(i * sizeof *block) < upto; i++)
			found |= log_rec_clock(&block[i], ret);
	}
	return found;
}

bool seg_last_key(int idx_fd, int64_t *ret)
{
	int64_t end = lseek(idx_fd, 0, SEEK_END) / (int64_t)sizeof(struct log_rec), skew = 0;
	struct log_rec rec;

	for (; end > 0; end--) {
		int64_t at = (end - 1) * (int64_t)sizeof rec;

		if (pread(idx_fd, &rec, sizeof rec, at) != (ssize_t)sizeof rec)
			return false;
		if (!log_rec_valid(&rec))
			continue;
		seg_skew(idx_fd, at, &skew);
		*ret = rec.at_ns + skew;
		return true;
	}
	return false;
}

bool seg_mark(int idx_fd, unsigned *ret)
{
	struct log_rec rec;

	*ret = 0;
	if (idx_fd < 0 || pread(idx_fd, &rec, sizeof rec, 0) != (ssize_t)sizeof rec)
		return false;
	if (rec.stream != LOG_MARK || rec.len || rec.offset || rec.cuts >> LOG_STREAMS ||
		rec.sum != sum_of(&rec))
		return false;
	*ret = rec.cuts;
	return true;
}

/* The stream's last byte in a segment. False: it has none there. */
static bool last_byte(int dir_fd, uint32_t seq, int stream, char *ret)
{
	auto_close int fd = seg_open(dir_fd, seq, stream, O_RDONLY);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	return size > 0 && pread(fd, ret, 1, size - 1) == 1;
}

unsigned seg_cuts(int dir_fd, uint32_t seq)
{
	enum { ALL = (1 << LOG_STREAMS) - 1 };
	auto_free uint32_t *list = NULL;
	unsigned cuts = 0, known = 0, marked;
	size_t n;

	if (seg_list(dir_fd, &list, &n) < 0)
		return 0;
	while (n-- > 0 && known != ALL) {
		auto_close int idx_fd = -1;

		if (list[n] > seq)
			continue;
		for (int s = 0; list[n] < seq && s < LOG_STREAMS; s++) {
			char last;

			if (known >> s & 1 || !last_byte(dir_fd, list[n], s, &last))
				continue;
			known |= 1U << s;
			cuts |= last == '\n' ? 0 : 1U << s;
		}
		/* a stream without bytes here is where it was at this segment's beginning */
		idx_fd = seg_open(dir_fd, list[n], -1, O_RDONLY);
		if (seg_mark(idx_fd, &marked))
			return cuts | (marked & ~known);
	}
	return cuts;
}
