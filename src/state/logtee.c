/* logtee.c - see logtee.h.
 *
 * The steps: tee the FIFO into `share`; record WRITING; splice `share` into the file; record TAKING; splice the FIFO into `taken`, which
 * moves pages from pipe to pipe under one hold of the locks, hence all or nothing; record NOTHING; empty `taken`. A record is one small
 * write into a page that is there: it happens or it does not. */
#include "logtee.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/mem.h"
#include "logseg.h"

enum { FLOOD = 64 << 10, PIPE_BYTES = 1 << 20, SLOT_MAX = 255, OPENING = 64 };
enum { MAGIC = 0x64765431 };

enum phase { NOTHING, WRITING, TAKING };

struct record {
	uint32_t magic, phase;
	int64_t bytes;   /* WRITING: to be written at most; TAKING: written */
	int64_t start;   /* where in the segment */
	uint64_t fifo;   /* inode */
	uint32_t seq;
	int32_t stream;
	char slot[SLOT_MAX + 1];
};

struct logtee {
	int dir_fd;
	bool refused;    /* this system or its limits: no pipes, no room for the record */
	int record_fd, null_fd;
	int share[2];
	int taken;       /* both ends */
	struct record rec;
};

struct logtee *logtee_new(int fifo_fd, int taken_fd)
{
	struct logtee *t = xcalloc(1, sizeof *t);

	t->rec.magic = MAGIC;
	t->dir_fd = fifo_fd;
	t->record_fd = t->null_fd = t->share[0] = t->share[1] = -1;
	t->taken = taken_fd;
	return t;
}

void logtee_free(struct logtee *t)
{
	if (!t)
		return;

	const int fds[] = { t->record_fd, t->null_fd, t->share[0], t->share[1], t->taken };
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(t);
}

/* ------------------------------------------------------------------ the record */

static bool note(struct logtee *t, enum phase phase, int64_t bytes)
{
	t->rec.phase = phase;
	t->rec.bytes = bytes;
	return pwrite(t->record_fd, &t->rec, sizeof t->rec, 0) == sizeof t->rec;
}

static bool note_place(struct logtee *t, const struct logtee_to *to, uint64_t fifo, int64_t bytes)
{
	size_t len = strlen(to->slot);

	if (len > SLOT_MAX)
		return false;
	t->rec = (struct record){ .magic = MAGIC, .start = to->size, .fifo = fifo, .seq = to->seq, .stream = to->stream };
	memcpy(t->rec.slot, to->slot, len);
	return note(t, WRITING, bytes);
}

/* ------------------------------------------------------------------ the pipes */

int logtee_taken_pipe(void)
{
	char path[32];
	int p[2], fd;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	close(p[0]);
	close(p[1]);
	return fd;
}

/* Where a large one is refused, pieces are smaller. */
static bool make_pipes(struct logtee *t)
{
	if (t->taken < 0)
		t->taken = logtee_taken_pipe();
	if (t->taken < 0 || pipe2(t->share, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	if (fcntl(t->taken, F_GETPIPE_SZ) < PIPE_BYTES && fcntl(t->taken, F_SETPIPE_SZ, PIPE_BYTES) < 0)
		return true;
	return fcntl(t->share[1], F_SETPIPE_SZ, PIPE_BYTES) > 0;
}

/* The record gets its page now: later there may be no room for one. */
static bool open_record(struct logtee *t)
{
	t->record_fd = openat(t->dir_fd, LOG_TEE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return t->record_fd >= 0 && note(t, (enum phase)t->rec.phase, t->rec.bytes);
}

static bool is_ready(struct logtee *t)
{
	if (t->record_fd >= 0 || t->refused)
		return !t->refused;
	t->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (t->null_fd >= 0 && make_pipes(t) && open_record(t))
		return true;
	t->refused = true;
	return false;
}

/* Up to n bytes from a pipe that has them; how many. */
static ssize_t pass(int from, int to, size_t n)
{
	size_t sum = 0;

	while (sum < n) {
		ssize_t r = splice(from, NULL, to, NULL, n - sum, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		sum += (size_t)r;
	}
	return (ssize_t)sum;
}

/* Off the FIFO, and away. It all fits: `taken` has as many slots as `share`. */
static void take_off(struct logtee *t, int fd, int64_t n)
{
	note(t, TAKING, n);
	n = pass(fd, t->taken, (size_t)n);
	note(t, NOTHING, 0);             /* before the pages go: that takes longer */
	pass(t->taken, t->null_fd, (size_t)n);
}

/* A file that took nothing says why in errno. */
static ssize_t write_shared(struct logtee *t, int fd, size_t n)
{
	ssize_t sum = pass(t->share[0], fd, n);
	int why = errno;

	if ((size_t)sum < n)             /* it is in the FIFO, too */
		pass(t->share[0], t->null_fd, n - (size_t)sum);
	errno = why;
	return sum ? sum : -1;
}

ssize_t logtee_move(struct logtee *t, const struct logtee_to *to, int fd, size_t max)
{
	int waiting = 0;
	struct stat st;
	ssize_t n;
	int why;

	if (ioctl(fd, FIONREAD, &waiting) < 0 || waiting < FLOOD || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode) || !is_ready(t))
		return 0;
	n = tee(fd, t->share[1], max, SPLICE_F_NONBLOCK);
	if (n <= 0)
		return 0;
	if (!note_place(t, to, st.st_ino, n)) {
		pass(t->share[0], t->null_fd, (size_t)n);
		return 0;
	}
	n = write_shared(t, to->fd, (size_t)n);
	why = errno;
	if (n > 0)
		take_off(t, fd, n);
	else
		note(t, NOTHING, 0);
	errno = why;
	return n;
}

/* ------------------------------------------------------------------ after a kill */

static int open_fifo(int dir_fd, uint64_t inode)
{
	auto_close int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = own < 0 ? NULL : fdopendir(own);
	struct stat st;

	if (!d)
		return -1;
	take_fd(&own);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISFIFO(st.st_mode) && st.st_ino == inode)
			return openat(dir_fd, e->d_name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return -1;
}

/* The record's bytes in the log; NULL: there are none. Their number is *n. */
static char *written(int logs_fd, const struct record *r, size_t *n)
{
	auto_close int dir_fd = seg_open_dir(logs_fd, r->slot);
	auto_close int fd = dir_fd < 0 ? -1 : seg_open(dir_fd, r->seq, r->stream, O_RDONLY);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	auto_free char *bytes = NULL;

	if (size <= r->start || size - r->start > r->bytes)
		return NULL;
	*n = (size_t)(size - r->start);
	bytes = xmalloc(*n);
	return pread(fd, bytes, *n, r->start) == (ssize_t)*n ? take(bytes) : NULL;
}

/* Whether the FIFO begins with these bytes. */
static bool begins_with(struct logtee *t, int fifo, const char *bytes, size_t n)
{
	auto_free char *there = xmalloc(n);

	return tee(fifo, t->share[1], n, SPLICE_F_NONBLOCK) == (ssize_t)n && read(t->share[0], there, n) == (ssize_t)n &&
	       !memcmp(there, bytes, n);
}

/* Output of which the same may have come again. */
static bool repeats(const char *bytes, size_t n)
{
	return n <= OPENING || memmem(bytes + 1, n - 1, bytes, OPENING);
}

/* In a pipe that outlived who took. */
static int64_t held_by(int taken_fd)
{
	int n = 0;

	return taken_fd >= 0 && ioctl(taken_fd, FIONREAD, &n) == 0 ? n : 0;
}

static void finish(struct logtee *t, int logs_fd, bool kept)
{
	size_t n = 0;
	auto_free char *bytes = written(logs_fd, &t->rec, &n);
	auto_close int fifo = bytes ? open_fifo(t->dir_fd, t->rec.fifo) : -1;

	if (fifo < 0 || held_by(t->taken) || (t->rec.phase == TAKING && !kept && repeats(bytes, n)))
		return;
	if (begins_with(t, fifo, bytes, n))
		take_off(t, fifo, (int64_t)n);
}

static bool is_sound(const struct record *r)
{
	return r->magic == MAGIC && (r->phase == WRITING || r->phase == TAKING) && r->start >= 0 && r->bytes > 0 && r->bytes <= PIPE_BYTES &&
	       r->stream >= 0 && r->stream < LOG_STREAMS && memchr(r->slot, 0, sizeof r->slot);
}

static int dup_of(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void empty(int fd)
{
	char scrap[64 << 10];

	while (fd >= 0 && read(fd, scrap, sizeof scrap) > 0)
		;
}

int logtee_recover(int fifo_fd, int logs_fd, int taken_fd, struct err *err)
{
	struct logtee *t = logtee_new(fifo_fd, dup_of(taken_fd));
	auto_close int fd = openat(fifo_fd, LOG_TEE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;

	if (fd >= 0 && read(fd, &t->rec, sizeof t->rec) == sizeof t->rec && is_sound(&t->rec)) {
		if (is_ready(t)) {
			finish(t, logs_fd, taken_fd >= 0);
			note(t, NOTHING, 0);
		} else
			rc = err_sys(err, errno, "go on where a log's writer was killed: a few lines may come twice");
	}
	empty(taken_fd);
	logtee_free(t);
	return rc;
}
