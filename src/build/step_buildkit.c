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
	struct dockerfile_bases bases = { 0 };

	spec_images(s->spec, s->spec->platforms.n ? s->spec->platforms.v[0] : NULL, &bases);
	for (size_t i = 0; i < bases.n; i++) {
		auto_free char *name = context_name(bases.v[i].name);
		struct image *img = NULL;

		if (name && image_look(store, bases.v[i].name, bases.v[i].platform, &img, NULL) == 0)
			strs_printf(ret, "%s=%s", name, img->manifest_digest);
		image_free(img);
	}
	dockerfile_bases_done(&bases);
}

static int build(const struct step *s, struct image_store *store, json_t **ret, struct err *err)
{
	auto_free char *metadata = path_join(s->tmp, "metadata"), *out = path_join(s->tmp, "out"), *images = NULL;
	auto_strs struct strs argv = STRS_INIT, bases = STRS_INIT;
	struct argv_places at;
	struct image *img = NULL;

	images = path_join(s->run->host.state_dir, "images");
	step_places(s, metadata, out, &at);
	at.images = images;
	/* for several platforms it takes an index, of which the store may have a part only */
	if (!s->spec->service->build.pull && !s->spec->opts->pull && s->spec->platforms.n < 2)
		find_bases(s, store, &bases);
	argv_buildkit_build(s->spec, &at, &bases, &argv);
	if (tool_must(&s->run->host, &argv, s->out_fd, NULL, err) < 0 ||
	    step_take(s, json_pack("[{s:s}]", "dir", out), err) < 0 ||
	    image_find(store, s->spec->refs.v[0], s->spec->platforms.n ? s->spec->platforms.v[step_ours(s)] : NULL, &img, err) < 0)
		return -1;
	*ret = step_answer(s, img->id, false);
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
