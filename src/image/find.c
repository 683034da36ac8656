/* find.c - names → images. */
#include "image.h"

#include <fcntl.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "store.h"

enum { ID_PREFIX_MIN = 4 };

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->id);
	free(i->manifest_digest);
	free(i->ref);
	free(i->architecture);
	free(i->os);
	free(i->created);
	strs_done(&i->shell);
	strs_done(&i->entrypoint);
	strs_done(&i->cmd);
	strs_done(&i->env);
	strs_done(&i->volumes);
	strs_done(&i->exposed_ports);
	strs_done(&i->health.test);
	strs_done(&i->layers);
	free(i->user);
	free(i->working_dir);
	free(i->stop_signal);
	json_decref(i->labels);
	free(i);
}

static void image_free_p(struct image **i)
{
	image_free(*i);
}
#define auto_image __attribute__((cleanup(image_free_p)))

/* What the layers hold unpacked as the load counted it; the compressed sizes where it did not. */
static int64_t image_size(const struct image_store *s, const struct image *i, const json_t *manifest)
{
	const json_t *layers = jx_arr(manifest, "layers");
	int64_t sum = 0;

	for (size_t n = 0; n < i->layers.n; n++) {
		auto_free char *name = xasprintf("layers/%s.json", i->layers.v[n]);
		auto_json json_t *meta = NULL;
		int64_t size = -1;
		if (jx_load(s->fd, name, 4096, &meta, NULL) == 0)
			size = jx_int(meta, "size", -1);
		if (size < 0)
			size = jx_int(json_array_get(layers, n), "size", 0);
		if (size > 0 && sum <= INT64_MAX - size)
			sum += size;
	}
	return sum;
}

static int layers_present(const struct image_store *s, const struct image *i, struct err *err)
{
	for (size_t n = 0; n < i->layers.n; n++) {
		auto_free char *name = xasprintf("layers/%s", i->layers.v[n]);
		if (faccessat(s->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		err_set(err, ERR_NOT_FOUND, "layer %zu of %zu is not unpacked in davit's store", n + 1,
			i->layers.n);
		return err_hint(err, "load the image again with 'davit load -i FILE'");
	}
	return 0;
}

static int image_read(const struct image_store *s, const json_t *desc, struct image **ret, struct err *err)
{
	auto_image struct image *i = xcalloc(1, sizeof *i);
	auto_json json_t *manifest = NULL, *config = NULL;
	const char *digest = jx_str(desc, "digest"), *config_digest;

	if (store_doc(s, digest, &manifest, err) < 0)
		return -1;
	config_digest = jx_str(jx_obj(manifest, "config"), "digest");
	if (store_doc(s, config_digest, &config, err) < 0 || imgconf_read(config, i, err) < 0 ||
		chain_ids(config, &i->layers, err) < 0)
		return -1;
	i->id = xstrdup(config_digest);
	i->manifest_digest = xstrdup(digest);
	i->size_bytes = image_size(s, i, manifest);
	i->pulled_ns = clock_parse(jx_str(jx_obj(desc, "annotations"), PULLED_AT));
	*ret = take(i);
	return 0;
}

/* The normalised name of a descriptor, also one that another tool wrote; NULL when it has none. */
static char *desc_ref(const json_t *desc, char **familiar)
{
	const char *name = jx_str(jx_obj(desc, "annotations"), REF_NAME);
	struct image_ref r;
	char *text;

	if (!name || ref_parse(name, &r, NULL) < 0)
		return NULL;
	text = ref_format(&r);
	if (familiar)
		*familiar = ref_familiar(&r);
	ref_done(&r);
	return text;
}

/* name, name:tag: equal. name@digest, name:tag@digest: the digest decides, of the same repository. */
static bool desc_matches(const json_t *desc, const struct image_ref *want, const char *want_text)
{
	auto_free char *text = desc_ref(desc, NULL);
	struct image_ref have;
	bool same;

	if (!text)
		return false;
	if (!want->digest)
		return STREQ(text, want_text);
	if (!str_eq(jx_str(desc, "digest"), want->digest) || ref_parse(text, &have, NULL) < 0)
		return false;
	same = STREQ(have.registry, want->registry) && STREQ(have.repository, want->repository);
	ref_done(&have);
	return same;
}

static const json_t *find_by_ref(const json_t *list, const char *name, char **ret_ref)
{
	struct image_ref r;
	const json_t *desc, *found = NULL;
	auto_free char *text = NULL;
	size_t i;

	if (ref_parse(name, &r, NULL) < 0)
		return NULL;
	text = ref_format(&r);
	json_array_foreach(list, i, desc) {
		if (!found && desc_matches(desc, &r, text)) {
			found = desc;
			*ret_ref = take(text);
			break;
		}
	}
	ref_done(&r);
	return found;
}

/* "sha256:…" whole, or at least four hex digits with or without it. NULL: it is no id. */
static const char *id_prefix(const char *name)
{
	size_t n;

	if (str_starts(name, "sha256:"))
		name += strlen("sha256:");
	n = strlen(name);
	if (n < ID_PREFIX_MIN || n > HASH_HEX_LEN || name[strspn(name, "0123456789abcdef")])
		return NULL;
	return name;
}

/* The image whose id (or manifest digest) begins so. 0 with *ret NULL when there is none. */
static int find_by_id(const struct image_store *s, const json_t *list, const char *name, const json_t **ret,
	struct err *err)
{
	const char *prefix = id_prefix(name);
	auto_free char *found_id = NULL;
	const json_t *desc;
	size_t i;

	if (!prefix)
		return 0;
	json_array_foreach(list, i, desc) {
		auto_json json_t *manifest = NULL;
		const char *digest = jx_str(desc, "digest"), *id, *hex;
		if (store_doc(s, digest, &manifest, NULL) < 0)
			continue;
		id = jx_str(jx_obj(manifest, "config"), "digest");
		hex = id ? digest_hex(id) : NULL;
		if (!hex || (!str_starts(hex, prefix) && !str_starts(digest + strlen("sha256:"), prefix)))
			continue;
		if (found_id && !STREQ(found_id, id))
			return err_set(err, ERR_INPUT,
				"image id '%s' is the beginning of more than one image's", name);
		if (!found_id) {
			found_id = xstrdup(id);
			*ret = desc;
		}
	}
	return 0;
}

static int not_found(const json_t *list, const char *name, struct err *err)
{
	auto_strs struct strs known = STRS_INIT;
	struct image_ref r;
	auto_free char *familiar = NULL;
	const char *near = NULL;
	const json_t *desc;
	size_t i;

	json_array_foreach(list, i, desc) {
		char *known_name = NULL;
		free(desc_ref(desc, &known_name));
		if (known_name)
			strs_take(&known, known_name);
	}
	if (ref_parse(name, &r, NULL) == 0) {
		familiar = ref_familiar(&r);
		ref_done(&r);
		if (known.n)
			near = str_nearest(familiar, (const char *const *)known.v);
	}
	err_set(err, ERR_NOT_FOUND, "image '%s' is not in davit's store", name);
	if (near)
		return err_hint(err, "load it with 'davit load -i FILE', or did you mean '%s'?", near);
	return err_hint(err, "load it with 'davit load -i FILE'");
}

int image_look(struct image_store *s, const char *name, struct image **ret, struct err *err)
{
	auto_image struct image *i = NULL;
	auto_json json_t *index = NULL;
	auto_free char *ref = NULL;
	const json_t *list, *desc;

	if (store_index(s, &index, err) < 0)
		return -1;
	list = jx_arr(index, "manifests");
	desc = find_by_ref(list, name, &ref);
	if (!desc && find_by_id(s, list, name, &desc, err) < 0)
		return -1;
	if (!desc) {
		struct image_ref r;
		if (!id_prefix(name) && ref_parse(name, &r, err) < 0)
			return -1;
		if (!id_prefix(name))
			ref_done(&r);
		return not_found(list, name, err);
	}
	if (image_read(s, desc, &i, err) < 0)
		return err_wrap(err, "image '%s'", name);
	i->ref = ref ? take(ref) : desc_ref(desc, NULL);
	*ret = take(i);
	return 0;
}

bool image_unpacked(const struct image_store *s, const struct image *i)
{
	return layers_present(s, i, NULL) == 0;
}

int image_find(struct image_store *s, const char *name, struct image **ret, struct err *err)
{
	auto_image struct image *i = NULL;

	if (image_look(s, name, &i, err) < 0)
		return -1;
	if (layers_present(s, i, err) < 0)
		return err_wrap(err, "image '%s'", name);
	*ret = take(i);
	return 0;
}

static json_t *list_item(const struct image_store *s, const json_t *desc, struct err *err)
{
	auto_image struct image *i = NULL;
	auto_free char *familiar = NULL, *ref = desc_ref(desc, &familiar), *platform = NULL;
	json_t *o;

	if (image_read(s, desc, &i, err) < 0) {
		err_wrap(err, "image '%s'", ref ? ref : "<none>");
		return NULL;
	}
	platform = xasprintf("%s/%s", i->os ? i->os : "linux", i->architecture ? i->architecture : "unknown");
	o = json_object();
	jx_set_str(o, "ref", ref ? ref : "");
	jx_set_str(o, "familiar", familiar ? familiar : "<none>");
	jx_set_str(o, "id", i->id);
	jx_set_str(o, "digest", i->manifest_digest);
	jx_set_str(o, "created", i->created);
	jx_set_int(o, "size", i->size_bytes);
	jx_set_str(o, "platform", platform);
	return o;
}

static int by_ref(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int c = strcmp(jx_str(x, "ref"), jx_str(y, "ref"));

	return c ? c : strcmp(jx_str(x, "id"), jx_str(y, "id"));
}

json_t *image_list(struct image_store *s, struct err *err)
{
	auto_json json_t *index = NULL, *items = json_array();
	const json_t *list, *desc;
	auto_free json_t **v = NULL;
	json_t *sorted;
	size_t i, n;

	if (store_index(s, &index, err) < 0)
		return NULL;
	list = jx_arr(index, "manifests");
	json_array_foreach(list, i, desc) {
		auto_err struct err why = ERR_INIT;
		json_t *item = list_item(s, desc, &why);
		if (item)
			json_array_append_new(items, item);
		else /* another tool may keep things here that are no image: the others still count */
			log_warn("%s", err_msg(&why));
	}
	n = json_array_size(items);
	v = xcalloc(n + 1, sizeof *v);
	for (i = 0; i < n; i++)
		v[i] = json_array_get(items, i);
	qsort(v, n, sizeof *v, by_ref);
	sorted = json_array();
	for (i = 0; i < n; i++)
		json_array_append(sorted, v[i]);
	return sorted;
}
