/* unpack.c - images that another tool has put into the store are unpacked before they are first used. */
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "imager.h"
#include "up.h"

static void add_if_packed(struct image_store *store, const char *name, const char *platform, json_t *digests)
{
	struct image *img = NULL;

	if (!name || image_look(store, name, platform, &img, NULL) < 0)
		return; /* who needs it says so */
	if (!image_unpacked(store, img))
		json_array_append_new(digests, json_string(img->manifest_digest));
	image_free(img);
}

int unpack_images(struct cli *c, const bool *scope, struct err *err)
{
	const struct project *p = c->project;
	auto_json json_t *digests = json_array();
	struct image_store *store = NULL;
	struct imager what = { .verb = "unpack", .input_fd = -1, .output_fd = -1 };

	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!scope[i])
			continue;
		add_if_packed(store, s->image, s->platform, digests);
		for (size_t k = 0; k < s->n_pre_start; k++)
			add_if_packed(store, s->pre_start[k].image, s->platform, digests);
	}
	image_store_close(store);
	if (!json_array_size(digests))
		return 0;
	what.request = json_pack("{s:O}", "manifests", digests);
	return imager_run(c, &what, err);
}
