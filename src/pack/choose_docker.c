/* choose_docker.c - docker-archive: manifest.json lists {"Config","RepoTags","Layers"}. It has no OCI
 * manifest, so we write one. */
#include "choose.h"

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "name.h"

enum { IMAGES_MAX = 1000, TAGS_MAX = 1000 };

static struct staged_blob *find_file(const struct choice *c, const json_t *name, struct err *err)
{
	auto_free char *clean = NULL, *shown = NULL;
	struct staged_blob *f;

	if (!json_is_string(name)) {
		err_set(err, ERR_INPUT, "manifest.json names a file by something that is not a string");
		return NULL;
	}
	if (name_clean(json_string_value(name), &clean, err) < 0)
		return NULL;
	f = spool_get(c->files, clean);
	shown = name_show(clean);
	if (!f)
		err_set(err, ERR_INPUT, "manifest.json names '%s', which is missing from the archive", shown);
	return f;
}

/* "HEX.json" and "blobs/sha256/HEX" promise their content. */
static int check_named_by_digest(const json_t *name, const struct staged_blob *f, struct err *err)
{
	const char *text = json_string_value(name), *slash = strrchr(text, '/'),
		   *last = slash ? slash + 1 : text;
	size_t n = strspn(last, "0123456789abcdef");

	if (n != HASH_HEX_LEN || (last[n] && !STREQ(last + n, ".json")) || memcmp(last, f->hex, n) == 0)
		return 0;
	return err_set(
		err, ERR_INPUT, "config '%s' has other content than its name says: sha256:%s", text, f->hex);
}

static void add_tags(const struct choice *c, struct pack_image *img, const json_t *entry)
{
	const json_t *tags = jx_arr(entry, "RepoTags"), *tag;
	size_t i;

	json_array_foreach(tags, i, tag)
		if (i < TAGS_MAX && json_is_string(tag))
			choice_ref(c, img, json_string_value(tag));
}

static int read_entry(const struct choice *c, struct pack_image *img, const json_t *entry, struct err *err)
{
	const json_t *names = jx_arr(entry, "Layers"), *config = json_object_get(entry, "Config"), *name;
	auto_free struct staged_blob **layers = NULL;
	size_t i, n = json_array_size(names);

	if (!json_is_object(entry) || n > LAYERS_MAX)
		return err_set(err, ERR_INPUT, "manifest.json is not valid");
	add_tags(c, img, entry);
	img->config = find_file(c, config, err);
	if (!img->config || check_named_by_digest(config, img->config, err) < 0)
		return -1;
	layers = xcalloc(n + 1, sizeof *layers);
	json_array_foreach(names, i, name) {
		layers[i] = find_file(c, name, err);
		if (!layers[i])
			return -1;
	}
	if (choice_finish(c, img, layers, n, err) < 0)
		return err_wrap(err, "image '%s'", img->refs.n ? img->refs.v[0] : img->config->hex);
	pack_image_manifest(img);
	return 0;
}

int choose_docker(const struct choice *c, const json_t *list, struct err *err)
{
	const json_t *entry;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > IMAGES_MAX)
		return err_set(
			err, ERR_INPUT, "manifest.json is not a list of at most %d images", IMAGES_MAX);
	json_array_foreach(list, i, entry) {
		struct pack_image *img = XGROW(c->out->v, c->out->n, c->out->cap);
		if (read_entry(c, img, entry, err) < 0)
			return -1;
	}
	return 0;
}

void choose_docker_names(const struct choice *c, const json_t *list, struct pack_image *img)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		const struct staged_blob *f = find_file(c, json_object_get(entry, "Config"), NULL);
		if (f && STREQ(f->hex, img->config->hex))
			add_tags(c, img, entry);
	}
}
