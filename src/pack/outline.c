/* outline.c - see outline.h. The tar reader is given a way to skip; everything else is read by position. What it says of positions need not be
 * believed: whoever takes a layer from there compares its hash. */
#include "outline.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "spool_item.h"

enum { IN_BYTES = 1 << 16, MAGIC_AT = 257, BLOCK = 512 };

struct outline {
	int fd;
	uint64_t pos, size;
	struct archive *tar;
	char in[IN_BYTES];
};

static ssize_t read_at(const struct outline *o, uint64_t at, void *p, size_t n)
{
	ssize_t got;

	do {
		got = pread(o->fd, p, n, (off_t)at);
	} while (got < 0 && errno == EINTR);
	return got;
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct outline *o = arg;
	ssize_t n = read_at(o, o->pos, o->in, sizeof o->in);

	*ret = o->in;
	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	o->pos += n > 0 ? (uint64_t)n : 0;
	return n;
}

static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t want)
{
	struct outline *o = arg;
	uint64_t left = o->pos < o->size ? o->size - o->pos : 0;

	if (want < 0 || (uint64_t)want > left)
		want = (la_int64_t)left;
	o->pos += (uint64_t)want;
	return want;
}

static int no_outline(struct outline *o, struct err *err)
{
	return err_set(err, ERR_INPUT, "no outline: %s", archive_error_string(o->tar) ? archive_error_string(o->tar) : "it is not plain");
}

/* ------------------------------------------------------------------ one entry */

/* By its first bytes: compressed, or a tar archive. */
static bool is_layer(enum blob_kind kind, const unsigned char *p, size_t n)
{
	return kind != BLOB_PLAIN || (n >= BLOCK && memcmp(p + MAGIC_AT, "ustar", 5) == 0);
}

static int take_out(const struct outline *o, json_t *item, size_t number, uint64_t at, size_t size, struct err *err)
{
	auto_free char *file = xasprintf("%zu", number), *text = xmalloc(size + 1);
	char hex[HASH_HEX_LEN + 1];

	for (size_t done = 0; done < size;) {
		ssize_t n = read_at(o, at + done, text + done, size - done);
		if (n <= 0)
			return err_set(err, ERR_INPUT, "it cannot be read");
		done += (size_t)n;
	}
	hash_sha256_hex(text, size, hex);
	jx_set_str(item, "file", file);
	jx_set_str(item, "hex", hex);
	return path_write(AT_FDCWD, file, text, size, 0644, 0, err);
}

static int outline_file(struct outline *o, struct archive_entry *e, json_t *item, size_t number, struct err *err)
{
	uint64_t at = (uint64_t)archive_filter_bytes(o->tar, 0), size = (uint64_t)archive_entry_size(e);
	unsigned char first[BLOCK];
	enum blob_kind kind;
	ssize_t n;

	if (at > o->size || size > o->size - at || archive_entry_sparse_count(e) > 0)
		return err_set(err, ERR_INPUT, "it is cut off or sparse");
	n = read_at(o, at, first, size < sizeof first ? size : sizeof first);
	if (n < 0)
		return err_sys(err, errno, "read the archive");
	kind = spool_kind(first, (size_t)n);
	jx_set_int(item, "kind", kind);
	jx_set_int(item, "size", (int64_t)size);
	if (size <= DOC_MAX && !is_layer(kind, first, (size_t)n))
		return take_out(o, item, number, at, size, err);
	jx_set_int(item, "at", (int64_t)at);
	return 0;
}

static int outline_entry(struct outline *o, struct archive_entry *e, json_t *list, size_t number, struct err *err)
{
	auto_json json_t *item = json_object();
	int r = spool_item(e, item, number, err);

	if (r == SPOOL_FILE)
		r = outline_file(o, e, item, number, err) < 0 ? -1 : SPOOL_LINK;
	if (r == SPOOL_LINK)
		json_array_append(list, item);
	return r;
}

/* ------------------------------------------------------------------ all of it */

static int read_entries(struct outline *o, json_t *list, struct err *err)
{
	struct archive_entry *e;
	size_t n = 0;
	int r;

	while ((r = archive_read_next_header(o->tar, &e)) == ARCHIVE_OK || (r == ARCHIVE_WARN && archive_errno(o->tar) == EILSEQ))
		if (++n > SPOOL_ENTRIES_MAX || outline_entry(o, e, list, n, err) < 0)
			return -1;
	return r == ARCHIVE_EOF ? 0 : no_outline(o, err);
}

static int open_tar(struct outline *o, struct err *err)
{
	o->tar = archive_read_new();
	if (!o->tar)
		return err_set(err, ERR_FAIL, "out of memory");
	archive_read_support_format_tar(o->tar);
	return archive_read_open2(o->tar, o, NULL, on_read, on_skip, NULL) < ARCHIVE_WARN ? no_outline(o, err) : 0;
}

int outline_read(int fd, uint64_t max_bytes, json_t **ret, struct err *err)
{
	auto_free struct outline *o = xcalloc(1, sizeof *o);
	auto_json json_t *list = json_array();
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0 || (uint64_t)st.st_size > max_bytes)
		return err_set(err, ERR_INPUT, "no file, or too large");
	o->fd = fd;
	o->size = (uint64_t)st.st_size;
	r = open_tar(o, err) < 0 ? -1 : read_entries(o, list, err);
	archive_read_free(o->tar);
	if (r == 0)
		*ret = json_incref(list);
	return r;
}
