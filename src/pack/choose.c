#include "choose.h"

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "name.h"

int choice_doc(
	const struct choice *c, const struct staged_blob *f, const char *what, json_t **ret, struct err *err)
{
	auto_free char *shown = name_show(what);

	if (f->size > DOC_MAX)
		return err_set(err, ERR_INPUT, "'%s' is larger than 8 MiB", shown);
	if (jx_load(c->stage->fd, f->file, DOC_MAX, ret, err) < 0)
		return err_wrap(err, "'%s'", shown);
	return 0;
}

void choice_ref(const struct choice *c, struct pack_image *img, const char *name)
{
	struct image_ref r;
	auto_free char *text = NULL;

	if (ref_parse(name, &r, NULL) < 0) {
		auto_free char *shown = name_show(name);
		strs_printf(&c->out->warnings,
			"'%s' is not an image reference: the image is loaded without this name", shown);
		return;
	}
	free(take(r.digest));
	if (!r.tag)
		r.tag = xstrdup("latest");
	text = ref_format(&r);
	ref_done(&r);
	if (!strs_has(&img->refs, text))
		strs_take(&img->refs, take(text));
}

static int check_platform(const struct choice *c, const json_t *config, const struct image *conf, struct pack_image *img, struct err *err)
{
	const char *name = img->refs.n ? img->refs.v[0] : "without a name";
	char have[PLATFORM_TEXT], want[PLATFORM_TEXT];

	if (conf->os && !STREQ(conf->os, "linux"))
		return err_set(err, ERR_INPUT, "image '%s' is for %s, not for linux", name, conf->os);
	if (platform_read(config, &img->platform) < 0 || platform_score(&c->platform, &img->platform))
		return 0;
	platform_format(&img->platform, have);
	platform_format(&c->platform, want);
	if (c->wished)
		return err_set(err, ERR_INPUT, "image '%s' is for %s, not for %s", name, have, want);
	strs_printf(&c->out->warnings, "image '%s' is for %s, this machine is %s", name, have, want);
	return 0;
}

/* Reading the config here refuses at load what could only fail at every start. */
static int check_config(const struct choice *c, const json_t *config, struct pack_image *img, struct err *err)
{
	struct image *conf = xcalloc(1, sizeof *conf);
	int r = imgconf_read(config, conf, err);

	if (r == 0)
		r = check_platform(c, config, conf, img, err);
	image_free(conf);
	return r;
}

int choice_finish(const struct choice *c, struct pack_image *img, const struct staged_blob *const *layers,
	size_t n, struct err *err)
{
	auto_json json_t *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	const json_t *ids;

	if (choice_doc(c, img->config, "image config", &config, err) < 0 ||
		check_config(c, config, img, err) < 0 || chain_ids(config, &chains, err) < 0)
		return -1;
	if (chains.n != n)
		return err_set(
			err, ERR_INPUT, "the image's config has %zu layers, its manifest %zu", chains.n, n);
	ids = jx_arr(jx_obj(config, "rootfs"), "diff_ids");
	img->layers = xcalloc(n + 1, sizeof *img->layers);
	img->n_layers = n;
	for (size_t i = 0; i < n; i++) {
		struct pack_layer *l = &img->layers[i];
		const char *hex = digest_hex(json_string_value(json_array_get(ids, i)));
		l->blob = layers[i];
		memcpy(l->diff_hex, hex, sizeof l->diff_hex);
		memcpy(l->chain, chains.v[i], sizeof l->chain);
		if (l->blob->kind == BLOB_PLAIN && !STREQ(l->blob->hex, hex))
			return err_set(err, ERR_INPUT,
				"layer %zu of %zu: its content is sha256:%s, not what the image's config "
				"says (sha256:%s)",
				i + 1, n, l->blob->hex, hex);
	}
	return 0;
}

void pack_image_done(struct pack_image *img)
{
	strs_done(&img->refs);
	free(img->manifest_text);
	free(img->layers);
}

void choose_done(struct pack_images *l)
{
	for (size_t i = 0; i < l->n; i++)
		pack_image_done(&l->v[i]);
	free(l->v);
	strs_done(&l->warnings);
	*l = (struct pack_images){ 0 };
}

static int choose(const struct choice *c, struct err *err)
{
	const struct staged_blob *index = spool_get(c->files, "index.json"),
			     *list = spool_get(c->files, "manifest.json");
	auto_json json_t *index_doc = NULL, *list_doc = NULL;

	if (list && choice_doc(c, list, "manifest.json", &list_doc, err) < 0)
		return -1;
	if (index && spool_get(c->files, "oci-layout")) {
		if (choice_doc(c, index, "index.json", &index_doc, err) < 0 ||
			choose_oci(c, index_doc, err) < 0)
			return -1;
		for (size_t i = 0; list_doc && i < c->out->n; i++)
			if (c->out->v[i].refs.n == 0)
				choose_docker_names(c, list_doc, &c->out->v[i]);
	} else if (list_doc) {
		if (choose_docker(c, list_doc, err) < 0)
			return -1;
	} else {
		err_set(err, ERR_INPUT,
			"it is no image archive: it has neither manifest.json nor oci-layout and index.json");
		return err_hint(err,
			"make one with 'docker save -o FILE IMAGE' or 'skopeo copy … oci-archive:FILE:NAME'");
	}
	if (c->out->n == 0)
		return err_set(err, ERR_INPUT, "the archive holds no image");
	return 0;
}

int choose_images(const struct stage *s, const struct map *files, const struct platform *want, struct pack_images *ret, struct err *err)
{
	struct pack_images out = { 0 };
	struct choice c = { .stage = s, .files = files, .wished = want != NULL, .out = &out };

	if (want)
		c.platform = *want;
	else
		platform_host(&c.platform);
	if (choose(&c, err) < 0) {
		choose_done(&out);
		return -1;
	}
	*ret = out;
	return 0;
}
