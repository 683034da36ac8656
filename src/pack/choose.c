#include "choose.h"

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "manifest.h"
#include "name.h"

enum { LAYERS_SUM_MAX = 50000 };

int choice_doc(
	const struct choice *c, const struct staged_blob *f, const char *what, json_t **ret, struct err *err)
{
	auto_free char *shown = name_show(what);

	if (f->part)
		return err_set(err, ERR_INPUT, "'%s' looks like a layer", shown);
	if (f->size > DOC_MAX)
		return err_set(err, ERR_INPUT, "'%s' is larger than 8 MiB", shown);
	if (doc_load(c->stage->fd, f->file, ret, err) < 0)
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

/* Images share layers, and each is looked for once for each image. Real archives have some hundreds. */
static int check_sum(const struct choice *c, size_t n, struct err *err)
{
	for (size_t i = 0; i < c->out->n; i++)
		n += c->out->v[i].n_layers;
	return n > LAYERS_SUM_MAX ? err_set(err, ERR_INPUT, "its images have more than %d layers together", LAYERS_SUM_MAX) : 0;
}

int choice_finish(const struct choice *c, struct pack_image *img, struct staged_blob *const *layers,
	size_t n, struct err *err)
{
	auto_json json_t *config = NULL;

	if (check_sum(c, n, err) < 0 || choice_doc(c, img->config, "image config", &config, err) < 0)
		return -1;
	return pack_image_config(img, config, layers, n, &c->platform, c->wished, &c->out->warnings, err);
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
