#include "stream.h"

#include "../util/auto.h"
#include "../util/mem.h"
#include "sha.h"

enum { IN_BYTES = 1 << 18 };

struct stream {
	struct source from;
	struct archive *plain; /* undoes the compression */
	struct archive *tar;
	bool empty; /* not a single byte */
	bool ended; /* plain has given its last byte */
	bool hashed;
	struct sha256_ctx sha;
	uint64_t bytes, max_bytes;
	struct err why; /* a failure of ours inside a callback: the one that counts */
	char in[IN_BYTES];
};

/* The first failure is the reason of whatever follows. */
static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct stream *s = arg;
	ssize_t n = s->why.kind ? -1 : source_read(&s->from, s->in, sizeof s->in, &s->why);

	*ret = s->in;
	return n < 0 ? ARCHIVE_FATAL : n;
}

/* The next plain bytes: counted, hashed. 0 at the end, -1 with s->why. */
static la_ssize_t plain_block(struct stream *s, const void **ret)
{
	size_t n = 0;
	la_int64_t offset;
	int r;

	if (s->why.kind)
		return -1;
	if (s->ended)
		return 0;
	do {
		r = archive_read_data_block(s->plain, ret, &n, &offset);
	} while (r >= ARCHIVE_WARN && r != ARCHIVE_EOF && n == 0);
	if (r == ARCHIVE_EOF) {
		s->ended = true;
		return 0;
	}
	if (r < ARCHIVE_WARN)
		return s->why.kind ? -1 : err_set(&s->why, ERR_INPUT, "the compressed data is damaged: %s", archive_error_string(s->plain));
	s->bytes += n;
	if (s->bytes > s->max_bytes)
		return err_set(&s->why, ERR_INPUT, "the archive is larger than %llu bytes unpacked", (unsigned long long)s->max_bytes);
	if (s->hashed)
		sha256_update(&s->sha, n, *ret);
	return (la_ssize_t)n;
}

static la_ssize_t on_plain(struct archive *a, void *arg, const void **ret)
{
	la_ssize_t n = plain_block(arg, ret);

	if (n < 0)
		archive_set_error(a, EIO, "%s", err_msg(&((struct stream *)arg)->why));
	return n < 0 ? ARCHIVE_FATAL : n;
}

static int explain(struct stream *s, struct archive *a, const char *what, struct err *err)
{
	const char *text = archive_error_string(a);

	if (s->why.kind)
		return err_copy(err, &s->why);
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
	if (!s->why.kind && archive_format(s->tar) == 0)
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

int stream_open(const struct source *from, uint64_t max_bytes, bool hash, struct stream **ret, struct err *err)
{
	struct stream *s = xcalloc(1, sizeof *s);

	s->from = *from;
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
	err_done(&s->why);
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
		return err_copy(err, &s->why);
	sha_hex(&s->sha, ret);
	return 0;
}
