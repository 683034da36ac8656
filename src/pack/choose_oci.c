/* choose_oci.c - OCI archive: index.json → (indexes →) manifests.
 *
 * Descriptors that share a name are the platforms of one image; one is chosen. An index nested in another is
 * such a group as well, and inherits the name. Attestations (platform unknown/unknown) are no images. */
#include "choose.h"

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "manifest.h"
#include "name.h"

enum { DEPTH_MAX = 4, DESCS_MAX = 4096 };

#define NAME_CONTAINERD "io.containerd.image.name"

static struct staged_blob *find_blob(const struct choice *c, const json_t *desc, struct err *err)
{
	const char *digest = jx_str(desc, "digest"), *hex = digest ? digest_hex(digest) : NULL;
	auto_free char *name = NULL, *shown = name_show(digest ? digest : "");
	struct staged_blob *f;

	if (!hex) {
		err_set(err, ERR_INPUT, "'%s' is not a SHA-256 digest", shown);
		return NULL;
	}
	name = xasprintf("blobs/sha256/%s", hex);
	f = spool_get(c->files, name);
	if (f && f->part && !*f->hex)
		memcpy(f->hex, hex, sizeof f->hex);
	if (!f)
		err_set(err, ERR_INPUT, "blob '%s' is missing from the archive", digest);
	else if (!STREQ(f->hex, hex))
		err_set(err, ERR_INPUT, "blob '%s' has other content than its name says: sha256:%s", digest,
			f->hex);
	else if (jx_int(desc, "size", -1) != (int64_t)f->size)
		err_set(err, ERR_INPUT, "blob '%s' has %llu bytes, its descriptor says %lld", digest,
			(unsigned long long)f->size, (long long)jx_int(desc, "size", -1));
	else
		return f;
	return NULL;
}

static int read_manifest(const struct choice *c, struct pack_image *img, const json_t *doc, struct err *err)
{
	const json_t *list = jx_arr(doc, "layers"), *desc;
	size_t i, n = json_array_size(list);
	auto_free struct staged_blob **layers = NULL;

	if (manifest_check(doc, err) < 0)
		return -1;
	layers = xcalloc(n + 1, sizeof *layers);
	img->config = find_blob(c, jx_obj(doc, "config"), err);
	if (!img->config)
		return -1;
	json_array_foreach(list, i, desc) {
		layers[i] = find_blob(c, desc, err);
		if (!layers[i])
			return -1;
	}
	return choice_finish(c, img, layers, n, err);
}

/* The same manifest under another name is the same image. */
static struct pack_image *image_of(const struct choice *c, const struct staged_blob *manifest)
{
	for (size_t i = 0; i < c->out->n; i++)
		if (c->out->v[i].manifest == manifest)
			return &c->out->v[i];
	return NULL;
}

static int take_manifest(
	const struct choice *c, const struct staged_blob *f, const json_t *doc, const char *name, struct err *err)
{
	struct pack_image *img = image_of(c, f);
	auto_free char *shown = name_show(name ? name : f->hex);

	if (img) {
		if (name)
			choice_ref(c, img, name);
		return 0;
	}
	img = XGROW(c->out->v, c->out->n, c->out->cap);
	img->manifest = f;
	img->manifest_size = f->size;
	memcpy(img->manifest_hex, f->hex, sizeof f->hex);
	if (name)
		choice_ref(c, img, name);
	if (read_manifest(c, img, doc, err) < 0)
		return err_wrap(err, "image '%s'", shown);
	return 0;
}

/* ------------------------------------------------------------------ platforms */

static const char *desc_name(const json_t *desc)
{
	const json_t *a = jx_obj(desc, "annotations");
	const char *name = jx_str(a, NAME_CONTAINERD);

	return name ? name : jx_str(a, REF_NAME);
}

static bool is_attestation(const json_t *desc)
{
	const char *os = jx_str(jx_obj(desc, "platform"), "os");

	return os && STREQ(os, "unknown");
}

static int none_fits(const struct choice *c, const json_t *group, const char *name, struct err *err)
{
	auto_free char *shown = name_show(name ? name : "without a name"), *list = platform_list(group);
	char want[PLATFORM_TEXT];

	platform_format(&c->platform, want);
	return err_set(err, ERR_INPUT, "image '%s' is not there for %s; the archive has it for %s", shown, want, list);
}

static const json_t *pick(const struct choice *c, const json_t *group, const char *name, struct err *err)
{
	const json_t *desc, *best = platform_pick(group, &c->platform);
	size_t i;

	if (best)
		return best;
	/* one that does not say what it is for may be for us; its config will tell */
	json_array_foreach(group, i, desc)
		if (json_array_size(group) == 1 || !jx_obj(desc, "platform"))
			return desc;
	none_fits(c, group, name, err);
	return NULL;
}

/* ------------------------------------------------------------------ indexes */

static int take_index(
	const struct choice *c, const json_t *index, const char *name, int depth, struct err *err);

static int take_desc(const struct choice *c, const json_t *desc, const char *name, int depth, struct err *err)
{
	const struct staged_blob *f = find_blob(c, desc, err);
	auto_json json_t *doc = NULL;
	enum manifest_kind kind;

	if (!f || choice_doc(c, f, jx_str(desc, "digest"), &doc, err) < 0)
		return -1;
	if (manifest_kind(doc, jx_str(desc, "mediaType"), &kind, err) < 0)
		return err_wrap(err, "'%s'", jx_str(desc, "digest"));
	if (kind == MANIFEST_INDEX)
		return take_index(c, doc, name, depth + 1, err);
	return take_manifest(c, f, doc, name, err);
}

/* A nested index is one image: its descriptors are the platforms. */
static int take_index(
	const struct choice *c, const json_t *index, const char *name, int depth, struct err *err)
{
	const json_t *list = jx_arr(index, "manifests"), *desc, *best;
	auto_json json_t *group = json_array();
	size_t i;

	if (depth > DEPTH_MAX || json_array_size(list) > DESCS_MAX)
		return err_set(err, ERR_INPUT, "an index is nested too deep, or too long");
	json_array_foreach(list, i, desc)
		if (!is_attestation(desc))
			json_array_append(group, (json_t *)desc);
	best = pick(c, group, name, err);
	return best ? take_desc(c, best, name, depth, err) : -1;
}

static bool name_seen(const json_t *list, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (str_eq(desc_name(json_array_get(list, i)), name))
			return true;
	return false;
}

static json_t *group_of(const json_t *list, const char *name, bool *ret_platforms)
{
	json_t *group = json_array();
	const json_t *desc;
	size_t i;

	json_array_foreach(list, i, desc) {
		if (is_attestation(desc) || !str_eq(desc_name(desc), name))
			continue;
		json_array_append(group, (json_t *)desc);
		*ret_platforms |= jx_obj(desc, "platform") != NULL;
	}
	return group;
}

int choose_oci(const struct choice *c, const json_t *index, struct err *err)
{
	const json_t *list = jx_arr(index, "manifests"), *desc;
	size_t i, k;

	if (!list || json_array_size(list) > DESCS_MAX)
		return err_set(err, ERR_INPUT, "index.json has no list of at most %d manifests", DESCS_MAX);
	json_array_foreach(list, i, desc) {
		const char *name = desc_name(desc);
		bool platforms = false;
		auto_json json_t *group = NULL;
		const json_t *one;
		if (name_seen(list, i, name))
			continue;
		group = group_of(list, name, &platforms);
		if (name || platforms) {
			if (json_array_size(group) &&
				(!(one = pick(c, group, name, err)) || take_desc(c, one, name, 0, err) < 0))
				return -1;
			continue;
		}
		json_array_foreach(group, k, one) /* several images, none of them named */
			if (take_desc(c, one, NULL, 0, err) < 0)
				return -1;
	}
	return 0;
}
