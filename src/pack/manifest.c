#include "manifest.h"

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/path.h"
#include "../util/str.h"
#include "name.h"

#define DOCKER_TYPE "application/vnd.docker."
#define SCHEMA1 DOCKER_TYPE "distribution.manifest.v1+"

static const struct {
	const char *type;
	enum manifest_kind kind;
} kinds[] = {
	{ MANIFEST_TYPE, MANIFEST_IMAGE },
	{ DOCKER_TYPE "distribution.manifest.v2+json", MANIFEST_IMAGE },
	{ INDEX_TYPE, MANIFEST_INDEX },
	{ DOCKER_TYPE "distribution.manifest.list.v2+json", MANIFEST_INDEX },
};

/* What something calls itself does not have to be known, but must not be known for something else. */
static bool contradicts(const char *type, enum manifest_kind kind)
{
	for (size_t i = 0; type && i < ARRAY_LEN(kinds); i++)
		if (STREQ(type, kinds[i].type))
			return kinds[i].kind != kind;
	return false;
}

int manifest_kind(const json_t *doc, const char *type, enum manifest_kind *ret, struct err *err)
{
	bool image = json_object_get(doc, "layers") || json_object_get(doc, "config"), index = json_object_get(doc, "manifests");
	const char *own = jx_str(doc, "mediaType");
	enum manifest_kind kind = index ? MANIFEST_INDEX : MANIFEST_IMAGE;

	if (jx_int(doc, "schemaVersion", 2) == 1 || (type && str_starts(type, SCHEMA1))) {
		err_set(err, ERR_INPUT, "its manifest is of Docker's schema 1, which was given up in 2017");
		return err_hint(err, "push the image again with a tool of today");
	}
	if (image && index)
		return err_set(err, ERR_INPUT, "its manifest can be read as an image and as an index");
	if (!image && !index)
		return err_set(err, ERR_INPUT, "its manifest is neither an image's nor an index");
	if (contradicts(own, kind) || contradicts(type, kind)) {
		auto_free char *shown = name_show(contradicts(own, kind) ? own : type);
		return err_set(err, ERR_INPUT, "its manifest is called '%s', which it is not", shown);
	}
	*ret = kind;
	return 0;
}

static int check_layer(const json_t *desc, struct err *err)
{
	const char *type = jx_str(desc, "mediaType");
	auto_free char *shown = name_show(type ? type : "");

	if (type &&
		(str_starts(type, "application/vnd.oci.image.layer.") || str_starts(type, DOCKER_TYPE "image.rootfs.")) &&
		!strstr(type, "encrypted"))
		return 0;
	return err_set(err, ERR_INPUT, "a layer is of the type '%s', which cannot be unpacked", shown);
}

int manifest_check(const json_t *doc, struct err *err)
{
	const json_t *layers = json_object_get(doc, "layers"), *config = jx_obj(doc, "config"), *desc;
	const char *type = jx_str(config, "mediaType");
	auto_free char *shown = name_show(type ? type : "");
	size_t i;

	if (!config || (!json_is_array(layers) && !json_is_null(layers)) || json_array_size(layers) > LAYERS_MAX)
		return err_set(err, ERR_INPUT, "its manifest is not valid, or has more than %d layers", LAYERS_MAX);
	if (!STREQ(shown, CONFIG_TYPE) && !STREQ(shown, DOCKER_TYPE "container.image.v1+json"))
		return err_set(err, ERR_INPUT, "it is an artifact of the type '%s', no container image", shown);
	json_array_foreach(layers, i, desc)
		if (check_layer(desc, err) < 0)
			return -1;
	return 0;
}

int doc_parse(const char *text, size_t n, json_t **ret, struct err *err)
{
	size_t values = 0;

	for (size_t i = 0; i < n; i++)
		values += text[i] == ',' || text[i] == '[' || text[i] == '{';
	if (values > DOC_VALUES)
		return err_set(err, ERR_INPUT, "it has more than %d values", DOC_VALUES);
	return jx_parse(text, n, ret, err);
}

int doc_load(int dir_fd, const char *name, json_t **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (path_read(dir_fd, name, DOC_MAX, &text, err) < 0)
		return -1;
	return doc_parse(text.p ? text.p : "", text.len, ret, err) < 0 ? err_wrap(err, "read '%s'", name) : 0;
}
