/* inspect.c - all that the store knows of an image, in the words of `docker image inspect`. */
#include "image.h"

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "store.h"

/* Every name of the image, as users write it: "redis:7", and "redis@sha256:…" by which the registry knows it. */
static int add_names(struct image_store *s, const struct image *i, json_t *o, struct err *err)
{
	auto_json json_t *list = image_list(s, err), *tags = json_array(), *digests = json_array();
	auto_strs struct strs seen = STRS_INIT;
	const json_t *item;
	size_t n;

	if (!list)
		return -1;
	json_array_foreach(list, n, item) {
		struct image_ref ref = { 0 };
		const char *name = jx_str(item, "ref");

		if (!str_eq(jx_str(item, "id"), i->id) || !*name || ref_parse(name, &ref, NULL) < 0)
			continue;
		json_array_append_new(tags, json_string(jx_str(item, "familiar")));
		free(ref.tag);
		ref.tag = NULL;
		free(ref.digest);
		ref.digest = xstrdup(jx_str(item, "digest"));
		auto_free char *by_digest = ref_familiar(&ref);
		if (!strs_has(&seen, by_digest))
			json_array_append_new(digests, json_string(by_digest));
		strs_add(&seen, by_digest);
		ref_done(&ref);
	}
	json_object_set(o, "RepoTags", tags);
	json_object_set(o, "RepoDigests", digests);
	return 0;
}

static void copy_text(json_t *o, const char *key, const json_t *config, const char *from, bool always)
{
	const char *text = jx_str(config, from);

	if (text || always)
		jx_set_str(o, key, text ? text : "");
}

static json_t *rootfs_of(const json_t *config)
{
	json_t *ids = jx_arr(jx_obj(config, "rootfs"), "diff_ids");

	return ids ? json_pack("{s:s, s:O}", "Type", "layers", "Layers", ids) : json_pack("{s:s, s:[]}", "Type", "layers", "Layers");
}

int image_inspect(struct image_store *s, const char *name, json_t **ret, struct err *err)
{
	auto_json json_t *config = NULL, *o = json_object();
	struct image *i = NULL;
	int r;

	if (image_look(s, name, NULL, &i, err) < 0)
		return -1;
	r = store_doc(s, i->id, &config, err);
	jx_set_str(o, "Id", i->id);
	if (r == 0)
		r = add_names(s, i, o, err);
	copy_text(o, "Comment", config, "comment", true);
	copy_text(o, "Created", config, "created", true);
	copy_text(o, "Author", config, "author", true);
	json_object_set(o, "Config", jx_obj(config, "config") ? jx_obj(config, "config") : json_null());
	copy_text(o, "Architecture", config, "architecture", true);
	copy_text(o, "Variant", config, "variant", false);
	copy_text(o, "Os", config, "os", true);
	jx_set_int(o, "Size", i->size_bytes);
	json_object_set_new(o, "RootFS", rootfs_of(config));
	json_object_set_new(o, "Descriptor", json_pack("{s:s}", "digest", i->manifest_digest));
	jx_set_bool(o, "Unpacked", image_unpacked(s, i));
	image_free(i);
	if (r == 0)
		*ret = json_incref(o);
	return r;
}
