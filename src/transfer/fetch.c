/* fetch.c - blobs of layers: each is downloaded once, into the staging directory, whoever needs it.
 *
 * What an earlier pull has left of it (src/pack/partial.h) is hashed first, and the rest is asked for. What a place had sent before it failed
 * is kept for the next one in the same way. When all bytes are there and are not what they should be, and some of them were there before, all
 * are fetched anew, once: what was there may have been damaged. */
#include <fcntl.h>
#include <sys/stat.h>

#include "../image/store.h"
#include "../pack/partial.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "parts.h"

static struct fetch *find(const struct run *run, const char *hex)
{
	for (size_t i = 0; i < run->n_fetches; i++)
		if (!run->fetches[i]->gone && run->fetches[i]->state != FETCH_FAILED && STREQ(run->fetches[i]->blob.hex, hex))
			return run->fetches[i];
	return NULL;
}

static int size_differs(const char *hex, uint64_t have, uint64_t want, struct err *err)
{
	return err_set(err, ERR_INPUT, "layer 'sha256:%s' has %llu bytes, its descriptor says %llu", hex, (unsigned long long)have,
		(unsigned long long)want);
}

/* What the store has needs no download. */
static int look_into_store(const struct run *run, struct fetch *f, struct err *err)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", f->blob.hex);
	struct stat st;

	if (fstatat(run->stage.images_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		f->blob.file = partial_file(f->blob.hex);
		resume_find(f);
		f->had = f->have;
		return 0;
	}
	if ((uint64_t)st.st_size != f->blob.size)
		return size_differs(f->blob.hex, (uint64_t)st.st_size, f->blob.size, err);
	f->state = FETCH_DONE;
	f->bytes = f->blob.size;
	return 0;
}

struct fetch *fetch_get(struct item *it, const char *hex, uint64_t size, struct err *err)
{
	struct run *run = it->run;
	struct fetch *f = find(run, hex);

	if (f && f->blob.size != size) {
		size_differs(hex, f->blob.size, size, err);
		return NULL;
	}
	if (f)
		return f;
	if (size > PACK_LIMITS.bytes) {
		err_set(err, ERR_INPUT, "layer 'sha256:%s' is larger than %llu GiB", hex, (unsigned long long)(PACK_LIMITS.bytes >> 30));
		return NULL;
	}
	f = xcalloc(1, sizeof *f);
	f->run = run;
	f->item = it;
	f->place = it->place;
	f->fd = f->hasher.fd = -1;
	f->blob.size = size;
	snprintf(f->blob.hex, sizeof f->blob.hex, "%s", hex);
	f->digest = xasprintf("sha256:%s", hex);
	*XGROW(run->fetches, run->n_fetches, run->cap_fetches) = f;
	if (look_into_store(run, f, err) == 0)
		return f;
	f->gone = true;
	return NULL;
}

static void stop_call(struct fetch *f)
{
	reg_cancel(take(f->call));
	resume_stop(f);
	if (f->fd >= 0)
		close(take_fd(&f->fd));
	if (f->state == FETCH_RUNNING)
		f->run->n_fetching--;
}

/* What is there of it stays in the staging directory, and is kept with it (stage_close()). */
void fetch_stop(struct fetch *f)
{
	stop_call(f);
	if (f->state < FETCH_DONE)
		f->state = FETCH_FAILED;
	if (f->blob.file && !f->in_hands && (f->useless || f->run->no_room))
		unlinkat(f->run->stage.fd, f->blob.file, 0);
}

/* ------------------------------------------------------------------ how one goes */

static void each_item(struct fetch *f, void (*fn)(struct item *it, const struct err *err), const struct err *err)
{
	for (size_t i = 0; i < f->run->n_items; i++) {
		struct item *it = &f->run->items[i];
		if (item_lives(it) && item_uses(it, f))
			fn(it, err);
	}
}

/* Another image that needs it may be allowed where this one was not. */
static bool other_item(struct fetch *f)
{
	for (size_t i = 0; i < f->run->n_items; i++) {
		struct item *it = &f->run->items[i];
		if (it <= f->item || !item_lives(it) || !item_uses(it, f))
			continue;
		f->item = it;
		f->place = it->place;
		return true;
	}
	return false;
}

/* For good: what was unpacked from it is nobody's, and who has waited for that unpacks another blob. */
static void give_up(struct fetch *f, struct err *why)
{
	struct run *run = f->run;

	f->state = FETCH_FAILED;
	for (size_t i = 0; i < run->n_layers; i++)
		if (run->layers[i]->fetch == f)
			layer_stop(run->layers[i]);
	err_wrap(why, "layer '%s'", f->digest);
	each_item(f, item_fail, why);
	for (size_t i = 0; i < run->n_items; i++)
		item_step(&run->items[i]);
}

/* Nothing of what is there is worth anything, nor what was unpacked from it. */
static void from_the_beginning(struct fetch *f)
{
	unlinkat(f->run->stage.fd, f->blob.file, 0);
	f->bytes = f->have = f->had = 0;
	for (size_t i = 0; i < f->run->n_layers; i++)
		if (f->run->layers[i]->fetch == f)
			layer_again(f->run->layers[i]);
}

/* It is all there, and it is something else. True: what was there before may be to blame. */
static bool is_wrong(struct fetch *f)
{
	bool had = f->have > 0;

	from_the_beginning(f);
	if (had) {
		auto_free char *text = xasprintf("layer '%s': what an earlier attempt has left of it is damaged; it is fetched anew", f->digest);
		report_warn(f->run, text);
	}
	return had;
}

static void failed(struct fetch *f, const struct err *why)
{
	struct err kept = ERR_INIT;
	bool again = false;

	err_copy(&kept, why);
	stop_call(f);
	f->run->no_room |= kept.errnum == ENOSPC;
	if (kept.kind == ERR_PROTO && f->bytes == f->blob.size)
		again = is_wrong(f);
	else if (f->bytes > f->have)
		f->have = f->bytes;
	if (again || item_next_place(f->item, &f->place, &kept) || (kept.errnum != ENOSPC && other_item(f)))
		f->state = FETCH_WAITING;
	else
		give_up(f, &kept);
	err_done(&kept);
	fetch_start_some(f->run);
}

static void step(struct item *it, const struct err *err)
{
	item_step(it);
}

static void ended(struct fetch *f)
{
	struct run *run = f->run;

	stop_call(f);
	f->state = FETCH_DONE;
	f->bytes = f->blob.size;
	layer_ended(f);
	each_item(f, step, NULL);
	fetch_start_some(run);
	layer_start_some(run);
}

static void on_done(void *arg, const struct err *err)
{
	struct fetch *f = arg;

	f->call = NULL;
	if (err)
		failed(f, err);
	else
		ended(f);
}

static void on_progress(void *arg, uint64_t bytes)
{
	struct fetch *f = arg;
	bool first = f->bytes == 0;

	f->bytes = bytes;
	if (first && bytes)
		layer_start_some(f->run);
	for (size_t i = 0; i < f->run->n_layers; i++) {
		struct layer *l = f->run->layers[i];
		if (l->fetch == f && l->state == LAYER_RUNNING)
			grow_tell(&l->grow, bytes);
	}
}

static int get(struct fetch *f, struct err *err)
{
	struct reg_blob what = {
		.at = &f->item->places.v[f->place],
		.digest = f->digest,
		.size = f->blob.size,
		.fd = f->fd,
		.have = f->have,
		.hashed = f->have ? resume_hash(f) : NULL,
		.progress = on_progress,
		.done = on_done,
		.arg = f,
	};

	return reg_get_blob(f->run->reg, &what, &f->call, err);
}

static void on_hashed(struct fetch *f, const struct err *err)
{
	auto_err struct err why = ERR_INIT;

	if (!err && resume_is_whole(f)) {
		ended(f);
		return;
	}
	if (err || f->have == f->blob.size) {
		stop_call(f);
		is_wrong(f);
		f->state = FETCH_WAITING;
		fetch_start_some(f->run);
		return;
	}
	if (get(f, &why) < 0) {
		failed(f, &why);
		return;
	}
	resume_stop(f);
	on_progress(f, f->have);
	layer_start_some(f->run);
}

static int start(struct fetch *f, struct err *err)
{
	f->fd = openat(f->run->stage.fd, f->blob.file, O_RDWR | O_CREAT | (f->have ? 0 : O_TRUNC) | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd < 0)
		return err_sys(err, errno, "make a file in '%s'", f->run->stage.images_path);
	return f->have ? resume_begin(f, on_hashed, err) : get(f, err);
}

/* The largest first: it ends last. */
static struct fetch *next(const struct run *run)
{
	struct fetch *best = NULL;

	for (size_t i = 0; i < run->n_fetches; i++) {
		struct fetch *f = run->fetches[i];
		if (!f->gone && f->state == FETCH_WAITING && (!best || f->blob.size > best->blob.size))
			best = f;
	}
	return best;
}

void fetch_start_some(struct run *run)
{
	unsigned at_most = run->what->parallel ? run->what->parallel : PULL_PARALLEL;
	struct fetch *f;

	while (run->n_fetching < at_most && (f = next(run))) {
		auto_err struct err why = ERR_INIT;
		f->state = FETCH_RUNNING;
		run->n_fetching++;
		if (start(f, &why) < 0)
			failed(f, &why); /* which goes on here for the others */
	}
}
