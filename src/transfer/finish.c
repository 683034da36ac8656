/* finish.c - images that are whole are published, one after the other, by a worker: syncfs and the store's lock may take their time.
 *
 * Nobody but the image waits for that, and those that are whole behind it: the loop downloads, unpacks and reports on. A sync cannot be
 * interrupted, so a worker that is given up is left to its file system (worker_abort() waits for 200 ms). */
#include "../pack/touch.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "parts.h"

/* What does not get written to disk in this time does not get written. */
enum { PUBLISH_S = 1800 };

static int publish_work(void *arg, json_t **ret, struct err *err)
{
	struct run *run = arg;
	struct item *it = run->publishing;
	struct pack_images one = { .v = &it->image, .n = 1 };
	int r = it->current ? pack_touch(run->what->state_dir, it->name, it->have_manifest, err)
			    : publish(&run->stage, &one, run->staged, run->n_staged, err);

	if (r < 0)
		return -1;
	*ret = json_pack("{s:b}", "lost", r > 0);
	return 0;
}

/* The image's own description of it knows which layers are below. */
static void add_staged(struct run *run, const struct layer *l, const struct pack_layer *in_image)
{
	if (l->state != LAYER_DONE || l->hash_only || l->published)
		return;
	run->staged[run->n_staged] = l->staged;
	run->staged[run->n_staged++].layer = in_image;
}

/* The layers that go with it, and no other's; a layer that is twice in an image is one chain id less. */
static void gather(struct run *run, struct item *it)
{
	run->staged = xcalloc(it->n_layers + 1, sizeof *run->staged);
	run->n_staged = 0;
	for (size_t i = 0; i < it->n_layers; i++) {
		struct layer *l = it->layers[i];
		add_staged(run, l->other ? l->other : l, &it->image.layers[i]);
		l->fetch->in_hands = true;
	}
}

static void on_publisher(evutil_socket_t fd, short what, void *arg);

static int start(struct run *run, struct item *it, struct err *err)
{
	const struct timeval limit = { .tv_sec = PUBLISH_S };

	run->publishing = it;
	it->state = ITEM_PUBLISHING;
	gather(run, it);
	if (worker_start(publish_work, run, &run->publisher, err) < 0)
		return -1;
	event_assign(&run->publisher_event, run->base, run->publisher.fd, EV_READ | EV_PERSIST, on_publisher, run);
	event_add(&run->publisher_event, &limit);
	return 0;
}

/* What it took along is the store's now. */
static void let_go(struct run *run, struct item *it, bool published)
{
	for (size_t i = 0; i < it->n_layers; i++) {
		struct layer *l = it->layers[i];
		l->fetch->in_hands = false;
		if (!published)
			continue;
		free(take(l->fetch->blob.file));
		l->published = true;
		if (l->other)
			l->other->published = true;
	}
	free(take(run->staged));
	run->publishing = NULL;
}

static void failed(struct run *run, const struct err *why)
{
	struct item *it = run->publishing;

	let_go(run, it, false);
	item_fail(it, why);
	finish_some(run);
}

static void on_publisher(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	struct item *it = run->publishing;
	auto_json json_t *answer = NULL;
	auto_err struct err why = ERR_INIT;
	bool lost;

	if (!(what & EV_TIMEOUT) && worker_read(&run->publisher) == 0)
		return;
	event_del(&run->publisher_event);
	if (what & EV_TIMEOUT) {
		worker_abort(&run->publisher);
		err_set(&why, ERR_TIMEOUT, "it is not written to disk after half an hour: the file system of '%s' does not come to the end of a sync",
			run->stage.images_path);
		failed(run, &why);
		return;
	}
	if (worker_finish(&run->publisher, &answer, &why) < 0) {
		failed(run, &why);
		return;
	}
	lost = jx_bool(answer, "lost", false);
	let_go(run, it, !lost);
	item_published(it, lost);
	layer_start_some(run);
	finish_some(run);
}

void finish_some(struct run *run)
{
	for (size_t i = 0; i < run->n_items && !run->publishing; i++) {
		auto_err struct err why = ERR_INIT;
		if (run->items[i].state == ITEM_WHOLE && start(run, &run->items[i], &why) < 0)
			failed(run, &why);
	}
}

void finish_stop(struct run *run)
{
	if (!run->publishing)
		return;
	event_del(&run->publisher_event);
	worker_abort(&run->publisher);
	free(take(run->staged));
	run->publishing = NULL;
}
