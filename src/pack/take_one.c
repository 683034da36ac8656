/* take_one.c - one image of those that a builder made: a layout's blobs get names in the staging directory and are hashed
 * there. */
#include "take_parts.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "manifest.h"
#include "sha.h"

enum { HASH_BYTES = 256 << 10, INDEX_DEPTH = 3, IMAGES_MAX = 64 };

/* ------------------------------------------------------------------ the layout's documents */

static char *blob_path(const char *digest)
{
	const char *hex = digest ? digest_hex(digest) : NULL;

	return hex ? xasprintf("blobs/sha256/%s", hex) : NULL;
}

/* A document of the layout; it has the content that its name promises. */
static int layout_doc(int dir_fd, const char *digest, json_t **ret, struct err *err)
{
	auto_free char *name = blob_path(digest);
	auto_buf struct buf text = BUF_INIT;
	char hex[HASH_HEX_LEN + 1];

	if (!name)
		return err_set(err, ERR_INPUT, "its index is not valid");
	if (path_read(dir_fd, name, DOC_MAX, &text, err) < 0)
		return -1;
	hash_sha256_hex(text.p ? text.p : "", text.len, hex);
	if (!STREQ(hex, digest_hex(digest)))
		return err_set(err, ERR_INPUT, "blob '%s' has other content than its name says: sha256:%s", digest, hex);
	return jx_parse(text.p ? text.p : "", text.len, ret, err);
}

/* BuildKit's statements about an image stand beside it, as images for no machine. */
static bool is_attestation(const json_t *desc)
{
	return str_eq(jx_str(jx_obj(desc, "platform"), "os"), "unknown");
}

static int add_manifests(int dir_fd, const json_t *doc, int depth, json_t *list, struct err *err)
{
	const json_t *descs = depth < INDEX_DEPTH ? jx_arr(doc, "manifests") : NULL, *desc;
	size_t i;

	if (!descs) {
		if (json_array_size(list) == IMAGES_MAX)
			return err_set(err, ERR_INPUT, "it has more than %d images", IMAGES_MAX);
		if (manifest_check(doc, err) < 0)
			return -1;
		json_array_append(list, (json_t *)doc);
		return 0;
	}
	json_array_foreach(descs, i, desc) {
		auto_json json_t *next = NULL;

		if (is_attestation(desc))
			continue;
		if (layout_doc(dir_fd, jx_str(desc, "digest"), &next, err) < 0 || add_manifests(dir_fd, next, depth + 1, list, err) < 0)
			return -1;
	}
	return 0;
}

int layout_manifests(int dir_fd, json_t **ret, struct err *err)
{
	auto_json json_t *doc = NULL, *list = json_array();

	if (jx_load(dir_fd, "index.json", DOC_MAX, &doc, err) < 0 || add_manifests(dir_fd, doc, 0, list, err) < 0)
		return -1;
	if (!json_array_size(list))
		return err_set(err, ERR_INPUT, "its index names no image");
	*ret = json_incref(list);
	return 0;
}

/* ------------------------------------------------------------------ blobs */

static int copy_blob(const struct taken *t, int in, const char *file, struct err *err)
{
	auto_close int out = openat(t->stage->fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n;

	if (out < 0)
		return err_sys(err, errno, "make a file in '%s'", t->stage->images_path);
	while ((n = sendfile(out, in, NULL, 1 << 30)) > 0 || (n < 0 && errno == EINTR))
		;
	return n < 0 ? err_sys(err, errno, "copy a layer into '%s'", t->stage->images_path) : 0;
}

/* Into the stage: by another name on the same file system, else its content. Its own name stays: two images may have it. */
static int name_blob(const struct taken *t, const char *digest, const char *file, int *ret_fd, struct err *err)
{
	auto_free char *name = blob_path(digest);
	auto_close int in = name ? openat(t->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat st;

	if (!name)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(err, errno, "blob '%s'", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "blob '%s' is not a file", digest);
	if (linkat(t->dir_fd, name, t->stage->fd, file, 0) < 0 && copy_blob(t, in, file, err) < 0)
		return -1;
	*ret_fd = openat(t->stage->fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0 || fchmod(*ret_fd, 0644) < 0)
		return err_sys(err, errno, "open a file in '%s'", t->stage->images_path);
	return 0;
}

static int hash_blob(int fd, struct staged_blob *b, struct err *err)
{
	auto_free unsigned char *room = xcalloc(1, HASH_BYTES);
	struct sha256_ctx sha;
	ssize_t n;

	sha256_init(&sha);
	while ((n = read(fd, room, HASH_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read a layer");
		if (b->size == 0)
			b->kind = spool_kind(room, (size_t)n);
		sha256_update(&sha, (size_t)n, room);
		b->size += (uint64_t)n;
	}
	sha_hex(&sha, b->hex);
	return 0;
}

static int take_blob(struct taken *t, const json_t *desc, size_t i, struct err *err)
{
	struct staged_blob *b = &t->layers[i];
	const char *digest = jx_str(desc, "digest");
	auto_close int fd = -1;

	b->file = xasprintf("blob-%zu-%zu", t->number, i);
	if (name_blob(t, digest, b->file, &fd, err) < 0 || hash_blob(fd, b, err) < 0)
		return -1;
	if (!STREQ(b->hex, digest_hex(digest)))
		return err_set(err, ERR_INPUT, "blob '%s' has other content than its name says: sha256:%s", digest, b->hex);
	return 0;
}

/* By its type: the bytes were looked at when it came into the store. */
static enum blob_kind kind_of_type(const char *type)
{
	if (type && strstr(type, "zstd"))
		return BLOB_ZSTD;
	return type && strstr(type, "gzip") ? BLOB_GZIP : BLOB_PLAIN;
}

static void know_blob(struct taken *t, const json_t *desc, size_t i)
{
	struct staged_blob *b = &t->layers[i];

	memcpy(b->hex, digest_hex(jx_str(desc, "digest")), sizeof b->hex);
	b->size = (uint64_t)jx_int(desc, "size", 0);
	b->kind = kind_of_type(jx_str(desc, "mediaType"));
}

/* The lowest layer with the same content: each RUN that changes nothing makes the same empty one. */
static size_t first_same(const struct taken *t, size_t i)
{
	const json_t *diff_ids = jx_arr(jx_obj(t->config, "rootfs"), "diff_ids");
	size_t k = 0;

	while (k < i && !str_eq(json_string_value(json_array_get(diff_ids, k)), json_string_value(json_array_get(diff_ids, i))))
		k++;
	return k;
}

static int take_layers(struct taken *t, struct err *err)
{
	const json_t *listed = jx_arr(t->manifest, "layers");
	size_t n_known = json_array_size(t->known), same;

	t->n_layers = json_array_size(jx_arr(jx_obj(t->config, "rootfs"), "diff_ids"));
	if (n_known < t->n_layers && json_array_size(listed) != t->n_layers)
		return err_set(err, ERR_INPUT, "its config has %zu layers, its manifest %zu, and the store has %zu of them", t->n_layers,
			       json_array_size(listed), n_known);
	t->layers = xcalloc(t->n_layers + 1, sizeof *t->layers);
	for (size_t i = 0; i < t->n_layers; i++)
		if (i < n_known)
			know_blob(t, json_array_get(t->known, i), i);
		else if ((same = first_same(t, i)) < n_known)
			t->layers[i] = t->layers[same];          /* nobody wrote it: the store has it, further down */
		else if (take_blob(t, json_array_get(listed, i), i, err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ the image */

static int read_config(struct taken *t, const char *given, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *name = t->manifest ? blob_path(jx_str(jx_obj(t->manifest, "config"), "digest")) : NULL;

	if (given)
		buf_str(&text, given);
	else if (!name)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	else if (path_read(t->dir_fd, name, DOC_MAX, &text, err) < 0)
		return -1;
	hash_sha256_hex(text.p ? text.p : "", text.len, t->config_blob.hex);
	if (name && !given && !STREQ(name + strlen("blobs/sha256/"), t->config_blob.hex))
		return err_set(err, ERR_INPUT, "its config has other content than its name says: sha256:%s", t->config_blob.hex);
	t->config_blob.size = text.len;
	t->config_blob.file = xasprintf("config-%zu", t->number);
	if (jx_parse(text.p ? text.p : "", text.len, &t->config, err) < 0)
		return err_wrap(err, "image config");
	return path_write(t->stage->fd, t->config_blob.file, text.p, text.len, 0644, 0, err);
}

static int find_known(struct taken *t, struct err *err)
{
	struct image_store store = { t->stage->images_path, t->stage->images_fd };

	return image_known_layers(&store, t->config, &t->known, err);
}

int taken_read(struct taken *t, const char *config, struct err *err)
{
	return read_config(t, config, err) < 0 || find_known(t, err) < 0 || take_layers(t, err) < 0 ? -1 : 0;
}

void taken_done(struct taken *t)
{
	for (size_t i = 0; i < t->n_layers && t->layers; i++)
		free(t->layers[i].file);
	free(t->layers);
	free(t->config_blob.file);
	json_decref(t->config);
	json_decref(t->manifest);
	json_decref(t->known);
}
