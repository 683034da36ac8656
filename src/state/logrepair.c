/* logrepair.c - the end of a segment after a kill or a power cut.
 *
 * Data and index are written without waiting for the disk, so after a power cut either may be ahead of the other, and either may
 * end in zeros. The records that the writer adds next must not stand behind one that claims their bytes: so whatever is behind the
 * first record that cannot be true is given up, and its bytes get a new record. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "logseg.h"

enum { REC = sizeof(struct log_rec), ZEROS_MIN = 16 };

static bool read_rec(int fd, int64_t at, struct log_rec *ret)
{
	return pread(fd, ret, REC, at) == REC;
}

static bool known(const struct log_rec *r, int fd, int64_t at)
{
	int64_t skew;
	unsigned cuts;

	return log_rec_valid(r) || log_rec_clock(r, &skew) || (at == 0 && seg_mark(fd, &cuts));
}

/* Where the last record ends that is one. */
static int64_t end_of_records(int fd)
{
	int64_t end = lseek(fd, 0, SEEK_END);
	struct log_rec rec;

	for (end -= end % REC; end > 0; end -= REC)
		if (read_rec(fd, end - REC, &rec) && known(&rec, fd, end - REC))
			break;
	return end;
}

/* Where the first of the last records is that claim bytes which are not there. A stream is looked at down to its first record that
 * can be true. */
static int64_t end_of_truth(int fd, int64_t end, const int64_t sizes[LOG_STREAMS])
{
	bool sound[LOG_STREAMS] = { false };
	int64_t truth = end;
	struct log_rec rec;

	for (int64_t at = end - REC; at >= 0; at -= REC) {
		if (!read_rec(fd, at, &rec) || !log_rec_valid(&rec) || sound[rec.stream])
			continue;
		if ((int64_t)rec.offset + rec.len > sizes[rec.stream])
			truth = at;
		else
			sound[rec.stream] = true;
		if (sound[0] && sound[1])
			break;
	}
	return truth;
}

/* Bytes of zero that the file ends with. */
static int64_t zeros_at_end(int fd, int64_t size)
{
	char block[4096];
	int64_t end = size;

	while (end > 0) {
		size_t n = end < (int64_t)sizeof block ? (size_t)end : sizeof block;

		if (pread(fd, block, n, end - (int64_t)n) != (ssize_t)n)
			break;
		for (; n && !block[n - 1]; n--)
			end--;
		if (n)
			break;
	}
	return size - end;
}

static int64_t cut_zeros(int fd, int64_t *size)
{
	int64_t n = zeros_at_end(fd, *size);

	if (n < ZEROS_MIN || ftruncate(fd, *size - n) < 0)
		return 0;
	*size -= n;
	return n;
}

int64_t seg_repair(int dir_fd, uint32_t seq, bool zeros)
{
	auto_close int idx_fd = seg_open(dir_fd, seq, -1, O_RDWR);
	int64_t sizes[LOG_STREAMS], lost = 0, had, end;

	for (int s = 0; s < LOG_STREAMS; s++) {
		auto_close int fd = seg_open(dir_fd, seq, s, O_RDWR);

		sizes[s] = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
		if (fd >= 0 && zeros)
			lost += cut_zeros(fd, &sizes[s]);
	}
	if (idx_fd < 0)
		return lost;
	had = lseek(idx_fd, 0, SEEK_END);
	end = end_of_truth(idx_fd, end_of_records(idx_fd), sizes);
	if (end < had && ftruncate(idx_fd, end) < 0)
		return lost;
	return lost;
}
