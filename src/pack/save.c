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
#include "../util/json.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "sha.h"

enum { PIECE = 1 << 17 };

struct save {
	const struct pack_save *req;
	struct image_store *store;
	struct map blobs;     /* hex → malloc'ed size */
	json_t *index, *list; /* of index.json, of manifest.json; owned */
	struct archive *out;
};

/* ------------------------------------------------------------------ which blobs */

static int add_blob(struct save *s, const char *digest, struct err *err)
{
	const char *hex = digest ? digest_hex(digest) : NULL;
	auto_free char *name = NULL;
	struct stat st;
	int64_t *size;

	if (!hex)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	if (map_has(&s->blobs, hex))
		return 0;
	name = xasprintf("blobs/sha256/%s", hex);
	if (fstatat(s->store->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		err_set(err, ERR_NOT_FOUND, "its blob '%s' is missing from the image store '%s'", digest, s->store->path);
		return err_hint(err, "pull or load the image again");
	}
	size = xmalloc(sizeof *size);
	*size = st.st_size;
	map_set(&s->blobs, hex, size);
	return 0;
}

static json_t *blob_path(const char *digest)
{
	auto_free char *path = xasprintf("blobs/sha256/%s", digest_hex(digest));

	return json_string(path);
}

static int add_blobs(struct save *s, const struct image *img, const json_t *manifest, json_t *names, struct err *err)
{
	const json_t *layer;
	size_t i;

	if (add_blob(s, img->manifest_digest, err) < 0 || add_blob(s, img->id, err) < 0)
		return -1;
	json_array_foreach(jx_arr(manifest, "layers"), i, layer) {
		if (add_blob(s, jx_str(layer, "digest"), err) < 0)
			return -1;
		json_array_append_new(names, blob_path(jx_str(layer, "digest")));
	}
	return 0;
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
		(json_int_t) * (int64_t *)map_get(&s->blobs, hex));

	if (ref)
		json_object_set_new(desc, "annotations", json_pack("{s:s, s:s}", "io.containerd.image.name", ref, REF_NAME, tag));
	json_object_set_new(desc, "platform", json_pack("{s:s, s:s}", "architecture", img->architecture ? img->architecture : "unknown", "os",
		img->os ? img->os : "linux"));
	if (img->variant && *img->variant)
		jx_set_str(jx_obj(desc, "platform"), "variant", img->variant);
	json_array_append_new(s->index, desc);
}

static int add_image(struct save *s, const char *given, struct err *err)
{
	auto_json json_t *manifest = NULL, *names = json_array();
	auto_free char *ref = NULL, *familiar = NULL;
	struct image *img = NULL;
	struct image_ref r = { 0 };
	json_t *entry;
	int result;

	if (image_look(s->store, given, s->req->platform, &img, err) < 0)
		return -1;
	result = store_doc(s->store, img->manifest_digest, &manifest, err) < 0 || add_blobs(s, img, manifest, names, err) < 0 ? -1 : 0;
	ref = result == 0 ? name_of(img, given) : NULL;
	if (ref && ref_parse(ref, &r, NULL) == 0)
		familiar = ref_familiar(&r);
	if (result == 0 && !(entry = entry_of(s, img))) {
		entry = json_pack("{s:s, s:o, s:[], s:O}", "id", img->manifest_digest, "Config", blob_path(img->id), "RepoTags", "Layers", names);
		json_array_append_new(s->list, entry);
		if (!ref)
			add_desc(s, img, manifest, NULL, NULL);
	}
	if (result == 0 && familiar && !in_list(jx_arr(entry, "RepoTags"), familiar)) {
		json_array_append_new(jx_arr(entry, "RepoTags"), json_string(familiar));
		add_desc(s, img, manifest, ref, r.tag);
	}
	ref_done(&r);
	image_free(img);
	return result < 0 ? err_wrap(err, "save image '%s'", given) : 0;
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
static int put_blob(struct save *s, const char *hex, int64_t size, struct err *err)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", hex);
	auto_close int fd = openat(s->store->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char have[HASH_HEX_LEN + 1];
	struct sha256_ctx sha;

	sha256_init(&sha);
	if (fd < 0)
		return err_sys(err, errno, "open blob 'sha256:%s'", hex);
	if (put_header(s, name, AE_IFREG, size, err) < 0)
		return -1;
	if (copy_bytes(s, fd, size, &sha, err) < 0)
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
		if (put_blob(s, v[i].key, *(int64_t *)v[i].value, err) < 0)
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

	for (i = 0; i < req->n_names && r == 0; i++)
		r = add_image(&s, req->names[i], err);
	json_array_foreach(s.list, i, entry)
		json_object_del(entry, "id"); /* ours alone */
	if (r == 0)
		r = write_tar(&s, err);
	json_decref(s.index);
	json_decref(s.list);
	map_done(&s.blobs, free);
	image_store_close(s.store);
	return r;
}
