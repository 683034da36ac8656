/* save.c - images of the store → one tar archive, an OCI layout and a docker archive at once, as docker 25 and later write it:
 * oci-layout, index.json, manifest.json and blobs/sha256/. The same images make the same bytes: nothing in it has a time, and blobs are
 * sorted. */
#include "pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "sha.h"
#include "stage.h"

enum { PIECE = 1 << 17 };

/* A blob, open before anything is written: whoever reads the archive may take his time, and the lock is held for nobody's reading. What a
 * prune removes meanwhile is here to its end. */
struct held {
	int fd;
	int64_t size;
};
struct save {
	const struct pack_save *req;
	struct image_store *store;
	struct map blobs;     /* hex → malloc'ed struct held */
	json_t *index, *list; /* of index.json, of manifest.json; owned */
	struct archive *out;
};

/* ------------------------------------------------------------------ which blobs */

static void held_free(void *p)
{
	struct held *h = p;

	close(h->fd);
	free(h);
}

static int no_blob(const struct save *s, const char *digest, int errnum, struct err *err)
{
	if (errnum == EMFILE)
		err_set(err, ERR_FAIL, "there are more blobs than files that may be open at a time");
	else if (errnum == ENOENT)
		err_set(err, ERR_NOT_FOUND, "its blob '%s' is missing from the image store '%s'", digest, s->store->path);
	else
		return err_sys(err, errnum, "open its blob '%s' in the image store '%s'", digest, s->store->path);
	return err_hint(err, "%s", errnum == EMFILE ? "raise the limit of open files, or save fewer images at once" : AGAIN);
}

static int hold_blob(const struct save *s, struct map *held, const char *digest, struct err *err)
{
	const char *hex = digest ? digest_hex(digest) : NULL;
	auto_free char *name = NULL;
	auto_close int fd = -1;
	struct held *h;
	struct stat st;

	if (!hex)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	if (map_has(&s->blobs, hex) || map_has(held, hex))
		return 0;
	name = xasprintf("blobs/sha256/%s", hex);
	fd = openat(s->store->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return no_blob(s, digest, errno, err);
	h = xmalloc(sizeof *h);
	*h = (struct held){ take_fd(&fd), st.st_size };
	map_set(held, hex, h);
	return 0;
}

static json_t *blob_path(const char *digest)
{
	auto_free char *path = xasprintf("blobs/sha256/%s", digest_hex(digest));

	return json_string(path);
}

static int hold_blobs(const struct save *s, const struct image *img, const json_t *manifest, struct map *held, json_t *names, struct err *err)
{
	const json_t *layer;
	size_t i;

	if (hold_blob(s, held, img->manifest_digest, err) < 0 || hold_blob(s, held, img->id, err) < 0)
		return -1;
	json_array_foreach(jx_arr(manifest, "layers"), i, layer) {
		if (hold_blob(s, held, jx_str(layer, "digest"), err) < 0)
			return -1;
		json_array_append_new(names, blob_path(jx_str(layer, "digest")));
	}
	return 0;
}

/* An image with its manifest, and the paths of its layers. */
struct found {
	struct image *img;
	json_t *manifest, *names;
};

static void found_done(struct found *f)
{
	image_free(f->img);
	json_decref(f->manifest);
	json_decref(f->names);
	*f = (struct found){ 0 };
}

static int find_once(struct save *s, const char *given, struct found *ret, struct err *err)
{
	struct map held = MAP_INIT;
	int r;

	ret->names = json_array();
	r = image_look(s->store, given, s->req->platform, &ret->img, err);
	if (r == 0 && (store_doc(s->store, ret->img->manifest_digest, &ret->manifest, err) < 0 ||
			      hold_blobs(s, ret->img, ret->manifest, &held, ret->names, err) < 0))
		r = -1;
	map_each(&held, it)
		if (r == 0)
			map_set(&s->blobs, it->key, it->value);
	map_done(&held, r == 0 ? NULL : held_free);
	if (r < 0)
		found_done(ret);
	return r;
}

/* A removal takes the name before the blobs: where one is missing, a second look says whether the image is there still. */
static int find(struct save *s, const char *given, struct found *ret, struct err *err)
{
	struct err why = ERR_INIT;

	if (find_once(s, given, ret, &why) == 0)
		return 0;
	if (why.kind != ERR_NOT_FOUND)
		return err_move(err, &why);
	err_done(&why);
	return find_once(s, given, ret, err);
}

/* ------------------------------------------------------------------ names */

/* The name that the user gave, when it is one: neither an id nor a digest gives the copy a name. */
static char *name_of(const struct image *img, const char *given)
{
	struct image_ref r;
	char *text = NULL;

	if (!img->ref || ref_parse(given, &r, NULL) < 0)
		return NULL;
	if (!r.digest)
		text = ref_format(&r);
	ref_done(&r);
	if (text && !STREQ(text, img->ref))
		free(take(text));
	return text;
}

static json_t *entry_of(struct save *s, const struct image *img)
{
	json_t *entry;
	size_t i;

	json_array_foreach(s->list, i, entry)
		if (str_eq(jx_str(entry, "id"), img->manifest_digest))
			return entry;
	return NULL;
}

static bool in_list(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (str_eq(json_string_value(item), text))
			return true;
	return false;
}

static void add_desc(struct save *s, const struct image *img, const json_t *manifest, const char *ref, const char *tag)
{
	const char *type = jx_str(manifest, "mediaType"), *hex = digest_hex(img->manifest_digest);
	json_t *desc = json_pack("{s:s, s:s, s:I}", "mediaType", type ? type : MANIFEST_TYPE, "digest", img->manifest_digest, "size",
		(json_int_t)((const struct held *)map_get(&s->blobs, hex))->size);

	if (ref)
		json_object_set_new(desc, "annotations", json_pack("{s:s, s:s}", "io.containerd.image.name", ref, REF_NAME, tag));
	json_object_set_new(desc, "platform", json_pack("{s:s, s:s}", "architecture", img->architecture ? img->architecture : "unknown", "os",
		img->os ? img->os : "linux"));
	if (img->variant && *img->variant)
		jx_set_str(jx_obj(desc, "platform"), "variant", img->variant);
	json_array_append_new(s->index, desc);
}

static void add_names(struct save *s, const struct found *f, const char *given)
{
	auto_free char *ref = name_of(f->img, given), *familiar = NULL;
	json_t *entry = entry_of(s, f->img);
	struct image_ref r = { 0 };

	if (ref && ref_parse(ref, &r, NULL) == 0)
		familiar = ref_familiar(&r);
	if (!entry) {
		entry = json_pack("{s:s, s:o, s:[], s:O}", "id", f->img->manifest_digest, "Config", blob_path(f->img->id), "RepoTags", "Layers",
			f->names);
		json_array_append_new(s->list, entry);
		if (!ref)
			add_desc(s, f->img, f->manifest, NULL, NULL);
	}
	if (familiar && !in_list(jx_arr(entry, "RepoTags"), familiar)) {
		json_array_append_new(jx_arr(entry, "RepoTags"), json_string(familiar));
		add_desc(s, f->img, f->manifest, ref, r.tag);
	}
	ref_done(&r);
}

static int add_image(struct save *s, const char *given, struct err *err)
{
	struct found f = { 0 };

	if (find(s, given, &f, err) < 0)
		return err_wrap(err, "save image '%s'", given);
	add_names(s, &f, given);
	found_done(&f);
	return 0;
}

/* ------------------------------------------------------------------ the tar */

static int tar_fail(struct save *s, struct err *err)
{
	return err_sys(err, archive_errno(s->out), "write the archive");
}

static int put_header(struct save *s, const char *name, mode_t type, int64_t size, struct err *err)
{
	struct archive_entry *e = archive_entry_new();
	int r;

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, type == AE_IFDIR ? 0755 : 0644);
	archive_entry_set_size(e, size);
	archive_entry_set_mtime(e, 0, 0);
	r = archive_write_header(s->out, e);
	archive_entry_free(e);
	return r < ARCHIVE_WARN ? tar_fail(s, err) : 0;
}

static int put_text(struct save *s, const char *name, const char *text, struct err *err)
{
	size_t n = strlen(text);

	if (put_header(s, name, AE_IFREG, (int64_t)n, err) < 0)
		return -1;
	return archive_write_data(s->out, text, n) == (la_ssize_t)n ? 0 : tar_fail(s, err);
}

static int put_doc(struct save *s, const char *name, const json_t *doc, struct err *err)
{
	auto_free char *text = json_dumps(doc, JSON_COMPACT);

	return put_text(s, name, text, err);
}

static int copy_bytes(struct save *s, int fd, int64_t size, struct sha256_ctx *sha, struct err *err)
{
	auto_free char *piece = xmalloc(PIECE);

	while (size > 0) {
		ssize_t n = read(fd, piece, size < PIECE ? (size_t)size : PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(err, errno, "read it") : err_set(err, ERR_FAIL, "it has become shorter");
		sha256_update(sha, (size_t)n, (uint8_t *)piece);
		if (archive_write_data(s->out, piece, (size_t)n) != n)
			return tar_fail(s, err);
		size -= n;
	}
	return 0;
}

/* What leaves here has been looked at: a copy of a damaged blob helps nobody. */
static int put_blob(struct save *s, const char *hex, const struct held *h, struct err *err)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", hex);
	char have[HASH_HEX_LEN + 1];
	struct sha256_ctx sha;

	sha256_init(&sha);
	if (put_header(s, name, AE_IFREG, h->size, err) < 0)
		return -1;
	if (copy_bytes(s, h->fd, h->size, &sha, err) < 0)
		return err_wrap(err, "blob 'sha256:%s'", hex);
	sha_hex(&sha, have);
	if (STREQ(have, hex))
		return 0;
	err_set(err, ERR_INPUT, "blob 'sha256:%s' of the image store is damaged: its content is sha256:%s", hex, have);
	return err_hint(err, "'davit system check --repair' removes it; pull or load the image again then");
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct map_item *)a)->key, ((const struct map_item *)b)->key);
}

static int put_all(struct save *s, struct err *err)
{
	auto_free struct map_item *v = xcalloc(s->blobs.n + 1, sizeof *v);
	auto_json json_t *index = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType", INDEX_TYPE,
		"manifests", s->index);

	memcpy(v, s->blobs.items, s->blobs.n * sizeof *v);
	qsort(v, s->blobs.n, sizeof *v, by_key);
	if (put_header(s, "blobs/", AE_IFDIR, 0, err) < 0 || put_header(s, "blobs/sha256/", AE_IFDIR, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < s->blobs.n; i++)
		if (put_blob(s, v[i].key, v[i].value, err) < 0)
			return -1;
	return put_doc(s, "index.json", index, err) < 0 || put_doc(s, "manifest.json", s->list, err) < 0
		? -1 : put_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", err);
}

static int write_tar(struct save *s, struct err *err)
{
	int r;

	s->out = archive_write_new();
	if (!s->out)
		return err_set(err, ERR_FAIL, "out of memory");
	archive_write_set_format_pax_restricted(s->out);
	archive_write_set_bytes_in_last_block(s->out, 1);
	r = archive_write_open_fd(s->out, s->req->fd) < ARCHIVE_WARN ? tar_fail(s, err) : put_all(s, err);
	if (r < 0)
		archive_write_fail(s->out); /* so that nothing is written behind what failed */
	else if (archive_write_close(s->out) < ARCHIVE_WARN)
		r = tar_fail(s, err);
	archive_write_free(s->out);
	return r;
}

int pack_save(const struct pack_save *req, struct err *err)
{
	struct save s = { .req = req, .index = json_array(), .list = json_array() };
	json_t *entry;
	size_t i;
	int r = image_store_open(req->state_dir, &s.store, err);

	fd_raise_limit();
	for (i = 0; i < req->n_names && r == 0; i++)
		r = add_image(&s, req->names[i], err);
	json_array_foreach(s.list, i, entry)
		json_object_del(entry, "id"); /* ours alone */
	if (r == 0)
		r = write_tar(&s, err);
	json_decref(s.index);
	json_decref(s.list);
	map_done(&s.blobs, held_free);
	image_store_close(s.store);
	return r;
}
