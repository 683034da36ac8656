/* same.c - whether the store has what was built already, under its names and nothing else there. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../image/image.h"
#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "step.h"

enum { DOC_MAX = 8 << 20 };

bool step_has(const struct step *s, struct image_store *store, const char *id)
{
	for (size_t i = 0; i < s->spec->refs.n; i++) {
		struct image *img = NULL;
		bool same = image_find(store, s->spec->refs.v[i], s->platform, &img, NULL) == 0 && STREQ(img->id, id);

		image_free(img);
		if (!same)
			return false;
	}
	return true;
}

/* How many images an index in the store names; 0: it cannot be read. */
static size_t index_size(const struct step *s, const char *digest)
{
	auto_free char *path = xasprintf("%s/images/blobs/sha256/%s", s->run->host.state_dir, DIGEST_HEX(digest));
	auto_json json_t *doc = NULL;

	jx_load(AT_FDCWD, path, DOC_MAX, &doc, NULL);
	return json_array_size(jx_arr(doc, "manifests"));
}

bool step_together(const struct step *s, struct image_store *store)
{
	const struct strs *list = &s->spec->platforms;
	auto_free char *index = NULL;
	bool same = true;

	if (list->n < 2)
		return true;
	for (size_t i = 0; i < list->n; i++) {
		struct image *img = NULL;

		image_look(store, s->spec->refs.v[0], list->v[i], &img, NULL);
		if (img && !index)
			index = xstrdup(img->index_digest);
		same &= img && index && str_eq(img->index_digest, index);
		image_free(img);
	}
	return same && index_size(s, index) == list->n;
}

/* ------------------------------------------------------------------ nothing else by its names */

/* Among what the service is built for; `up` builds one of these, and leaves the others as they are when that one is as it was. */
static bool is_wanted(const struct step *s, const char *platform)
{
	const struct strv *all = &s->spec->service->build.platforms;
	struct platform have, want;

	if (!platform || platform_parse(platform, &have, NULL) < 0)
		return false;
	for (size_t i = 0; i < all->n; i++)
		if (platform_parse(all->v[i], &want, NULL) == 0 && platform_same(&have, &want))
			return true;
	return false;
}

/* One image only, and not part of an index that was sent or made when there were more. */
static bool is_alone(const struct step *s, struct image_store *store, const char *ref, size_t rows)
{
	struct image *img = NULL;
	bool alone = rows == 1 && image_look(store, ref, s->spec->platforms.n ? s->spec->platforms.v[0] : NULL, &img, NULL) == 0 &&
		     !img->index_digest;

	image_free(img);
	return alone;
}

bool step_alone(const struct step *s, struct image_store *store)
{
	auto_json json_t *list = image_list(store, NULL);
	const json_t *row;
	size_t k;

	for (size_t i = 0; i < s->spec->refs.n; i++) {
		const char *ref = s->spec->refs.v[i];
		size_t rows = 0, wanted = 0;

		json_array_foreach(list, k, row) {
			rows += str_eq(jx_str(row, "ref"), ref);
			wanted += str_eq(jx_str(row, "ref"), ref) && is_wanted(s, jx_str(row, "platform"));
		}
		if (s->spec->service->build.platforms.n > 1 ? rows != wanted : !is_alone(s, store, ref, rows))
			return false;
	}
	return true;
}
