#include "spool.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "answer.h"
#include "confine.h"
#include "early.h"
#include "name.h"
#include "outline.h"
#include "sha.h"
#include "spool_item.h"
#include "stream.h"

enum { LINKS_MAX = 8 };

struct take_apart {
	const struct stage *stage;
	const struct pack_load *req;
	const char *dir; /* in the staging directory: what is written goes there */
	bool parts;	 /* layers stay where they are */
};

/* ------------------------------------------------------------------ in the child */

enum blob_kind spool_kind(const unsigned char *p, size_t n)
{
	if (n >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return BLOB_GZIP;
	if (n >= 4 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd && p[0] == 0x28)
		return BLOB_ZSTD;
	if (n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
		return BLOB_ZSTD; /* begins with a skippable frame */
	return BLOB_PLAIN;
}

static int copy_content(struct stream *s, int fd, json_t *item, struct err *err)
{
	struct sha256_ctx sha;
	char hex[HASH_HEX_LEN + 1];
	int64_t end = 0, offset;
	uint64_t told = 0;
	const void *p;
	size_t n;
	int r;

	sha256_init(&sha);
	while ((r = stream_data(s, &p, &n, &offset, err)) > 0) {
		if (offset != end)
			return err_set(err, ERR_INPUT, "it is a sparse file");
		if (end == 0)
			jx_set_int(item, "kind", spool_kind(p, n));
		if (fd_write_all(fd, p, n) < 0)
			return err_sys(err, errno, "write its content into the image store");
		sha256_update(&sha, n, p);
		end += (int64_t)n;
		early_write(fd, &told, (uint64_t)end, false);
	}
	early_write(fd, &told, (uint64_t)end, true);
	sha_hex(&sha, hex);
	jx_set_str(item, "hex", hex);
	jx_set_int(item, "size", end);
	return r;
}

static int spool_file(struct stream *s, json_t *item, size_t number, struct err *err)
{
	auto_free char *file = xasprintf("%zu", number);
	auto_close int fd =
		openat(AT_FDCWD, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, errno, "make a file in the image store");
	jx_set_str(item, "file", file);
	return copy_content(s, fd, item, err);
}

static int in_entry(const char *path, struct err *err)
{
	auto_free char *shown = name_show(path);

	return err_wrap(err, "entry '%s'", shown);
}

/* `docker save` of old links equal layers: "ID/layer.tar" → "../OTHER/layer.tar". */
static int spool_link(json_t *item, const char *path, const char *target, bool relative, struct err *err)
{
	auto_free char *dir = xstrdup(path), *joined = NULL, *clean = NULL;
	char *slash = strrchr(dir, '/');

	*(slash ? slash : dir) = '\0';
	if (relative && *target != '/') {
		auto_free char *base = xasprintf("/%s", dir);
		joined = path_join(base, target);
	} else {
		joined = xstrdup(target);
	}
	if (name_clean(joined, &clean, err) < 0)
		return -1;
	jx_set_str(item, "link", clean);
	return 0;
}

int spool_item(struct archive_entry *e, json_t *item, size_t number, struct err *err)
{
	const char *raw = archive_entry_pathname(e), *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e);
	bool symlink = !hard && archive_entry_filetype(e) == AE_IFLNK && soft;
	auto_free char *path = NULL;

	if (!raw || !str_is_utf8(raw, strlen(raw)))
		return err_set(err, ERR_INPUT, "entry %zu has a name that is not UTF-8", number);
	if (name_clean(raw, &path, err) < 0)
		return -1;
	jx_set_str(item, "name", path);
	if (!hard && !symlink)
		return archive_entry_filetype(e) == AE_IFREG ? SPOOL_FILE : SPOOL_OTHER;
	return spool_link(item, path, hard ? hard : soft, symlink, err) < 0 ? in_entry(path, err) : SPOOL_LINK;
}

static int spool_entry(
	struct stream *s, struct archive_entry *e, json_t *list, size_t number, struct err *err)
{
	auto_json json_t *item = json_object();
	int r = spool_item(e, item, number, err);

	if (r == SPOOL_FILE)
		r = spool_file(s, item, number, err) < 0 ? in_entry(jx_str(item, "name"), err) : SPOOL_LINK;
	if (r == SPOOL_LINK)
		json_array_append(list, item);
	return r;
}

static int spool_work(void *arg, json_t **ret, struct err *err)
{
	const struct take_apart *a = arg;
	auto_json json_t *list = json_array();
	struct stream *s = NULL;
	struct archive_entry *e;
	const struct source from = { .fd = a->req->fd };
	size_t n = 0;
	int r;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (confine(a->stage->fd, a->dir, CONFINE_NO_CAPS, &from.fd, 1, err) < 0)
		return -1;
	if (stream_open(&from, a->req->limits.bytes, false, &s, err) < 0)
		return -1;
	while ((r = stream_next(s, &e, err)) > 0) {
		r = ++n > SPOOL_ENTRIES_MAX ? err_set(err, ERR_INPUT, "it has more than %d entries", SPOOL_ENTRIES_MAX)
				      : spool_entry(s, e, list, n, err);
		if (r < 0)
			break;
	}
	stream_close(s);
	if (r == 0)
		*ret = json_incref(list);
	return r;
}

static int outline_work(void *arg, json_t **ret, struct err *err)
{
	const struct take_apart *a = arg;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (confine(a->stage->fd, a->dir, CONFINE_NO_CAPS, &a->req->fd, 1, err) < 0)
		return -1;
	return outline_read(a->req->fd, a->req->limits.bytes, ret, err);
}

/* ------------------------------------------------------------------ in the parent */

static void spooled_free(void *p)
{
	struct spooled *f = p;

	free(f->link);
	free(f->blob.file);
	free(f);
}

void spool_done(struct map *m)
{
	map_done(m, spooled_free);
}

/* The number by which it is called, as spool_file() gives them. */
static char *file_of(const json_t *item, const char *dir)
{
	const char *file = jx_str(item, "file");
	unsigned number;

	return file && str_uint(file, 0, SPOOL_ENTRIES_MAX, &number) == 0 ? xasprintf("%s/%u", dir, number) : NULL;
}

static int take_item(const struct take_apart *t, const json_t *item, struct spooled *f, struct err *err)
{
	if (jx_str(item, "link"))
		f->link = xstrdup(jx_str(item, "link"));
	else if (t->parts && jx_int(item, "at", -1) >= 0)
		return answer_part(item, &f->blob, err);
	else
		return answer_blob(t->stage, file_of(item, t->dir), item, &f->blob, err);
	return 0;
}

static int take_list(const struct take_apart *t, const json_t *list, struct map *m, struct err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *name = jx_str(item, "name");
		struct spooled *f = xcalloc(1, sizeof *f), *old;
		if (!name || take_item(t, item, f, err) < 0) {
			spooled_free(f);
			return name ? -1 : answer_nonsense(err);
		}
		old = map_set(m, name, f);
		if (old)
			spooled_free(old);
	}
	return 0;
}

static int take_apart(const struct take_apart *t, struct map *ret, struct err *err)
{
	auto_json json_t *list = NULL;
	struct map m = MAP_INIT;

	if (mkdirat(t->stage->fd, t->dir, 0700) < 0)
		return err_sys(err, errno, "make a directory in '%s'", t->stage->images_path);
	/* no deadline here: the child gives up by itself when its input falls silent */
	if (worker_run(t->parts ? outline_work : spool_work, (void *)t, -1, &list, err) < 0)
		return -1;
	if (take_list(t, list, &m, err) < 0) {
		spool_done(&m);
		return -1;
	}
	*ret = m;
	return 0;
}

int spool_outline(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err)
{
	return take_apart(&(struct take_apart){ s, req, "outline", true }, ret, err);
}

int spool_run(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err)
{
	return take_apart(&(struct take_apart){ s, req, "spool", false }, ret, err);
}

struct staged_blob *spool_get(const struct map *m, const char *name)
{
	for (int hops = 0; name && hops < LINKS_MAX; hops++) {
		struct spooled *f = map_get(m, name);
		if (!f || !f->link)
			return f ? &f->blob : NULL;
		name = f->link;
	}
	return NULL;
}
