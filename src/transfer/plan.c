/* plan.c - from the manifest of an image to what has to be fetched and unpacked for it. */
#include <fcntl.h>

#include "../image/store.h"
#include "../pack/manifest.h"
#include "../pack/name.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "parts.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

enum { DEPTH_MAX = 4, DESCS_MAX = 4096 };

/* ------------------------------------------------------------------ descriptors */

static int read_desc(const json_t *desc, const char *what, struct staged_blob *ret, struct err *err)
{
	const char *digest = jx_str(desc, "digest"), *hex = digest ? digest_hex(digest) : NULL;
	int64_t size = jx_int(desc, "size", -1);
	auto_free char *shown = name_show(digest ? digest : "");

	if (!hex)
		return err_set(err, ERR_INPUT, "its manifest has '%s' for the digest of %s, which is no SHA-256 digest", shown, what);
	if (size < 0)
		return err_set(err, ERR_INPUT, "its manifest does not say how large %s '%s' is", what, shown);
	memcpy(ret->hex, hex, sizeof ret->hex);
	ret->size = (uint64_t)size;
	return 0;
}

/* Docker's foreign layers and OCI's nondistributable ones are not in registries. */
static int check_foreign(const json_t *desc, struct err *err)
{
	const char *type = jx_str(desc, "mediaType");

	if (!type || (!strstr(type, ".foreign.") && !strstr(type, ".nondistributable.")))
		return 0;
	err_set(err, ERR_INPUT, "layer '%s' is of the type '%s': it may not be had from registries", jx_str(desc, "digest"), type);
	return err_hint(err, "such layers belong to images for Windows; davit runs those for Linux");
}

static int stage_doc(const struct item *it, const struct reg_doc *doc, const char *what, struct staged_blob *ret, struct err *err)
{
	auto_free char *file = xasprintf("%s-%u", what, it->number);

	if (path_write(it->run->stage.fd, file, doc->text, doc->size, 0644, 0, err) < 0)
		return -1;
	*ret = (struct staged_blob){ .file = take(file), .size = doc->size };
	memcpy(ret->hex, doc->hex, sizeof ret->hex);
	return 0;
}

static bool in_store(const struct item *it, const char *hex)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", hex);

	return faccessat(it->run->stage.images_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool plan_blobs_there(const struct item *it, const char *manifest_digest)
{
	const char *hex = digest_hex(manifest_digest);
	auto_free char *in_blobs = xasprintf("blobs/sha256/%s", hex ? hex : "");
	auto_json json_t *manifest = NULL;
	const json_t *desc;
	size_t i;

	if (!hex || jx_load(it->run->stage.images_fd, in_blobs, DOC_MAX, &manifest, NULL) < 0)
		return false;
	json_array_foreach(jx_arr(manifest, "layers"), i, desc) {
		const char *digest = jx_str(desc, "digest");

		hex = digest ? digest_hex(digest) : NULL;
		if (!hex || !in_store(it, hex))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ layers */

static int add_layers(struct item *it, struct fetch *const *fetches, size_t n, struct err *err)
{
	it->layers = xcalloc(n + 1, sizeof *it->layers);
	it->told = xcalloc(n + 1, sizeof *it->told);
	for (size_t i = 0; i < n; i++) {
		struct layer *l = layer_get(it, fetches[i], &it->image.layers[i], err);
		if (!l)
			return -1;
		it->layers[it->n_layers++] = l;
	}
	return 0;
}

/* An OCI manifest takes the place of Docker's, which is kept as that by which the registry knows the image. */
static void make_oci(struct item *it, struct fetch *const *fetches, const json_t *descs)
{
	const json_t *desc;
	size_t i;

	json_array_foreach(descs, i, desc) {
		const char *type = jx_str(desc, "mediaType");
		fetches[i]->blob.kind = strstr(type, "gzip") ? BLOB_GZIP : strstr(type, "zstd") ? BLOB_ZSTD : BLOB_PLAIN;
	}
	it->image.manifest = NULL;
	pack_image_manifest(&it->image);
	for (i = 0; i < it->image.n_layers; i++) /* the types' word only; nothing else goes by it */
		fetches[i]->blob.kind = BLOB_UNKNOWN;
	if (!it->image.index)
		it->image.index = &it->manifest;
}

static int plan_layers(struct item *it, const json_t *config, struct err *err)
{
	const json_t *descs = jx_arr(it->doc, "layers"), *desc;
	size_t i, n = json_array_size(descs);
	auto_free struct fetch **fetches = xcalloc(n + 1, sizeof *fetches);
	auto_free struct staged_blob **blobs = xcalloc(n + 1, sizeof *blobs);

	json_array_foreach(descs, i, desc) {
		struct staged_blob b = { 0 };
		if (check_foreign(desc, err) < 0 || read_desc(desc, "layer", &b, err) < 0)
			return -1;
		fetches[i] = fetch_get(it, b.hex, b.size, err);
		if (!fetches[i])
			return -1;
		blobs[i] = &fetches[i]->blob;
	}
	it->image.config = &it->config;
	it->image.manifest = &it->manifest;
	it->image.index = it->depth ? &it->index : NULL;
	it->image.manifest_size = it->manifest.size;
	memcpy(it->image.manifest_hex, it->manifest.hex, sizeof it->image.manifest_hex);
	strs_add(&it->image.refs, it->name);
	if (pack_image_config(&it->image, config, blobs, n, &it->platform, it->wished, &it->warnings, err) < 0)
		return -1;
	if (str_eq(jx_str(it->doc, "mediaType"), DOCKER_MANIFEST))
		make_oci(it, fetches, descs);
	return add_layers(it, fetches, n, err) < 0 ? -1 : space_check(it->run, err);
}

static void plan(struct item *it, const json_t *config)
{
	auto_err struct err why = ERR_INIT;

	if (plan_layers(it, config, &why) < 0) {
		item_wrong(it, &why);
		return;
	}
	it->state = ITEM_PULLING;
	run_release(it->run); /* what another place's plan, or one that was lost, has begun and this one does not need */
	report_image(it, "pulling");
	fetch_start_some(it->run);
	layer_start_some(it->run);
	item_step(it);
}

/* ------------------------------------------------------------------ the config */

static void read_config(struct item *it)
{
	auto_free char *in_blobs = xasprintf("blobs/sha256/%s", it->config.hex);
	auto_json json_t *config = NULL;
	auto_err struct err why = ERR_INIT;
	int r = it->config.file ? doc_load(it->run->stage.fd, it->config.file, &config, &why)
				: jx_load(it->run->stage.images_fd, in_blobs, DOC_MAX, &config, &why);

	if (r < 0) {
		err_wrap(&why, "its config");
		item_wrong(it, &why);
		return;
	}
	plan(it, config);
}

static void on_config(void *arg, const struct err *err)
{
	struct item *it = arg;

	it->call = NULL;
	close(take_fd(&it->config_fd));
	if (err)
		item_wrong(it, err);
	else
		read_config(it);
}

static int get_config(struct item *it, struct err *err)
{
	struct reg_blob what = { .at = &it->places.v[it->place], .size = it->config.size, .document = true, .done = on_config, .arg = it };

	it->config.file = xasprintf("config-%u", it->number);
	it->config_fd = openat(it->run->stage.fd, it->config.file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (it->config_fd < 0)
		return err_sys(err, errno, "make a file in '%s'", it->run->stage.images_path);
	what.fd = it->config_fd;
	it->config_digest = xasprintf("sha256:%s", it->config.hex);
	what.digest = it->config_digest;
	return reg_get_blob(it->run->reg, &what, &it->call, err);
}

static void take_manifest(struct item *it, const struct reg_doc *doc)
{
	auto_err struct err why = ERR_INIT;

	if (manifest_check(it->doc, &why) < 0 || stage_doc(it, doc, "manifest", &it->manifest, &why) < 0 ||
		read_desc(jx_obj(it->doc, "config"), "config", &it->config, &why) < 0)
		goto wrong;
	if (it->config.size > DOC_MAX) {
		err_set(&why, ERR_INPUT, "its config is larger than 8 MiB");
		goto wrong;
	}
	if (in_store(it, it->config.hex)) {
		read_config(it);
		return;
	}
	if (get_config(it, &why) == 0)
		return;
wrong:
	item_wrong(it, &why);
}

/* ------------------------------------------------------------------ the index */

/* Attestations are for "unknown/unknown", and so never picked. One that does not say what it is for may be for us, if it is alone. */
static const json_t *pick(const struct item *it, const json_t *index, struct err *err)
{
	const json_t *list = jx_arr(index, "manifests"), *best;
	auto_free char *have = NULL;
	char want[PLATFORM_TEXT];

	if (!list || json_array_size(list) > DESCS_MAX) {
		err_set(err, ERR_INPUT, "its index is not a list of at most %d manifests", DESCS_MAX);
		return NULL;
	}
	best = platform_pick(list, &it->platform);
	if (!best && json_array_size(list) == 1 && !jx_obj(json_array_get(list, 0), "platform"))
		best = json_array_get(list, 0);
	if (best)
		return best;
	have = platform_list(list);
	platform_format(&it->platform, want);
	err_set(err, ERR_NOT_FOUND, "it is not there for %s; the registry has it for %s", want, have);
	err_hint(err, "choose one of these with 'platform: …' of the service or --platform; a foreign one needs qemu-user and binfmt_misc to run");
	return NULL;
}

static void take_index(struct item *it, const json_t *index, const struct reg_doc *doc)
{
	auto_err struct err why = ERR_INIT;
	const json_t *desc = pick(it, index, &why);
	struct staged_blob next;
	char digest[sizeof "sha256:" + HASH_HEX_LEN];

	if (!desc || read_desc(desc, "manifest", &next, &why) < 0 || (it->depth == 0 && stage_doc(it, doc, "index", &it->index, &why) < 0)) {
		item_wrong(it, &why);
		return;
	}
	if (++it->depth > DEPTH_MAX) {
		err_set(&why, ERR_INPUT, "its indexes are nested more than %d deep", DEPTH_MAX);
		item_wrong(it, &why);
		return;
	}
	snprintf(digest, sizeof digest, "sha256:%s", next.hex);
	item_get(it, digest);
}

void item_take_doc(struct item *it, const struct reg_doc *doc)
{
	auto_json json_t *j = NULL;
	auto_err struct err why = ERR_INIT;
	enum manifest_kind kind;

	if (doc_parse(doc->text, doc->size, &j, &why) < 0) {
		err_wrap(&why, "its manifest");
		item_wrong(it, &why);
	} else if (manifest_kind(j, doc->type, &kind, &why) < 0) {
		item_wrong(it, &why);
	} else if (kind == MANIFEST_INDEX) {
		take_index(it, j, doc);
	} else {
		it->doc = take(j);
		take_manifest(it, doc);
	}
}
