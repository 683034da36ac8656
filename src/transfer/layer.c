/* layer.c - what is unpacked, by workers: from the first byte of its blob on, while that is downloaded; from blobs that are whole as many at a
 * time as there are processors.
 *
 * A worker that fails may have been given wrong bytes: its word counts only when its blob has turned out to be right. */
#include <fcntl.h>
#include <sys/stat.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "parts.h"

/* From a whole blob it takes seconds; whatever takes this long does not end. */
enum { UNPACK_S = 3600 };

static bool in_store(const struct run *run, const char *chain)
{
	auto_free char *name = xasprintf("layers/%s", chain);

	return faccessat(run->stage.images_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* of: NULL: of any blob, but unpacking it. */
static struct layer *find(const struct run *run, const struct fetch *of, const char *chain)
{
	for (size_t i = 0; i < run->n_layers; i++) {
		struct layer *l = run->layers[i];
		if (l->gone || l->state == LAYER_FAILED || !STREQ(l->pack.chain, chain))
			continue;
		if (of ? l->fetch == of : !l->hash_only && l->state != LAYER_PRESENT)
			return l;
	}
	return NULL;
}

struct layer *layer_get(struct item *it, struct fetch *f, const struct pack_layer *pack, struct err *err)
{
	struct run *run = it->run;
	struct layer *l = find(run, f, pack->chain);
	bool there;

	if (l)
		return l;
	there = in_store(run, pack->chain);
	l = xcalloc(1, sizeof *l);
	l->run = run;
	l->fetch = f;
	l->pack = *pack;
	l->grow = GROW_NONE;
	l->worker.fd = -1;
	l->other = there ? NULL : find(run, NULL, pack->chain);
	l->hash_only = there || l->other;
	/* what the store has was compared with its diff_id when it came there */
	if (there && f->state == FETCH_DONE && !f->blob.file)
		l->state = LAYER_PRESENT;
	*XGROW(run->layers, run->n_layers, run->cap_layers) = l;
	return l;
}

bool layer_settled(const struct layer *l)
{
	if (l->state == LAYER_FAILED)
		return l->fetch->state != FETCH_RUNNING && l->fetch->state != FETCH_WAITING;
	return l->state == LAYER_DONE || l->state == LAYER_PRESENT;
}

static void end_worker(struct layer *l)
{
	if (l->worker.fd < 0)
		return;
	event_del(&l->event);
	worker_abort(&l->worker);
	grow_done(&l->grow);
}

void layer_stop(struct layer *l)
{
	end_worker(l);
	if (!l->published && l->state != LAYER_PRESENT)
		l->state = LAYER_FAILED;
}

static void forget_staged(struct layer *l)
{
	free(l->staged.dir);
	strs_done(&l->staged.implied);
}

void layer_done(struct layer *l)
{
	end_worker(l);
	forget_staged(l);
	err_done(&l->err);
}

void layer_again(struct layer *l)
{
	end_worker(l);
	err_done(&l->err);
	if (!l->gone)
		l->state = LAYER_WAITING;
}

/* ------------------------------------------------------------------ its end */

/* err: NULL: it is done. Who only waited for it to be unpacked has a blob of its own to unpack. */
static void each_item(struct layer *l, const struct err *err)
{
	for (size_t i = 0; i < l->run->n_items; i++) {
		struct item *it = &l->run->items[i];
		bool uses = false, waits = false;
		for (size_t k = 0; k < it->n_layers; k++) {
			uses |= it->layers[k] == l;
			waits |= it->layers[k]->other == l;
		}
		if (uses && err)
			item_fail(it, err);
		else if (uses || waits)
			item_step(it);
	}
}

/* A blob that is right and no layer is of no use to a later pull either. */
static void blame(struct layer *l)
{
	l->fetch->useless |= l->err.kind == ERR_INPUT && l->fetch->state == FETCH_DONE;
}

static void failed(struct layer *l, struct err *why)
{
	bool full = why->errnum == ENOSPC;

	l->run->no_room |= full;
	err_wrap(why, "layer '%s'", l->fetch->digest);
	l->state = LAYER_FAILED;
	err_done(&l->err);
	err_move(&l->err, why);
	blame(l);
	if (full || layer_settled(l))
		each_item(l, &l->err);
	layer_start_some(l->run);
}

static int take_result(struct layer *l, struct err *err)
{
	auto_json json_t *answer = NULL;

	grow_done(&l->grow);
	if (worker_finish(&l->worker, &answer, err) < 0)
		return -1;
	return unpack_result(&l->unpack, answer, &l->staged.bytes, &l->staged.entries, &l->staged.implied, err);
}

static void on_worker(evutil_socket_t fd, short what, void *arg)
{
	struct layer *l = arg;
	struct err why = ERR_INIT;

	if (what & EV_TIMEOUT) {
		end_worker(l);
		err_set(&why, ERR_TIMEOUT, "it is not unpacked after an hour");
		failed(l, &why);
		return;
	}
	if (worker_read(&l->worker) == 0)
		return;
	event_del(&l->event);
	if (take_result(l, &why) < 0) {
		failed(l, &why);
		return;
	}
	l->state = LAYER_DONE;
	each_item(l, NULL);
	layer_start_some(l->run);
}

/* ------------------------------------------------------------------ its beginning */

static int prepare(struct layer *l, struct err *err)
{
	struct run *run = l->run;

	forget_staged(l);
	l->staged = (struct staged_layer){ .dir = xasprintf("layer-%u", run->n_dirs++) };
	l->unpack = (struct unpack){
		.stage_fd = run->stage.fd,
		.growing = &l->grow,
		.dir = l->staged.dir,
		.hash_only = l->hash_only,
		.diff_hex = l->pack.diff_hex,
		.limits = PACK_LIMITS,
	};
	if (mkdirat(run->stage.fd, l->staged.dir, 0755) < 0)
		return err_sys(err, errno, "make a directory in '%s'", run->stage.images_path);
	return grow_init(&l->grow, err);
}

static void has_its_end(struct layer *l)
{
	const struct timeval limit = { .tv_sec = UNPACK_S };

	grow_end(&l->grow, l->fetch->blob.size);
	event_add(&l->event, &limit);
}

/* Opened here and now, while it is known where it is: what is published meanwhile moves. */
static int start_worker(struct layer *l, struct err *err)
{
	const struct staged_blob *b = &l->fetch->blob;
	auto_free char *name = b->file ? xstrdup(b->file) : xasprintf("../blobs/sha256/%s", b->hex);
	auto_close int fd = openat(l->run->stage.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open its blob");
	l->unpack.blob_fd = fd;
	return worker_start(unpack_work, &l->unpack, &l->worker, err);
}

static void start(struct layer *l)
{
	struct err why = ERR_INIT;

	l->state = LAYER_RUNNING;
	if (prepare(l, &why) < 0 || start_worker(l, &why) < 0) {
		grow_done(&l->grow);
		failed(l, &why);
		return;
	}
	grow_keep(&l->grow);
	event_assign(&l->event, l->run->base, l->worker.fd, EV_READ | EV_PERSIST, on_worker, l);
	event_add(&l->event, NULL);
	if (l->fetch->state == FETCH_DONE)
		has_its_end(l);
	else
		grow_tell(&l->grow, l->fetch->bytes);
}

void layer_ended(struct fetch *f)
{
	for (size_t i = 0; i < f->run->n_layers; i++) {
		struct layer *l = f->run->layers[i];
		if (l->fetch != f || l->gone)
			continue;
		if (l->state == LAYER_RUNNING)
			has_its_end(l);
		else if (l->state == LAYER_FAILED) {
			blame(l);
			each_item(l, &l->err);
		}
	}
}

static bool may_start(const struct layer *l, unsigned busy)
{
	const struct fetch *f = l->fetch;

	if (l->gone || l->state != LAYER_WAITING || f->in_hands)
		return false;
	if (f->state == FETCH_RUNNING)
		return f->bytes > 0;
	return f->state == FETCH_DONE && busy < l->run->n_cpus;
}

void layer_start_some(struct run *run)
{
	unsigned busy = 0;

	for (size_t i = 0; i < run->n_layers; i++)
		busy += run->layers[i]->state == LAYER_RUNNING && run->layers[i]->fetch->state == FETCH_DONE;
	for (size_t i = 0; i < run->n_layers; i++) {
		struct layer *l = run->layers[i];
		if (!may_start(l, busy))
			continue;
		busy += l->fetch->state == FETCH_DONE;
		start(l);
	}
}
