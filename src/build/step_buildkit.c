/* step_buildkit.c - `buildctl build`, whose result is a layout with all its layers. */
#include <stdlib.h>
#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "step.h"
#include "tool.h"

/* BuildKit looks for a named context by the familiar name, and without the tag that goes without saying. */
static char *context_name(const char *name)
{
	struct image_ref r;
	char *text;
	size_t n, tail = strlen(":latest");

	if (ref_parse(name, &r, NULL) < 0)
		return NULL;
	text = ref_familiar(&r);
	ref_done(&r);
	n = strlen(text);
	if (n > tail && STREQ(text + n - tail, ":latest"))
		text[n - tail] = '\0';
	return text;
}

static void find_bases(const struct step *s, struct image_store *store, struct strs *ret)
{
	auto_strs struct strs names = STRS_INIT;

	spec_images(s->spec, &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *ref = NULL, *name = context_name(names.v[i]);
		struct image *img = step_base(s, store, names.v[i], &ref);

		if (img && name)
			strs_printf(ret, "%s=%s", name, img->manifest_digest);
		image_free(img);
	}
}

static int build(const struct step *s, struct image_store *store, json_t **ret, struct err *err)
{
	auto_free char *metadata = path_join(s->tmp, "metadata"), *out = path_join(s->tmp, "out"), *images = NULL;
	auto_strs struct strs argv = STRS_INIT, bases = STRS_INIT, warnings = STRS_INIT;
	struct argv_places at;
	struct image *img = NULL;

	images = path_join(s->run->host.state_dir, "images");
	step_places(s, metadata, out, &at);
	at.images = images;
	if (!s->spec->service->build.pull && !s->spec->opts->pull)
		find_bases(s, store, &bases);
	argv_buildkit_build(s->spec, &at, &bases, &argv, &warnings);
	if (tool_must(&s->run->host, &argv, s->out_fd, NULL, err) < 0 || step_take(s, out, NULL, err) < 0 ||
	    image_find(store, s->spec->refs.v[0], s->spec->platform, &img, err) < 0)
		return -1;
	*ret = json_pack("{s:s, s:b, s:[]}", "id", img->id, "unchanged", 0, "warnings");
	image_free(img);
	return 0;
}

int step_buildkit(const struct step *s, json_t **ret, struct err *err)
{
	struct image_store *store = NULL;
	int r;

	if (image_store_open(s->run->host.state_dir, &store, err) < 0)
		return -1;
	r = build(s, store, ret, err);
	image_store_close(store);
	return r;
}
