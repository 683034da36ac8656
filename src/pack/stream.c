#include "stream.h"

#include <poll.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "grow.h"
#include "sha.h"

enum { IN_BYTES = 1 << 18, SILENCE_MS = 300 * 1000 };

struct stream {
	int fd;
	struct grow *growing; /* NULL: it has its end */
	uint64_t taken;	      /* bytes of the file so far, when it grows */
	struct archive *plain; /* undoes the compression */
	struct archive *tar;
	bool empty; /* not a single byte */
	bool ended; /* plain has given its last byte */
	bool hashed;
	struct sha256_ctx sha;
	uint64_t bytes, max_bytes;
	char *why; /* a failure of ours inside a callback: the message that counts */
	enum err_kind kind;
	char in[IN_BYTES];
};

static int fail(struct stream *s, enum err_kind kind, char *why)
{
	free(s->why);
	s->why = why;
	s->kind = kind;
	return ARCHIVE_FATAL;
}

/* What a download has written by now. */
static la_ssize_t read_growing(struct stream *s)
{
	bool whole;
	uint64_t there = grow_wait(s->growing, s->taken, &whole), more = there > s->taken ? there - s->taken : 0;
	ssize_t n;

	if (!more && whole)
		return 0;
	do {
		n = read(s->fd, s->in, more < sizeof s->in ? more : sizeof s->in);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return fail(s, ERR_FAIL, xasprintf("read the blob: %s", n < 0 ? strerror(errno) : "it is shorter than was told"));
	s->taken += (uint64_t)n;
	return n;
}

/* Somebody's pipe may stay silent for ever; a file never does. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct stream *s = arg;
	ssize_t n;

	*ret = s->in;
	if (s->growing)
		return read_growing(s);
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int r = poll(&p, 1, SILENCE_MS);
		if (r == 0)
			return fail(s, ERR_TIMEOUT, xstrdup("no byte of the archive came for 5 minutes"));
		n = r < 0 ? -1 : read(s->fd, s->in, sizeof s->in);
		if (n >= 0)
			break;
		if (errno != EINTR && errno != EAGAIN)
			return fail(s, ERR_FAIL, xasprintf("read the archive: %s", strerror(errno)));
	}
	return n;
}

/* The next plain bytes: counted, hashed. 0 at the end. */
static la_ssize_t plain_block(struct stream *s, const void **ret)
{
	size_t n = 0;
	la_int64_t offset;
	int r;

	if (s->ended)
		return 0;
	do {
		r = archive_read_data_block(s->plain, ret, &n, &offset);
	} while (r >= ARCHIVE_WARN && r != ARCHIVE_EOF && n == 0);
	if (r == ARCHIVE_EOF) {
		s->ended = true;
		return 0;
	}
	if (r < ARCHIVE_WARN) {
		if (s->why)
			return ARCHIVE_FATAL;
		return fail(s, ERR_INPUT,
			xasprintf("the compressed data is damaged: %s", archive_error_string(s->plain)));
	}
	s->bytes += n;
	if (s->bytes > s->max_bytes)
		return fail(s, ERR_INPUT,
			xasprintf("the archive is larger than %llu bytes unpacked", (unsigned long long)s->max_bytes));
	if (s->hashed)
		sha256_update(&s->sha, n, *ret);
	return (la_ssize_t)n;
}

static la_ssize_t on_plain(struct archive *a, void *arg, const void **ret)
{
	la_ssize_t n = plain_block(arg, ret);

	if (n < 0)
		archive_set_error(a, EIO, "%s", ((struct stream *)arg)->why);
	return n;
}

static int explain(struct stream *s, struct archive *a, const char *what, struct err *err)
{
	const char *text = archive_error_string(a);

	if (s->why)
		return err_set(err, s->kind, "%s", s->why);
	if (archive_errno(a) == ENOMEM) {
		archive_read_free(take(s->tar)); /* room for what there is to say */
		archive_read_free(take(s->plain));
		return err_set(err, ERR_INPUT, "it takes more memory to read than an archive may have");
	}
	return err_set(err, ERR_INPUT, "%s: %s", what, text ? text : "unknown reason");
}

/* The tar reader did not find its format at all, as opposed to finding it damaged. */
static int explain_tar(struct stream *s, struct err *err)
{
	if (!s->why && archive_format(s->tar) == 0)
		return err_set(err, ERR_INPUT,
			"it is not a tar archive, neither plain nor compressed with gzip or zstd");
	return explain(s, s->tar, "the tar archive is damaged", err);
}

static int open_plain(struct stream *s, struct err *err)
{
	struct archive_entry *e;
	int r;

	s->plain = archive_read_new();
	s->tar = archive_read_new();
	if (!s->plain || !s->tar)
		return err_set(err, ERR_FAIL, "out of memory");
	archive_read_support_filter_gzip(s->plain);
	archive_read_support_filter_zstd(s->plain);
	archive_read_support_format_raw(s->plain);
	archive_read_support_format_empty(s->plain);
	archive_read_support_format_tar(s->tar);
	archive_read_support_format_empty(s->tar);
	if (archive_read_open(s->plain, s, NULL, on_read, NULL) < ARCHIVE_WARN)
		return explain(s, s->plain, "the compressed data is damaged", err);
	r = archive_read_next_header(s->plain, &e);
	if (r == ARCHIVE_EOF)
		s->empty = s->ended = true;
	else if (r < ARCHIVE_WARN)
		return explain(s, s->plain, "the compressed data is damaged", err);
	return 0;
}

int stream_open(int fd, struct grow *growing, uint64_t max_bytes, bool hash, struct stream **ret, struct err *err)
{
	struct stream *s = xcalloc(1, sizeof *s);

	s->fd = fd;
	s->growing = growing;
	s->max_bytes = max_bytes;
	s->hashed = hash;
	sha256_init(&s->sha);
	if (open_plain(s, err) < 0) {
		stream_close(s);
		return -1;
	}
	if (!s->empty && archive_read_open(s->tar, s, NULL, on_plain, NULL) < ARCHIVE_WARN) {
		explain_tar(s, err);
		stream_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	archive_read_free(s->tar);
	archive_read_free(s->plain);
	free(s->why);
	free(s);
}

/* A warning is not the end when it is about a name that is not UTF-8 (EILSEQ). Others say that a header was ignored: what
 * is then unpacked is not what other tools see. */
int stream_next(struct stream *s, struct archive_entry **ret, struct err *err)
{
	int r = s->empty ? ARCHIVE_EOF : archive_read_next_header(s->tar, ret);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r == ARCHIVE_OK || (r == ARCHIVE_WARN && archive_errno(s->tar) == EILSEQ))
		return 1;
	return explain_tar(s, err);
}

int stream_data(struct stream *s, const void **ret, size_t *ret_n, int64_t *ret_offset, struct err *err)
{
	la_int64_t offset = 0;
	int r = archive_read_data_block(s->tar, ret, ret_n, &offset);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return explain(s, s->tar, "the tar archive is damaged", err);
	*ret_offset = offset;
	return 1;
}

int stream_finish(struct stream *s, char ret[static HASH_HEX_LEN + 1], struct err *err)
{
	const void *p;
	la_ssize_t n;

	while ((n = plain_block(s, &p)) > 0)
		;
	if (n < 0)
		return err_set(err, s->kind, "%s", s->why);
	sha_hex(&s->sha, ret);
	return 0;
}
