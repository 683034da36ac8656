/* find.c - names → images. */
#include "image.h"

#include <fcntl.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "platform.h"
#include "store.h"

enum { ID_PREFIX_MIN = 4 };

void image_free(struct image *i)
{
	if (!i)
		return;
	free(i->id);
	free(i->manifest_digest);
	free(i->index_digest);
	free(i->ref);
	free(i->architecture);
	free(i->variant);
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

char *image_platform(const struct image *i)
{
	return xasprintf("%s/%s%s%s", i->os ? i->os : "linux", i->architecture ? i->architecture : "unknown", i->variant ? "/" : "",
		i->variant ? i->variant : "");
}

/* What the layers hold unpacked as the load counted it; the compressed sizes where it did not. */
static int64_t image_size(const struct image_store *s, const struct image *i, const json_t *manifest)
{
	const json_t *layers = jx_arr(manifest, "layers");
	int64_t sum = 0;

	for (size_t n = 0; n < i->layers.n; n++) {
		int64_t size = store_layer_bytes(s->fd, i->layers.v[n]);
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
		return err_hint(err, "pull the image again, or load it with 'davit load -i FILE'");
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
	i->index_digest = xstrdup(jx_str(jx_obj(desc, "annotations"), INDEX_DIGEST));
	i->size_bytes = image_size(s, i, manifest);
	i->pulled_ns = clock_parse(jx_str(jx_obj(desc, "annotations"), PULLED_AT));
	*ret = take(i);
	return 0;
}

char *desc_ref(const json_t *desc, char **familiar)
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

bool desc_matches(const json_t *desc, const char *text, const struct image_ref *want, const char *want_text)
{
	struct image_ref have;
	bool same;

	if (!text)
		return false;
	if (!want->digest)
		return STREQ(text, want_text);
	if (!str_eq(jx_str(desc, "digest"), want->digest) && !str_eq(jx_str(jx_obj(desc, "annotations"), INDEX_DIGEST), want->digest))
		return false;
	if (ref_parse(text, &have, NULL) < 0)
		return false;
	same = STREQ(have.registry, want->registry) && STREQ(have.repository, want->repository);
	ref_done(&have);
	return same;
}

/* Appends the descriptors of that name: the platforms of one image. */
static void find_by_ref(const json_t *list, const char *name, json_t *group, char **ret_ref)
{
	struct image_ref r;
	const json_t *desc;
	auto_free char *text = NULL;
	size_t i;

	if (ref_parse(name, &r, NULL) < 0)
		return;
	text = ref_format(&r);
	json_array_foreach(list, i, desc) {
		auto_free char *have = desc_ref(desc, NULL);
		if (desc_matches(desc, have, &r, text))
			json_array_append(group, (json_t *)desc);
	}
	ref_done(&r);
	if (json_array_size(group))
		*ret_ref = take(text);
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

/* Appends the image whose id (or manifest digest) begins so, if there is one. */
static int find_by_id(const struct image_store *s, const json_t *list, const char *name, json_t *group, struct err *err)
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
			json_array_append(group, (json_t *)desc);
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
		return err_hint(err, "pull it, load it with 'davit load -i FILE', or did you mean '%s'?", near);
	return err_hint(err, "pull it, or load it with 'davit load -i FILE'");
}

/* ------------------------------------------------------------------ one of several platforms */

int desc_platform(const struct image_store *s, const json_t *desc, struct platform *ret)
{
	auto_json json_t *manifest = NULL, *config = NULL;

	if (platform_read(jx_obj(desc, "platform"), ret) == 0)
		return 0;
	if (store_doc(s, jx_str(desc, "digest"), &manifest, NULL) < 0 ||
		store_doc(s, jx_str(jx_obj(manifest, "config"), "digest"), &config, NULL) < 0)
		return -1;
	return platform_read(config, ret);
}

static int other_platform(const json_t *group, const char *name, const struct platform *want, struct err *err)
{
	auto_free char *have = platform_list(group);
	char text[PLATFORM_TEXT];

	platform_format(want, text);
	err_set(err, ERR_NOT_FOUND, "image '%s' is there for %s, not for %s", name, have, text);
	return err_hint(err, "pull it, or load it with 'davit load --platform %s -i FILE'", text);
}

/* Without a wish the one that there is, whatever it is for; of several this machine's. */
static int choose(const struct image_store *s, json_t *group, const char *name, const char *platform, const json_t **ret, struct err *err)
{
	bool wished = platform && *platform;
	struct platform want;
	json_t *desc;
	size_t i;

	platform_host(&want);
	if (wished && platform_parse(platform, &want, err) < 0)
		return -1;
	*ret = json_array_get(group, 0);
	if (!wished && json_array_size(group) == 1)
		return 0;
	/* descriptors of older stores and of other tools do not say it themselves */
	json_array_foreach(group, i, desc) {
		struct platform p;
		if (desc_platform(s, desc, &p) == 0)
			json_object_set_new(desc, "platform", platform_json(&p));
	}
	*ret = platform_pick(group, &want);
	return *ret ? 0 : other_platform(group, name, &want, err);
}

static int bad_name(const char *name, struct err *err)
{
	struct image_ref r;

	if (id_prefix(name))
		return 0;
	if (ref_parse(name, &r, err) < 0)
		return -1;
	ref_done(&r);
	return 0;
}

int image_look(struct image_store *s, const char *name, const char *platform, struct image **ret, struct err *err)
{
	auto_image struct image *i = NULL;
	auto_json json_t *index = NULL, *group = json_array();
	auto_free char *ref = NULL;
	const json_t *list, *desc;

	if (store_index(s, &index, err) < 0)
		return -1;
	list = jx_arr(index, "manifests");
	find_by_ref(list, name, group, &ref);
	if (!ref && find_by_id(s, list, name, group, err) < 0)
		return -1;
	if (!json_array_size(group))
		return bad_name(name, err) < 0 ? -1 : not_found(list, name, err);
	if (choose(s, group, name, platform, &desc, err) < 0)
		return -1;
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

int image_find(struct image_store *s, const char *name, const char *platform, struct image **ret, struct err *err)
{
	auto_image struct image *i = NULL;

	if (image_look(s, name, platform, &i, err) < 0)
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
	platform = image_platform(i);
	o = json_object();
	jx_set_str(o, "ref", ref ? ref : "");
	jx_set_str(o, "familiar", familiar ? familiar : "<none>");
	jx_set_str(o, "id", i->id);
	jx_set_str(o, "digest", i->index_digest ? i->index_digest : i->manifest_digest);
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
