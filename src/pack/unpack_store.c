/* unpack_store.c - unpacks layers of images whose blobs another tool has put into the store: it knows nothing of layers/. */
#include "pack.h"

#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "jobs.h"

struct missing {
	const struct pack_unpack *req;
	struct stage stage;
	struct image_store store;	/* borrows from stage */
	struct pack_layer **layers;	/* of all images, each once; owned */
	size_t n, cap;
	struct jobs jobs;
};

static void on_unpacked(void *arg, const struct job *j)
{
	const struct missing *m = arg;
	auto_free char *digest = xasprintf("sha256:%s", j->staged.layer->diff_hex);
	auto_json json_t *ev = json_pack("{s:s, s:s, s:s}", "ev", "layer", "digest", digest, "state", "unpacked");

	if (m->req->on_event)
		m->req->on_event(m->req->arg, ev);
}

static struct pack_layer *new_layer(struct missing *m, const char *chain, const char *diff_hex, const struct pack_layer *below)
{
	struct pack_layer *l = xcalloc(1, sizeof *l);

	memcpy(l->diff_hex, diff_hex, sizeof l->diff_hex);
	memcpy(l->chain, chain, sizeof l->chain);
	l->below = below;
	*XGROW(m->layers, m->n, m->cap) = l;
	return l;
}

/* *layer is the one below, and becomes this one. */
static int add_layer(struct missing *m, const char *chain, const char *diff_id, const char *blob, const struct pack_layer **layer,
	struct err *err)
{
	const char *hex = blob ? digest_hex(blob) : NULL, *diff_hex = diff_id ? digest_hex(diff_id) : NULL;
	auto_free char *file = xasprintf("../blobs/sha256/%s", hex ? hex : "");

	if (!hex || !diff_hex)
		return err_set(err, ERR_INPUT, "its manifest or config is not valid");
	*layer = new_layer(m, chain, diff_hex, *layer);
	if (stage_has(&m->stage, "layers", chain) || jobs_have(&m->jobs, chain, false))
		return 0;
	if (!stage_has(&m->stage, "blobs/sha256", hex)) {
		err_set(err, ERR_NOT_FOUND, "its layer '%s' is missing from the image store '%s'", blob, m->stage.images_path);
		return err_hint(err, AGAIN);
	}
	jobs_add(&m->jobs, &m->stage, *layer, file, &m->req->limits);
	return 0;
}

static int add_image(struct missing *m, const char *digest, struct err *err)
{
	auto_json json_t *manifest = NULL, *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	const struct pack_layer *layer = NULL;
	const json_t *layers, *ids;

	if (store_doc(&m->store, digest, &manifest, err) < 0 ||
		store_doc(&m->store, jx_str(jx_obj(manifest, "config"), "digest"), &config, err) < 0 ||
		chain_ids(config, &chains, err) < 0)
		return -1;
	layers = jx_arr(manifest, "layers");
	ids = jx_arr(jx_obj(config, "rootfs"), "diff_ids");
	if (json_array_size(layers) != chains.n)
		return err_set(err, ERR_INPUT, "its config has %zu layers, its manifest %zu", chains.n, json_array_size(layers));
	for (size_t i = 0; i < chains.n; i++)
		if (add_layer(m, chains.v[i], json_string_value(json_array_get(ids, i)), jx_str(json_array_get(layers, i), "digest"), &layer,
			    err) < 0)
			return -1;
	return 0;
}

static int unpack_missing(struct missing *m, struct err *err)
{
	auto_free struct staged_layer *staged = NULL;
	size_t n;

	for (size_t i = 0; i < m->req->n_manifests; i++)
		if (add_image(m, m->req->manifests[i], err) < 0)
			return err_wrap(err, "image '%s'", m->req->manifests[i]);
	if (!m->jobs.n)
		return 0;
	if (jobs_run(&m->jobs, err) < 0)
		return -1;
	staged = jobs_staged(&m->jobs, &n);
	return publish_layers(&m->stage, staged, n, err);
}

int pack_unpack(const struct pack_unpack *req, struct err *err)
{
	struct missing m = { .req = req, .jobs = { .on_done = on_unpacked, .arg = &m } };
	int r;

	if (stage_open(req->state_dir, &m.stage, err) < 0)
		return -1;
	m.store = (struct image_store){ m.stage.images_path, m.stage.images_fd };
	r = unpack_missing(&m, err);
	jobs_done(&m.jobs);
	for (size_t i = 0; i < m.n; i++)
		free(m.layers[i]);
	free(m.layers);
	stage_close(&m.stage);
	return r;
}
