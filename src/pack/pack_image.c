/* pack_image.c - what the config of an image says about it, before it goes into the store. */
#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "choose.h"

static int check_platform(
	struct pack_image *img, const json_t *config, const char *os, const struct platform *want, bool wished, struct strs *warnings, struct err *err)
{
	const char *name = img->refs.n ? img->refs.v[0] : "without a name";
	char have_text[PLATFORM_TEXT], want_text[PLATFORM_TEXT];

	if (os && !STREQ(os, "linux"))
		return err_set(err, ERR_INPUT, "image '%s' is for %s, not for linux", name, os);
	if (platform_read(config, &img->platform) < 0 || platform_score(want, &img->platform))
		return 0;
	platform_format(&img->platform, have_text);
	platform_format(want, want_text);
	if (wished)
		return err_set(err, ERR_INPUT, "image '%s' is for %s, not for %s", name, have_text, want_text);
	strs_printf(warnings, "image '%s' is for %s, this machine is %s", name, have_text, want_text);
	return 0;
}

static int add_layers(
	struct pack_image *img, const json_t *diff_ids, const struct strs *chains, struct staged_blob *const *layers, struct err *err)
{
	img->layers = xcalloc(chains->n + 1, sizeof *img->layers);
	img->n_layers = chains->n;
	for (size_t i = 0; i < chains->n; i++) {
		struct pack_layer *l = &img->layers[i];
		const char *hex = digest_hex(json_string_value(json_array_get(diff_ids, i)));
		l->blob = layers[i];
		l->below = i ? l - 1 : NULL;
		memcpy(l->diff_hex, hex, sizeof l->diff_hex);
		memcpy(l->chain, chains->v[i], sizeof l->chain);
		if (l->blob->part && !*l->blob->hex && l->blob->kind == BLOB_PLAIN)
			memcpy(l->blob->hex, hex, sizeof l->blob->hex);
		if (l->blob->part && !*l->blob->hex)
			return err_set(err, ERR_INPUT, "layer %zu of %zu: nothing says what its hash is", i + 1, chains->n);
		if (l->blob->kind == BLOB_PLAIN && !STREQ(l->blob->hex, hex))
			return err_set(err, ERR_INPUT,
				"layer %zu of %zu: its content is sha256:%s, not what the image's config says (sha256:%s)", i + 1,
				chains->n, l->blob->hex, hex);
	}
	return 0;
}

int pack_image_config(struct pack_image *img, const json_t *config, struct staged_blob *const *layers, size_t n,
	const struct platform *want, bool wished, struct strs *warnings, struct err *err)
{
	auto_strs struct strs chains = STRS_INIT;
	struct image *conf = xcalloc(1, sizeof *conf);
	int r = imgconf_read(config, conf, err);

	if (r == 0)
		r = check_platform(img, config, conf->os, want, wished, warnings, err);
	image_free(conf);
	if (r < 0 || chain_ids(config, &chains, err) < 0)
		return -1;
	if (chains.n != n)
		return err_set(err, ERR_INPUT, "the image's config has %zu layers, its manifest %zu", chains.n, n);
	return add_layers(img, jx_arr(jx_obj(config, "rootfs"), "diff_ids"), &chains, layers, err);
}

/* ------------------------------------------------------------------ a manifest of our own */

static json_t *descriptor(const char *type, const char *hex, uint64_t size)
{
	auto_free char *digest = xasprintf("sha256:%s", hex);

	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size", (json_int_t)size);
}

static const char *layer_type(enum blob_kind kind)
{
	switch (kind) {
	case BLOB_GZIP:
		return "application/vnd.oci.image.layer.v1.tar+gzip";
	case BLOB_ZSTD:
		return "application/vnd.oci.image.layer.v1.tar+zstd";
	default:
		return "application/vnd.oci.image.layer.v1.tar";
	}
}

void pack_image_manifest(struct pack_image *img)
{
	auto_json json_t *doc = json_object(), *layers = json_array();

	for (size_t i = 0; i < img->n_layers; i++) {
		const struct staged_blob *blob = img->layers[i].blob;
		json_array_append_new(layers, descriptor(layer_type(blob->kind), blob->hex, blob->size));
	}
	jx_set_int(doc, "schemaVersion", 2);
	jx_set_str(doc, "mediaType", MANIFEST_TYPE);
	json_object_set_new(doc, "config", descriptor(CONFIG_TYPE, img->config->hex, img->config->size));
	json_object_set(doc, "layers", layers);
	img->manifest_text = json_dumps(doc, JSON_COMPACT);
	img->manifest_size = strlen(img->manifest_text);
	hash_sha256_hex(img->manifest_text, img->manifest_size, img->manifest_hex);
}

void pack_image_done(struct pack_image *img)
{
	strs_done(&img->refs);
	free(img->manifest_text);
	free(img->layers);
}
