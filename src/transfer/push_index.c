/* push_index.c - images of several platforms under one name, which were built or pulled together: the registry gets their index, when the store
 * has all that it names. */
#include "../image/image.h"
#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "push_parts.h"

enum { MANIFESTS_MAX = 64 };

/* What the first of that name is for. */
static int any_platform(const struct push *p, const char *ref, char text[static PLATFORM_TEXT])
{
	const json_t *desc;
	size_t i;

	json_array_foreach(jx_arr(p->index, "manifests"), i, desc) {
		auto_free char *name = desc_ref(desc, NULL);
		struct platform is;

		if (!str_eq(name, ref) || desc_platform(p->store, desc, &is) < 0)
			continue;
		platform_format(&is, text);
		return 0;
	}
	return -1;
}

int push_look(struct push *p, const struct push_image *what, struct image **ret, struct err *err)
{
	auto_err struct err why = ERR_INIT;
	auto_free char *ref = NULL;
	struct image_ref parsed;
	char text[PLATFORM_TEXT];

	if (image_look(p->store, what->ref, what->platform, ret, &why) == 0)
		return 0;
	if (!what->platform && ref_parse(what->ref, &parsed, NULL) == 0) {
		ref = ref_format(&parsed);
		ref_done(&parsed);
	}
	if (ref && any_platform(p, ref, text) == 0 && image_look(p->store, what->ref, text, ret, NULL) == 0)
		return 0;
	return err_move(err, &why);
}

/* Manifests themselves; their blobs are looked for when they are sent. */
static bool has_all(const struct push *p, const json_t *descs, struct strs *manifests)
{
	const json_t *desc;
	size_t i;

	json_array_foreach(descs, i, desc) {
		const char *digest = jx_str(desc, "digest");
		auto_json json_t *doc = NULL;

		if (!digest || !digest_hex(digest) || store_doc(p->store, digest, &doc, NULL) < 0 || !jx_obj(doc, "config"))
			return false;
		strs_add(manifests, digest);
	}
	return true;
}

char *push_index_of(struct push *p, const struct image *img, struct strs *manifests)
{
	auto_json json_t *doc = NULL;
	const json_t *descs;

	if (!img->index_digest || store_doc(p->store, img->index_digest, &doc, NULL) < 0)
		return NULL;
	descs = jx_arr(doc, "manifests");
	if (!descs || !json_array_size(descs) || json_array_size(descs) > MANIFESTS_MAX || !has_all(p, descs, manifests))
		return NULL;
	return xstrdup(img->index_digest);
}
