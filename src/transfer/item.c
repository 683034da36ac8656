/* item.c - the way of one image: what the store has, which place is asked, its end. */
#include <limits.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "parts.h"

enum { TRIES_MAX = 3 };

bool item_lives(const struct item *it)
{
	return it->state < ITEM_DONE;
}

bool item_uses(const struct item *it, const struct fetch *f)
{
	for (size_t i = 0; i < it->n_layers; i++)
		if (it->layers[i]->fetch == f)
			return true;
	return false;
}

void item_init(struct item *it, struct run *run, const struct pull_image *want)
{
	*it = (struct item){ .run = run, .want = want, .number = (unsigned)(it - run->items), .config_fd = -1 };
}

/* What the manifest and what follows from it said. */
static void forget(struct item *it)
{
	reg_cancel(take(it->call));
	json_decref(take(it->doc));
	if (it->config_fd >= 0)
		close(take_fd(&it->config_fd));
	free(it->index.file);
	free(it->manifest.file);
	free(it->config.file);
	free(take(it->config_digest));
	it->index = it->manifest = it->config = (struct staged_blob){ 0 };
	pack_image_done(&it->image);
	it->image = (struct pack_image){ 0 };
	strs_done(&it->warnings);
	free(take(it->layers));
	free(take(it->told));
	it->n_layers = 0;
	it->depth = 0;
}

void item_done(struct item *it)
{
	forget(it);
	ref_done(&it->ref);
	free(it->name);
	free(it->have);
	free(it->have_manifest);
	free(it->have_id);
	reg_places_done(&it->places);
	err_done(&it->err);
}

/* ------------------------------------------------------------------ its end */

static void ended(struct item *it, enum item_state state)
{
	struct run *run = it->run;

	it->state = state;
	run_release(run);
	items_start_some(run);
	for (size_t i = 0; i < run->n_items; i++)
		if (item_lives(&run->items[i]))
			return;
	event_base_loopbreak(run->base);
}

static unsigned count_busy(const struct run *run)
{
	unsigned n = 0;

	for (size_t i = 0; i < run->n_items; i++)
		n += run->items[i].state > ITEM_WAITING && item_lives(&run->items[i]);
	return n;
}

/* Counted anew each time: who fails at once has started the next one already. */
void items_start_some(struct run *run)
{
	unsigned at_most = run->what->images_at_once ? run->what->images_at_once : UINT_MAX;

	for (size_t i = 0; run->started && i < run->n_items; i++)
		if (run->items[i].state == ITEM_WAITING && count_busy(run) < at_most)
			item_resolve(&run->items[i]);
}

void item_fail(struct item *it, const struct err *why)
{
	if (!item_lives(it))
		return;
	reg_cancel(take(it->call));
	err_copy(&it->err, why);
	err_hint_room(&it->err, it->run->stage.images_path);
	if (it->ref.repository) /* what is wrong with the name itself says it */
		err_wrap(&it->err, "image '%s'", it->want->ref);
	report_image(it, "failed");
	ended(it, ITEM_FAILED);
}

static void succeeded(struct item *it, const char *state)
{
	report_layers(it->run);
	for (size_t i = 0; i < it->warnings.n; i++)
		report_warn(it->run, it->warnings.v[i]);
	report_image(it, state);
	ended(it, ITEM_DONE);
}

/* A prune took what the store had when it was looked for. */
static void again(struct item *it)
{
	auto_err struct err why = ERR_INIT;

	if (++it->tries > TRIES_MAX) {
		err_set(&why, ERR_BUSY, "what the image store has of it is removed again and again while it is pulled");
		item_fail(it, &why);
		return;
	}
	for (size_t i = 0; i < it->n_layers; i++) {
		struct layer *l = it->layers[i];
		l->gone |= l->state == LAYER_PRESENT || l->hash_only || l->published;
		l->fetch->gone |= !l->fetch->blob.file;
	}
	free(take(it->have));
	it->current = false;
	item_resolve(it);
}

void item_published(struct item *it, bool lost)
{
	if (lost)
		again(it);
	else
		succeeded(it, it->current ? "present" : "pulled");
}

void item_step(struct item *it)
{
	if (it->state != ITEM_PULLING)
		return;
	for (size_t i = 0; i < it->n_layers; i++)
		if (!layer_settled(it->layers[i]) || (it->layers[i]->other && !layer_settled(it->layers[i]->other)))
			return;
	for (size_t i = 0; i < it->n_layers; i++)
		if (it->layers[i]->state == LAYER_FAILED) {
			item_fail(it, &it->layers[i]->err);
			return;
		}
	it->state = ITEM_WHOLE;
	finish_some(it->run);
}

/* ------------------------------------------------------------------ asking */

bool item_next_place(const struct item *it, size_t *place, const struct err *why)
{
	auto_free char *text = NULL;

	if (*place + 1 >= it->places.n || why->errnum == ENOSPC)
		return false;
	text = xasprintf("image '%s': %s; '%s' is asked instead", it->want->ref, err_msg(why), it->places.v[*place + 1].host);
	report_warn(it->run, text);
	(*place)++;
	return true;
}

static void place_failed(struct item *it, const struct err *why)
{
	struct err kept = ERR_INIT;

	err_copy(&kept, why); /* why may be of what is forgotten */
	if (item_next_place(it, &it->place, &kept))
		item_resolve(it);
	else
		item_fail(it, &kept);
	err_done(&kept);
}

static void on_doc(void *arg, const struct reg_doc *doc, const struct err *err)
{
	struct item *it = arg;

	it->call = NULL;
	if (err)
		place_failed(it, err);
	else
		item_take_doc(it, doc);
}

void item_get(struct item *it, const char *what)
{
	auto_err struct err why = ERR_INIT;

	if (reg_get_manifest(it->run->reg, &it->places.v[it->place], what, on_doc, it, &it->call, &why) < 0)
		place_failed(it, &why);
}

void item_wrong(struct item *it, const struct err *why)
{
	place_failed(it, why);
}

static void on_head(void *arg, const struct reg_doc *doc, const struct err *err)
{
	struct item *it = arg;
	char digest[sizeof "sha256:" + HASH_HEX_LEN];

	it->call = NULL;
	if (err) {
		place_failed(it, err);
		return;
	}
	snprintf(digest, sizeof digest, "sha256:%s", doc->hex);
	if (!STREQ(digest, it->have)) {
		item_get(it, digest);
		return;
	}
	it->current = true;
	it->state = ITEM_WHOLE;
	finish_some(it->run);
}

void item_resolve(struct item *it)
{
	const struct reg_place *at = &it->places.v[it->place];
	const char *what = at->ref.digest ? at->ref.digest : at->ref.tag;
	auto_err struct err why = ERR_INIT;

	forget(it);
	it->state = ITEM_RESOLVING;
	if (!it->have || at->ref.digest)
		item_get(it, what);
	else if (reg_head_manifest(it->run->reg, at, what, on_head, it, &it->call, &why) < 0)
		place_failed(it, &why);
}

/* ------------------------------------------------------------------ before the loop */

/* True when the store's is as good as the registry's. */
static bool good_enough(const struct item *it, const struct image *img)
{
	return it->want->policy == PULL_MISSING || it->ref.digest ||
	       (it->want->newer_than_ns && img->pulled_ns >= it->want->newer_than_ns);
}

static void know(struct item *it, const struct image *img)
{
	it->have = xstrdup(img->index_digest ? img->index_digest : img->manifest_digest);
	it->have_manifest = xstrdup(img->manifest_digest);
	it->have_id = xstrdup(img->id);
}

/* What the store has for this platform, or (without a wish) for whatever platform, if that is enough. */
static bool look_into_store(struct item *it)
{
	struct image *img = NULL;
	char platform[PLATFORM_TEXT];
	bool enough = false;

	platform_format(&it->platform, platform);
	for (int any = 0; any < 2 && !img; any++) {
		if (image_find(it->run->store, it->name, any ? it->want->platform : platform, &img, NULL) < 0)
			continue;
		if (!plan_blobs_there(it, img->manifest_digest)) {       /* lost, or damaged and removed: not what it was */
			image_free(take(img));
			continue;
		}
		enough = good_enough(it, img);
		if (!any || enough)
			know(it, img);
	}
	image_free(img);
	return enough;
}

static int read_names(struct item *it, struct err *err)
{
	struct image_ref name;

	platform_host(&it->platform);
	it->wished = it->want->platform && *it->want->platform;
	if (ref_parse(it->want->ref, &it->ref, err) < 0 || (it->wished && platform_parse(it->want->platform, &it->platform, err) < 0))
		return -1;
	/* with a digest the tag says nothing any more, and does not become the name of what may be an old image */
	name = it->ref;
	name.tag = it->ref.digest ? NULL : it->ref.tag;
	it->name = ref_format(&name);
	return 0;
}

/* A mirror about which something is wrong here is passed over, as one that does not answer is. */
static int prepare_places(struct item *it, struct err *err)
{
	struct run *run = it->run;
	unsigned flags = run->what->no_verify ? REG_UNVERIFIED : 0;

	if (reg_conf_places(run->conf, &it->ref, flags, &it->places, err) < 0)
		return -1;
	for (size_t i = 0; i < it->places.n; i++) {
		auto_err struct err why = ERR_INIT;
		it->places.v[i].optional = it->want->optional;
		if (reg_prepare(run->reg, &run->env, &it->places.v[i], &why) == 0)
			continue;
		if (i + 1 == it->places.n || !it->places.v[i].mirror)
			return err_move(err, &why);
		report_warn(run, err_msg(&why));
	}
	return 0;
}

void item_begin(struct item *it)
{
	auto_err struct err why = ERR_INIT;

	report_image(it, "resolving");
	if (read_names(it, &why) < 0) {
		item_fail(it, &why);
		return;
	}
	if (look_into_store(it)) {
		it->current = true;
		succeeded(it, "present");
		return;
	}
	if (prepare_places(it, &why) < 0)
		item_fail(it, &why);
}
