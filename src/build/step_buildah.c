/* step_buildah.c - base images in, `buildah build`, the result out; build.h says why it is done so. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "step.h"
#include "tool.h"

enum { DOC_MAX = 8 << 20, ID_MAX = 256 };

#define HEX(digest) ((digest) + strlen("sha256:"))

/* "buildah … WORDS": what it prints is ret, when that is given. */
static int ask(const struct step *s, const char *const *words, struct buf *ret, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT;
	struct argv_places at;

	step_places(s, NULL, NULL, &at);
	argv_buildah(&at, &argv);
	for (; *words; words++)
		strs_add(&argv, *words);
	return tool_must(&s->run->host, &argv, s->out_fd, ret, err);
}

/* --- base images --- */

/* Which of buildah's images it is; NULL: none. */
static const json_t *known_image(const json_t *images, const char *id)
{
	const json_t *image;
	size_t i;

	json_array_foreach(images, i, image) {
		const char *have = jx_str(image, "id");

		if (have && STREQ(str_starts(have, "sha256:") ? HEX(have) : have, HEX(id)))
			return image;
	}
	return NULL;
}

static bool has_name(const json_t *image, const char *ref)
{
	const json_t *name;
	size_t i;

	json_array_foreach(jx_arr(image, "names"), i, name)
		if (str_eq(json_string_value(name), ref))
			return true;
	return false;
}

/* What buildah has, and by which names. */
static int list_images(const struct step *s, json_t **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (ask(s, (const char *const[]){ "images", "--json", "--no-trunc", NULL }, &text, err) < 0)
		return -1;
	*ret = NULL;
	if (text.len)
		jx_parse(text.p, text.len, ret, NULL);
	return 0;
}

/* A layout of that one image, whose blobs are the store's. */
static int write_layout(const struct step *s, const struct image *img, const char *dir, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_free char *blobs = xasprintf("%s/images/blobs", s->run->host.state_dir), *link = path_join(dir, "blobs");
	auto_free char *doc = xasprintf("%s/sha256/%s", blobs, HEX(img->manifest_digest)), *text = NULL;
	auto_free char *layout_file = path_join(dir, "oci-layout"), *index_file = path_join(dir, "index.json");
	auto_buf struct buf manifest = BUF_INIT;
	auto_json json_t *parsed = NULL, *index = NULL;
	const char *type;

	if (path_mkdirs(AT_FDCWD, dir, 0700, err) < 0 || path_read(AT_FDCWD, doc, DOC_MAX, &manifest, err) < 0 ||
	    jx_parse(manifest.p, manifest.len, &parsed, err) < 0)
		return -1;
	type = jx_str(parsed, "mediaType");
	index = json_pack("{s:i, s:[{s:s, s:s, s:I, s:{s:s}}]}", "schemaVersion", 2, "manifests", "mediaType",
			  type ? type : "application/vnd.oci.image.manifest.v1+json", "digest", img->manifest_digest, "size",
			  (json_int_t)manifest.len, "annotations", "org.opencontainers.image.ref.name", "base");
	text = json_dumps(index, JSON_COMPACT);
	if (symlink(blobs, link) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make '%s'", link);
	return path_write(AT_FDCWD, layout_file, layout, sizeof layout - 1, 0600, 0, err) < 0 ||
			       path_write(AT_FDCWD, index_file, text, strlen(text), 0600, 0, err) < 0
		       ? -1
		       : 0;
}

/* In the working directory, which is the job's: buildah makes a name of what stands behind "oci:", which must be one, and nobody else's. */
static char *base_name(const struct step *s, size_t number)
{
	return xasprintf("from-%s-%s-%zu", strrchr(s->session->name, '-') + 1, strrchr(s->tmp, '/') + 1, number);
}

static int pull_base(const struct step *s, const struct image *img, size_t number, struct err *err)
{
	auto_free char *dir = base_name(s, number), *from = xasprintf("oci:%s:base", dir);
	auto_buf struct buf id = BUF_INIT;

	return write_layout(s, img, dir, err) < 0 ? -1 : ask(s, (const char *const[]){ "pull", "--quiet", from, NULL }, &id, err);
}

/* Takes away the name by which it was pulled; the image stays under the other one. */
static void forget_name(const struct step *s, size_t number)
{
	auto_free char *base = base_name(s, number), *name = xasprintf("localhost/%s", base);
	auto_buf struct buf said = BUF_INIT;

	ask(s, (const char *const[]){ "rmi", name, NULL }, &said, NULL);
}

static int import_base(const struct step *s, const struct image *img, const char *ref, size_t number, const json_t *images, struct err *err)
{
	const json_t *known = known_image(images, img->id);

	if (known && has_name(known, ref))
		return 0;
	if (!known && pull_base(s, img, number, err) < 0)
		return -1;
	if (ask(s, (const char *const[]){ "tag", HEX(img->id), ref, NULL }, NULL, err) < 0)
		return -1;
	if (!known)
		forget_name(s, number);
	return 0;
}

static int import_bases(const struct step *s, struct image_store *store, const struct strs *names, struct err *err)
{
	auto_json json_t *images = NULL;
	int r = 0;

	if (names->n && list_images(s, &images, err) < 0)
		return -1;
	for (size_t i = 0; i < names->n && r == 0; i++) {
		auto_free char *ref = NULL;
		struct image *img = step_base(s, store, names->v[i], &ref);

		if (img)
			r = import_base(s, img, ref, i, images, err);
		image_free(img);
		if (r < 0)
			return err_wrap(err, "hand image '%s' to buildah", names->v[i]);
	}
	return 0;
}

/* --- the result --- */

static int read_id(const char *file, char **ret, struct err *err)
{
	auto_buf struct buf id = BUF_INIT;

	if (path_read(AT_FDCWD, file, ID_MAX, &id, err) < 0)
		return -1;
	buf_str(&id, "");
	id.p[strcspn(id.p, "\n")] = '\0';
	if (!str_starts(id.p, "sha256:") || strlen(HEX(id.p)) != HASH_HEX_LEN)
		return err_set(err, ERR_PROTO, "buildah says '%s' where an image id should be", id.p);
	*ret = buf_take(&id);
	return 0;
}

/* The config's text, byte for byte: it has the digest that is the id. */
static int read_config(const struct step *s, const char *id, char **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *doc = NULL;
	const char *config;
	char hex[HASH_HEX_LEN + 1] = "";

	if (ask(s, (const char *const[]){ "inspect", "--type=image", HEX(id), NULL }, &text, err) < 0 ||
	    jx_parse(text.p ? text.p : "", text.len, &doc, err) < 0)
		return -1;
	config = jx_str(doc, "Config");
	if (config)
		hash_sha256_hex(config, strlen(config), hex);
	if (!STREQ(hex, HEX(id)))
		return err_set(err, ERR_PROTO, "buildah gives a config for image '%s' that is another's", id);
	*ret = xstrdup(config);
	return 0;
}

/* Files by the names of those layers keep buildah from writing them. */
static int mark_known(const char *out, const json_t *ids, size_t n, struct err *err)
{
	auto_free char *dir = path_join(out, "blobs/sha256");

	if (path_mkdirs(AT_FDCWD, dir, 0700, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = xasprintf("%s/%s", dir, HEX(json_string_value(json_array_get(ids, i))));

		if (path_write(AT_FDCWD, path, "", 0, 0600, 0, err) < 0)
			return -1;
	}
	return 0;
}

/* Has buildah write the layers that davit's store does not have. */
static int push(const struct step *s, struct image_store *store, const char *id, const char *config, const char *out, struct err *err)
{
	auto_json json_t *doc = NULL, *known = NULL;
	auto_free char *to = xasprintf("oci:%s:built", out);
	const json_t *ids;

	if (jx_parse(config, strlen(config), &doc, err) < 0 || image_known_layers(store, doc, &known, err) < 0)
		return -1;
	ids = jx_arr(jx_obj(doc, "rootfs"), "diff_ids");
	if (mark_known(out, ids, json_array_size(known), err) < 0)
		return -1;
	if (json_array_size(known) == json_array_size(ids))
		return 0;
	return ask(s, (const char *const[]){ "push", "--quiet", "--compression-level=1", HEX(id), to, NULL }, NULL, err);
}

static int build(const struct step *s, struct image_store *store, const struct strs *names, json_t **ret, struct err *err)
{
	auto_free char *iid = path_join(s->tmp, "iid"), *out = path_join(s->tmp, "out"), *id = NULL, *config = NULL;
	auto_strs struct strs argv = STRS_INIT, warnings = STRS_INIT;
	struct argv_places at;
	bool unchanged;

	if (import_bases(s, store, names, err) < 0)
		return -1;
	step_places(s, iid, out, &at);
	argv_buildah_build(s->spec, &at, &argv, &warnings);
	if (tool_must(&s->run->host, &argv, s->out_fd, NULL, err) < 0 || read_id(iid, &id, err) < 0)
		return -1;
	unchanged = step_has(s, store, id);
	if (!unchanged && (read_config(s, id, &config, err) < 0 || push(s, store, id, config, out, err) < 0 ||
			   step_take(s, out, config, err) < 0))
		return -1;
	*ret = json_pack("{s:s, s:b, s:o}", "id", id, "unchanged", unchanged, "warnings", json_array());
	for (size_t i = 0; i < warnings.n; i++)
		json_array_append_new(jx_arr(*ret, "warnings"), json_string(warnings.v[i]));
	return 0;
}

int step_buildah(const struct step *s, json_t **ret, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	struct image_store *store = NULL;
	int r;

	spec_images(s->spec, &names);
	if (step_fetch(s, &names, err) < 0 || image_store_open(s->run->host.state_dir, &store, err) < 0)
		return -1;
	r = build(s, store, &names, ret, err);
	image_store_close(store);
	return r;
}
