#include "spool.h"

#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "answer.h"
#include "confine.h"
#include "name.h"
#include "sha.h"
#include "stream.h"

enum { ENTRIES_MAX = 8192, LINKS_MAX = 8 };

#define SPOOL_DIR "spool"

struct spool_arg {
	const struct stage *stage;
	const struct pack_load *req;
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
	const void *p;
	size_t n;
	int r;

	sha256_init(&sha);
	while ((r = stream_data(s, &p, &n, &offset, err)) > 0) {
		if (offset != end)
			return err_set(err, ERR_INPUT, "it is a sparse file");
		if (end == 0)
			jx_set_int(item, "kind", spool_kind(p, n));
		for (size_t done = 0; done < n;) {
			ssize_t w = write(fd, (const char *)p + done, n - done);
			if (w < 0 && errno != EINTR)
				return err_sys(err, errno, "write its content into the image store");
			done += w > 0 ? (size_t)w : 0;
		}
		sha256_update(&sha, n, p);
		end += (int64_t)n;
	}
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

static int spool_entry(
	struct stream *s, struct archive_entry *e, json_t *list, size_t number, struct err *err)
{
	const char *raw = archive_entry_pathname(e);
	auto_free char *path = NULL;
	auto_json json_t *item = json_object();
	int r = 0;

	if (!raw || !str_is_utf8(raw, strlen(raw)))
		return err_set(err, ERR_INPUT, "entry %zu has a name that is not UTF-8", number);
	if (name_clean(raw, &path, err) < 0)
		return -1;
	jx_set_str(item, "name", path);
	if (archive_entry_hardlink(e))
		r = spool_link(item, path, archive_entry_hardlink(e), false, err);
	else if (archive_entry_filetype(e) == AE_IFLNK && archive_entry_symlink(e))
		r = spool_link(item, path, archive_entry_symlink(e), true, err);
	else if (archive_entry_filetype(e) == AE_IFREG)
		r = spool_file(s, item, number, err);
	else
		return 0;
	if (r < 0) {
		auto_free char *shown = name_show(path);
		return err_wrap(err, "entry '%s'", shown);
	}
	json_array_append(list, item);
	return 0;
}

static int spool_work(void *arg, json_t **ret, struct err *err)
{
	const struct spool_arg *a = arg;
	auto_json json_t *list = json_array();
	struct stream *s = NULL;
	struct archive_entry *e;
	int fd = a->req->fd, r;
	size_t n = 0;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (confine(a->stage->fd, SPOOL_DIR, CONFINE_NO_CAPS, &fd, 1, err) < 0)
		return -1;
	if (stream_open(fd, NULL, a->req->limits.bytes, false, &s, err) < 0)
		return -1;
	while ((r = stream_next(s, &e, err)) > 0) {
		r = ++n > ENTRIES_MAX ? err_set(err, ERR_INPUT, "it has more than %d entries", ENTRIES_MAX)
				      : spool_entry(s, e, list, n, err);
		if (r < 0)
			break;
	}
	stream_close(s);
	if (r == 0)
		*ret = json_incref(list);
	return r;
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
static char *file_of(const json_t *item)
{
	const char *file = jx_str(item, "file");
	unsigned number;

	return file && str_uint(file, 0, ENTRIES_MAX, &number) == 0 ? xasprintf(SPOOL_DIR "/%u", number) : NULL;
}

static int add_item(const struct stage *s, struct map *m, const json_t *item, struct err *err)
{
	const char *name = jx_str(item, "name"), *link = jx_str(item, "link");
	struct spooled *f, *old;

	if (!name)
		return err_set(err, ERR_PROTO, "the reading process answered nonsense");
	f = xcalloc(1, sizeof *f);
	f->link = xstrdup(link);
	if (!link && answer_blob(s, file_of(item), item, &f->blob, err) < 0) {
		spooled_free(f);
		return -1;
	}
	old = map_set(m, name, f);
	if (old)
		spooled_free(old);
	return 0;
}

static int worker_wait(struct worker *w, json_t **ret, struct err *err)
{
	while (worker_read(w) == 0) {
		struct pollfd p = { .fd = w->fd, .events = POLLIN };
		/* no deadline here: the child gives up by itself when its input falls silent */
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			break;
	}
	return worker_finish(w, ret, err);
}

int spool_run(const struct stage *s, const struct pack_load *req, struct map *ret, struct err *err)
{
	struct spool_arg arg = { s, req };
	auto_json json_t *list = NULL;
	struct map m = MAP_INIT;
	struct worker w;
	const json_t *item;
	size_t i;

	if (mkdirat(s->fd, SPOOL_DIR, 0700) < 0)
		return err_sys(err, errno, "make a directory in '%s'", s->images_path);
	if (worker_start(spool_work, &arg, &w, err) < 0 || worker_wait(&w, &list, err) < 0)
		return -1;
	json_array_foreach(list, i, item)
		if (add_item(s, &m, item, err) < 0) {
			spool_done(&m);
			return -1;
		}
	*ret = m;
	return 0;
}

const struct staged_blob *spool_get(const struct map *m, const char *name)
{
	for (int hops = 0; name && hops < LINKS_MAX; hops++) {
		const struct spooled *f = map_get(m, name);
		if (!f || !f->link)
			return f ? &f->blob : NULL;
		name = f->link;
	}
	return NULL;
}
