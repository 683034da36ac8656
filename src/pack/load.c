/* load.c - an archive becomes images.
 *
 * Of an archive that is a plain file only the documents are read at first: they say which layers there are, what their hashes are, and so which
 * of them the store lacks. Each of those is then read once, by a worker that hashes it, copies it to its file and unpacks it, as many at
 * a time as there are processors. Of any other archive (a pipe, a compressed one, one whose documents do not say enough, one with something
 * wrong) everything is spooled first. */
#include "pack.h"

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "choose.h"
#include "jobs.h"
#include "room.h"
#include "spool_item.h"

struct load {
	const struct pack_load *req;
	struct stage stage;
	struct map files;
	struct pack_images images;
	struct jobs jobs;
};

static void emit(const struct load *l, json_t *ev)
{
	if (l->req->on_event)
		l->req->on_event(l->req->arg, ev);
	json_decref(ev);
}

static void emit_layer(const struct load *l, const struct pack_layer *layer, const char *state)
{
	auto_free char *digest = xasprintf("sha256:%s", layer->diff_hex);

	emit(l, json_pack("{s:s, s:s, s:s}", "ev", "layer", "digest", digest, "state", state));
}

/* ------------------------------------------------------------------ which layers need work */

static void on_unpacked(void *arg, const struct job *j)
{
	emit_layer(arg, j->staged.layer, j->unpack.hash_only ? "present" : "unpacked");
}

/* A blob that is in the archive still. Of the same layer packed in two ways one is unpacked, the other looked through. */
static void add_part(struct load *l, const struct pack_layer *layer)
{
	bool unpacked = stage_has(&l->stage, "layers", layer->chain), begun = jobs_have(&l->jobs, layer->chain, unpacked);
	bool take_out = !layer->blob->file && !stage_has(&l->stage, "blobs/sha256", layer->blob->hex);
	struct job *j;

	if (!take_out && begun)
		return;
	if (!take_out && unpacked) {
		emit_layer(l, layer, "present");
		return;
	}
	j = jobs_add_part(&l->jobs, &l->stage, layer, l->req->fd, take_out, &l->req->limits);
	j->unpack.hash_only = unpacked || begun;
}

static void add_job(struct load *l, const struct pack_layer *layer)
{
	bool unpacked = stage_has(&l->stage, "layers", layer->chain);
	struct job *j;

	if (layer->blob->part) {
		add_part(l, layer);
		return;
	}
	if (jobs_have(&l->jobs, layer->chain, unpacked))
		return;
	/* a plain blob's hash was compared already, a compressed one of the store when it came into it */
	if (unpacked && (layer->blob->kind == BLOB_PLAIN || stage_has(&l->stage, "blobs/sha256", layer->blob->hex))) {
		emit_layer(l, layer, "present");
		return;
	}
	j = jobs_add(&l->jobs, &l->stage, layer, layer->blob->file, &l->req->limits);
	j->unpack.hash_only = unpacked;
	if (layer->blob->kind == BLOB_PLAIN)
		j->unpack.diff_hex = NULL; /* compared when it was chosen */
}

/* One file can be the layer of as many images, in as many places, as an archive likes to say: each is unpacked. */
static int plan_jobs(struct load *l, struct err *err)
{
	for (size_t i = 0; i < l->images.n; i++)
		for (size_t k = 0; k < l->images.v[i].n_layers; k++) {
			add_job(l, &l->images.v[i].layers[k]);
			if (l->jobs.n > SPOOL_ENTRIES_MAX)
				return err_set(err, ERR_INPUT, "it has more than %d different layers", SPOOL_ENTRIES_MAX);
		}
	return 0;
}

/* ------------------------------------------------------------------ whether there is room for it */

/* What is still to be written: blobs that are taken out of the archive, and layers that are unpacked. */
static uint64_t needed(const struct load *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->jobs.n; i++) {
		const struct job *j = &l->jobs.v[i];
		const struct staged_blob *b = j->staged.layer->blob;

		if (j->state != JOB_WAITING)
			continue;
		sum += b->part && j->part.file ? b->size : 0;
		sum += j->unpack.hash_only ? 0 : room_unpacked(b->size, b->kind == BLOB_PLAIN);
	}
	return sum;
}

/* ------------------------------------------------------------------ all of it */

static int publish_jobs(const struct load *l, struct err *err)
{
	size_t n;
	auto_free struct staged_layer *v = jobs_staged(&l->jobs, &n);

	return publish(&l->stage, &l->images, v, n, err);
}

static void emit_loaded(const struct load *l)
{
	for (size_t i = 0; i < l->images.warnings.n; i++)
		emit(l, json_pack("{s:s, s:s}", "ev", "warn", "msg", l->images.warnings.v[i]));
	for (size_t i = 0; i < l->images.n; i++) {
		const struct pack_image *img = &l->images.v[i];
		auto_free char *id = xasprintf("sha256:%s", img->config->hex);
		for (size_t k = 0; k < img->refs.n; k++)
			emit(l, json_pack(
					"{s:s, s:s, s:s}", "ev", "loaded", "ref", img->refs.v[k], "id", id));
		if (img->refs.n == 0)
			emit(l, json_pack("{s:s, s:s}", "ev", "loaded", "id", id));
	}
}

/* Sets files and images. */
static int look_into(struct load *l, struct err *err)
{
	if (spool_outline(&l->stage, l->req, &l->files, NULL) == 0 &&
		choose_images(&l->stage, &l->files, l->req->platform, &l->images, NULL) == 0)
		return 0;
	spool_done(&l->files);
	if (spool_run(&l->stage, l->req, &l->files, err) < 0)
		return -1;
	return choose_images(&l->stage, &l->files, l->req->platform, &l->images, err);
}

static int load_staged(struct load *l, struct err *err)
{
	int r;

	if (look_into(l, err) < 0)
		return err_wrap(err, "load '%s'", l->req->name);
	do {
		if (plan_jobs(l, err) < 0 || room_for(&l->stage, needed(l), err) < 0 || jobs_run(&l->jobs, err) < 0)
			return err_wrap(err, "load '%s'", l->req->name);
		r = publish_jobs(l, err);
	} while (r == PUBLISH_LOST);
	return r;
}

int pack_load(const struct pack_load *req, struct err *err)
{
	struct load l = { .req = req, .jobs = { .on_done = on_unpacked, .arg = &l } };
	int r;

	if (stage_open(req->state_dir, &l.stage, err) < 0)
		return -1;
	r = load_staged(&l, err);
	if (r == 0)
		emit_loaded(&l);
	jobs_done(&l.jobs);
	choose_done(&l.images);
	spool_done(&l.files);
	stage_close(&l.stage);
	return r;
}
