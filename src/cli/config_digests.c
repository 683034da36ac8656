/* config_digests.c - images pinned by digest: `config --resolve-image-digests` and `--lock-image-digests`.
 * Registries are not asked; what the image store has is what would run. */
#include <string.h>

#include "../../compose/node.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "config.h"

/* "docker.io/library/redis:7@sha256:…", or why not. Malloc'ed, NULL with *err. A digest that is there already
 * takes the place of the tag. */
static char *pinned(struct image_store *store, const char *name, const char *platform, struct err *err)
{
	struct image_ref ref = { 0 };
	struct image *image = NULL;
	struct buf out = BUF_INIT;

	if (ref_parse(name, &ref, err) == 0 && (ref.digest || image_find(store, name, platform, &image, err) == 0)) {
		buf_printf(&out, "%s/%s", ref.registry, ref.repository);
		if (!ref.digest && ref.tag)
			buf_printf(&out, ":%s", ref.tag);
		buf_printf(&out, "@%s", ref.digest ? ref.digest : image->index_digest ? image->index_digest : image->manifest_digest);
	}
	image_free(image);
	ref_done(&ref);
	return out.p;
}

static void pin(struct cli *c, struct diag *d, struct image_store *store, struct node *service)
{
	struct node_pair *image = node_pair_get(service, "image"), *platform = node_pair_get(service, "platform");
	const char *wanted = platform && platform->value->kind == NODE_STR ? platform->value->text : NULL;
	auto_err struct err err = ERR_INIT;
	auto_free char *text = NULL;

	if (!image || image->value->kind != NODE_STR || !*image->value->text)
		return;
	text = pinned(store, image->value->text, wanted, &err);
	if (text) {
		node_set(c->project->arena, service, "image", image->key_pos,
			node_str(c->project->arena, text, image->value->pos));
		return;
	}
	diag_error(
		d, image->value->pos, "no digest is known for '%s': %s", image->value->text, err_msg(&err));
	if (err.hint)
		diag_hint(d, "%s", err.hint);
}

static void keep_only(struct node *map, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; map->kind == NODE_MAP && i < map->n; i++)
		if (STREQ(map->pairs[i].key, key))
			map->pairs[kept++] = map->pairs[i];
	if (map->kind == NODE_MAP)
		node_truncate(map, kept);
}

int config_pin_images(struct cli *c, const struct config_opts *o, struct err *err)
{
	struct node *root = c->project->root, *services = node_get(root, "services");
	/* the files' lines are known already, and what was said of them has been printed */
	struct diag d = { .sources = c->diag.sources, .n_sources = c->diag.n_sources };
	struct image_store *store = NULL;
	bool failed;

	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		pin(c, &d, store, services->pairs[i].value);
		if (o->lock_digests)
			keep_only(services->pairs[i].value, "image");
	}
	if (o->lock_digests)
		keep_only(root, "services");
	image_store_close(store);
	failed = diag_failed(&d);
	if (failed)
		ui_diag(&c->ui, &d);
	d.sources = NULL;
	d.n_sources = 0;
	diag_done(&d);
	return failed ? CLI_PRINTED : 0;
}
