/* load.c - an archive becomes images: spool, choose, unpack side by side, publish. */
#include "pack.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "choose.h"
#include "publish.h"
#include "unpack.h"

/* One layer takes seconds; whatever takes this long does not end. */
#define LAYER_NS (3600 * SEC_NS)

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE };

struct job {
	struct staged_layer staged;
	struct unpack unpack;
	struct worker worker;
	enum job_state state;
	int64_t until_ns;
};

struct load {
	const struct pack_load *req;
	struct stage stage;
	struct map files;
	struct pack_images images;
	struct job *jobs;
	size_t n_jobs, cap_jobs;
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

static bool in_store(const struct load *l, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return faccessat(l->stage.images_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_job(const struct load *l, const char *chain)
{
	for (size_t i = 0; i < l->n_jobs; i++)
		if (STREQ(l->jobs[i].staged.layer->chain, chain))
			return true;
	return false;
}

static int add_job(struct load *l, const struct pack_layer *layer, struct err *err)
{
	bool unpacked = in_store(l, "layers", layer->chain);
	struct job *j;

	if (has_job(l, layer->chain))
		return 0;
	/* a plain blob's hash was compared already, a compressed one of the store when it came into it */
	if (unpacked && (layer->blob->kind == SPOOL_PLAIN || in_store(l, "blobs/sha256", layer->blob->hex))) {
		emit_layer(l, layer, "present");
		return 0;
	}
	j = XGROW(l->jobs, l->n_jobs, l->cap_jobs);
	j->staged.layer = layer;
	j->staged.dir = xasprintf("layer-%zu", l->n_jobs);
	if (mkdirat(l->stage.fd, j->staged.dir, 0755) < 0)
		return err_sys(err, errno, "make a directory in '%s'", l->stage.images_path);
	j->unpack = (struct unpack){
		.stage_fd = l->stage.fd,
		.blob = layer->blob->file,
		.dir = j->staged.dir,
		.hash_only = unpacked,
		.diff_hex = layer->diff_hex,
		.limits = l->req->limits,
	};
	return 0;
}

static int plan_jobs(struct load *l, struct err *err)
{
	for (size_t i = 0; i < l->images.n; i++)
		for (size_t k = 0; k < l->images.v[i].n_layers; k++)
			if (add_job(l, &l->images.v[i].layers[k], err) < 0)
				return -1;
	return 0;
}

/* ------------------------------------------------------------------ running them */

static int job_start(struct job *j, struct err *err)
{
	if (worker_start(unpack_work, &j->unpack, &j->worker, err) < 0)
		return -1;
	j->state = JOB_RUNNING;
	j->until_ns = clock_mono_ns() + LAYER_NS;
	return 0;
}

static int job_end(struct load *l, struct job *j, struct err *err)
{
	auto_json json_t *answer = NULL;

	j->state = JOB_DONE;
	if (worker_finish(&j->worker, &answer, err) < 0 ||
		unpack_result(&j->unpack, answer, &j->staged.bytes, &j->staged.entries, err) < 0)
		return err_wrap(err, "layer 'sha256:%s'", j->staged.layer->diff_hex);
	emit_layer(l, j->staged.layer, j->unpack.hash_only ? "present" : "unpacked");
	return 0;
}

static size_t start_some(struct load *l, size_t running, size_t at_most, struct err *err, bool *failed)
{
	for (size_t i = 0; i < l->n_jobs && running < at_most && !*failed; i++) {
		if (l->jobs[i].state != JOB_WAITING)
			continue;
		*failed = job_start(&l->jobs[i], err) < 0;
		running += !*failed;
	}
	return running;
}

/* Waits until one of the running has something to say. */
static void wait_some(const struct load *l, size_t running)
{
	auto_free struct pollfd *p = xcalloc(running, sizeof *p);
	size_t n = 0;

	for (size_t i = 0; i < l->n_jobs; i++)
		if (l->jobs[i].state == JOB_RUNNING)
			p[n++] = (struct pollfd){ .fd = l->jobs[i].worker.fd, .events = POLLIN };
	poll(p, n, 1000);
}

static int step_job(struct load *l, struct job *j, struct err *err)
{
	if (worker_read(&j->worker) == 1)
		return job_end(l, j, err);
	if (clock_mono_ns() < j->until_ns)
		return 0;
	j->state = JOB_DONE;
	worker_abort(&j->worker);
	return err_set(err, ERR_TIMEOUT, "layer 'sha256:%s' is not unpacked after an hour",
		j->staged.layer->diff_hex);
}

static void abort_jobs(struct load *l)
{
	for (size_t i = 0; i < l->n_jobs; i++)
		if (l->jobs[i].state == JOB_RUNNING)
			worker_abort(&l->jobs[i].worker);
}

static int run_jobs(struct load *l, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_most = cpus > 0 ? (size_t)cpus : 1, running = 0;
	bool failed = false;

	while ((running = start_some(l, running, at_most, err, &failed)) > 0 && !failed) {
		wait_some(l, running);
		for (size_t i = 0; i < l->n_jobs && !failed; i++) {
			if (l->jobs[i].state != JOB_RUNNING)
				continue;
			failed = step_job(l, &l->jobs[i], err) < 0;
			running -= l->jobs[i].state == JOB_DONE;
		}
	}
	if (!failed)
		return 0;
	abort_jobs(l);
	return -1;
}

/* ------------------------------------------------------------------ all of it */

static int publish_jobs(const struct load *l, struct err *err)
{
	auto_free struct staged_layer *v = xcalloc(l->n_jobs + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0; i < l->n_jobs; i++)
		if (!l->jobs[i].unpack.hash_only)
			v[n++] = l->jobs[i].staged;
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

static int load_staged(struct load *l, struct err *err)
{
	if (spool_run(&l->stage, l->req, &l->files, err) < 0 ||
		choose_images(&l->stage, &l->files, &l->images, err) < 0 || plan_jobs(l, err) < 0 ||
		run_jobs(l, err) < 0)
		return err_wrap(err, "load '%s'", l->req->name);
	return publish_jobs(l, err);
}

int pack_load(const struct pack_load *req, struct err *err)
{
	struct load l = { .req = req };
	int r;

	if (stage_open(req->state_dir, &l.stage, err) < 0)
		return -1;
	r = load_staged(&l, err);
	if (r == 0)
		emit_loaded(&l);
	for (size_t i = 0; i < l.n_jobs; i++)
		free(l.jobs[i].staged.dir);
	free(l.jobs);
	choose_done(&l.images);
	spool_done(&l.files);
	stage_close(&l.stage);
	return r;
}
