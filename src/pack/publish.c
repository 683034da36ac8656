/* publish.c - see publish.h.
 *
 * One syncfs before anything is renamed: after a power cut a name means whole content. What has its name
 * already is left as it is, a name being a digest. */
#include "publish.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "change.h"
#include "inherit.h"

/* Which of several a disk that is full, or breaks, belongs to. */
static int in_store(const struct stage *s, int r, struct err *err)
{
	return r < 0 ? err_wrap(err, "image store '%s'", s->images_path) : r;
}

/* file NULL: the store has it. */
static int place_blob(const struct stage *s, const char *file, const char *hex, struct err *err)
{
	auto_free char *to = xasprintf("blobs/sha256/%s", hex);

	if (!file)
		return 0;
	if (renameat2(s->fd, file, s->images_fd, to, RENAME_NOREPLACE) == 0 || errno == EEXIST)
		return 0;
	if (errno == ENOENT && faccessat(s->images_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0; /* shared with another image of this archive, and placed for it */
	return err_sys(err, errno, "put blob 'sha256:%s' into the image store", hex);
}

static int place_image(const struct stage *s, const struct pack_image *img, struct err *err)
{
	auto_free char *file = NULL;

	for (size_t i = 0; i < img->n_layers; i++)
		if (place_blob(s, img->layers[i].blob->file, img->layers[i].blob->hex, err) < 0)
			return -1;
	if (place_blob(s, img->config->file, img->config->hex, err) < 0)
		return -1;
	if (img->index && place_blob(s, img->index->file, img->index->hex, err) < 0)
		return -1;
	if (img->manifest)
		return place_blob(s, img->manifest->file, img->manifest->hex, err);
	file = xasprintf("manifest-%s", img->manifest_hex);
	return place_blob(s, file, img->manifest_hex, err);
}

/* What is known of a layer, beside it. */
static int stage_meta(const struct stage *s, const struct staged_layer *l, struct err *err)
{
	auto_free char *name = xasprintf("%s.json", l->dir),
		       *diff = xasprintf("sha256:%s", l->layer->diff_hex);
	auto_json json_t *meta = json_object();

	jx_set_str(meta, "diff_id", diff);
	jx_set_int(meta, "size", (int64_t)l->bytes);
	jx_set_int(meta, "entries", (int64_t)l->entries);
	return in_store(s, jx_store(s->fd, name, meta, 0600, 0, err), err);
}

static int stage_layers(const struct stage *s, const struct staged_layer *layers, size_t n, struct err *err)
{
	if (inherit(s, layers, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (stage_meta(s, &layers[i], err) < 0)
			return -1;
	return 0;
}

/* What we write ourselves is staged as well, so that the one syncfs covers it. */
static int stage_own(const struct stage *s, const struct pack_images *images,
	const struct staged_layer *layers, size_t n_layers, struct err *err)
{
	for (size_t i = 0; i < images->n; i++) {
		const struct pack_image *img = &images->v[i];
		auto_free char *file = xasprintf("manifest-%s", img->manifest_hex);
		if (img->manifest_text &&
			path_write(s->fd, file, img->manifest_text, img->manifest_size, 0644, 0, err) < 0)
			return in_store(s, -1, err);
	}
	return stage_layers(s, layers, n_layers, err);
}

static int place_layer(const struct stage *s, const struct staged_layer *l, struct err *err)
{
	auto_free char *to = xasprintf("layers/%s", l->layer->chain), *meta_to = xasprintf("%s.json", to);
	auto_free char *meta = xasprintf("%s.json", l->dir);
	char link[LINK_LEN + 1];

	if (renameat(s->fd, meta, s->images_fd, meta_to) < 0 ||
		(renameat2(s->fd, l->dir, s->images_fd, to, RENAME_NOREPLACE) < 0 && errno != EEXIST))
		return err_sys(err, errno, "put layer 'sha256:%s' into the image store", l->layer->diff_hex);
	return store_link(s->images_fd, l->layer->chain, link, err);
}

/* ------------------------------------------------------------------ index.json */

static bool same_ref(const json_t *desc, const char *ref)
{
	const char *name = jx_str(jx_obj(desc, "annotations"), REF_NAME);
	struct image_ref r;
	auto_free char *text = NULL;

	if (!name || ref_parse(name, &r, NULL) < 0)
		return false;
	text = ref_format(&r);
	ref_done(&r);
	return STREQ(text, ref);
}

/* A name stands for one image of each platform; one that is for nobody knows what machine is in the way of all. img NULL: any platform. */
static bool same_platform(const struct image_store *s, const json_t *desc, const struct pack_image *img)
{
	struct platform p;

	if (!img || !*img->platform.arch || desc_platform(s, desc, &p) < 0)
		return true;
	return platform_same(&p, &img->platform);
}

/* The name leaves the image it stood for; that one stays, without a name, since containers may be made of it.
 */
static void index_unname(const struct image_store *s, json_t *list, const struct pack_image *img, const char *ref)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		auto_json json_t *desc = json_incref(json_array_get(list, i));
		if (!same_ref(desc, ref) || !same_platform(s, desc, img))
			continue;
		json_array_remove(list, i);
		if (descs_have(list, jx_str(desc, "digest")))
			continue;
		json_object_del(jx_obj(desc, "annotations"), REF_NAME);
		json_object_del(jx_obj(desc, "annotations"), PULLED_AT);
		json_array_append(list, desc);
	}
}

static void index_remove_nameless(json_t *list, const char *digest)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const json_t *desc = json_array_get(list, i);
		if (str_eq(jx_str(desc, "digest"), digest) && !jx_str(jx_obj(desc, "annotations"), REF_NAME))
			json_array_remove(list, i);
	}
}

static void index_add(
	json_t *list, const struct pack_image *img, const char *digest, const char *type, const char *ref)
{
	json_t *desc = json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size",
		(json_int_t)img->manifest_size), *notes = json_object();
	auto_free char *index = img->index ? xasprintf("sha256:%s", img->index->hex) : NULL;
	char now[40];

	if (*img->platform.arch)
		json_object_set_new(desc, "platform", platform_json(&img->platform));
	clock_format(clock_wall_ns(), now);
	jx_set_str(notes, REF_NAME, ref);
	jx_set_str(notes, PULLED_AT, ref ? now : NULL);
	jx_set_str(notes, INDEX_DIGEST, index);
	if (json_object_size(notes))
		json_object_set(desc, "annotations", notes);
	json_decref(notes);
	json_array_append_new(list, desc);
}

/* A manifest of Docker's own kind says so in itself. */
static int manifest_type(const struct stage *s, const struct pack_image *img, char **ret, struct err *err)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", img->manifest_hex);
	auto_json json_t *doc = NULL;
	const char *type;

	if (jx_load(s->images_fd, name, DOC_MAX, &doc, err) < 0)
		return in_store(s, -1, err);
	type = jx_str(doc, "mediaType");
	*ret = xstrdup(type ? type : MANIFEST_TYPE);
	return 0;
}

static int index_image(const struct stage *s, const struct image_store *store, json_t *list, const struct pack_image *img, struct err *err)
{
	auto_free char *digest = xasprintf("sha256:%s", img->manifest_hex), *type = NULL;

	if (manifest_type(s, img, &type, err) < 0)
		return -1;
	for (size_t i = 0; i < img->refs.n; i++) {
		index_unname(store, list, img, img->refs.v[i]);
		index_remove_nameless(list, digest);
		index_add(list, img, digest, type, img->refs.v[i]);
	}
	if (img->refs.n == 0 && !descs_have(list, digest))
		index_add(list, img, digest, type, NULL);
	return 0;
}

static int write_index(const struct stage *s, const struct pack_images *images, json_t *index, struct err *err)
{
	struct image_store store = { s->images_path, s->images_fd };

	for (size_t i = 0; i < images->n && images->exact; i++)
		for (size_t k = 0; k < images->v[i].refs.n; k++)
			index_unname(&store, jx_arr(index, "manifests"), NULL, images->v[i].refs.v[k]);
	for (size_t i = 0; i < images->n; i++)
		if (index_image(s, &store, jx_arr(index, "manifests"), &images->v[i], err) < 0)
			return -1;
	return in_store(s, jx_store(s->images_fd, "index.json", index, 0644, PATH_SYNC, err), err);
}

/* ------------------------------------------------------------------ all of it */

static int sync_dir(const struct stage *s, const char *name, struct err *err)
{
	auto_close int fd = openat(s->images_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, errno, "write '%s/%s' to disk", s->images_path, name);
	return 0;
}

static bool is_there(const struct stage *s, const struct pack_layer *l, const struct staged_layer *layers, size_t n_layers)
{
	for (size_t i = 0; i < n_layers; i++)
		if (STREQ(layers[i].layer->chain, l->chain))
			return true;
	return stage_has(s, "layers", l->chain);
}

static bool blob_is_there(const struct stage *s, const struct staged_blob *b)
{
	return !b || b->file || stage_has(s, "blobs/sha256", b->hex);
}

static bool image_is_there(const struct stage *s, const struct pack_image *img, const struct staged_layer *layers, size_t n_layers)
{
	for (size_t i = 0; i < img->n_layers; i++)
		if (!is_there(s, &img->layers[i], layers, n_layers) || !blob_is_there(s, img->layers[i].blob))
			return false;
	return blob_is_there(s, img->config) && blob_is_there(s, img->manifest) && blob_is_there(s, img->index);
}

/* What was there when it was looked for may have been removed since, by a prune that knew nothing of these images. */
static bool whole(const struct stage *s, const struct pack_images *images, const struct staged_layer *layers, size_t n_layers)
{
	for (size_t i = 0; i < images->n; i++)
		if (!image_is_there(s, &images->v[i], layers, n_layers))
			return false;
	return true;
}

int publish(const struct stage *s, const struct pack_images *images, const struct staged_layer *layers,
	size_t n_layers, struct err *err)
{
	auto_close int lock = -1;
	auto_json json_t *index = NULL;

	if (stage_own(s, images, layers, n_layers, err) < 0)
		return -1;
	if (syncfs(s->fd) < 0)
		return in_store(s, err_sys(err, errno, "write the image to disk"), err);
	if (stage_lock(s, &lock, err) < 0 || stage_layout(s, err) < 0 || stage_index(s, &index, err) < 0)
		return -1;
	if (!whole(s, images, layers, n_layers))
		return PUBLISH_LOST;
	for (size_t i = 0; i < images->n; i++)
		if (place_image(s, &images->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < n_layers; i++)
		if (place_layer(s, &layers[i], err) < 0)
			return -1;
	if (sync_dir(s, "blobs/sha256", err) < 0 || sync_dir(s, "layers", err) < 0)
		return -1;
	return write_index(s, images, index, err);
}

int publish_layers(const struct stage *s, const struct staged_layer *layers, size_t n_layers, struct err *err)
{
	auto_close int lock = -1;

	if (stage_layers(s, layers, n_layers, err) < 0)
		return -1;
	if (syncfs(s->fd) < 0)
		return in_store(s, err_sys(err, errno, "write the layers to disk"), err);
	if (stage_lock(s, &lock, err) < 0)
		return -1;
	for (size_t i = 0; i < n_layers; i++)
		if (place_layer(s, &layers[i], err) < 0)
			return -1;
	return sync_dir(s, "layers", err);
}
