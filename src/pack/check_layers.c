/* check_layers.c - every unpacked layer is compared with what its blob says: it is unpacked once more, into the staging directory. */
#include "check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "inherit.h"
#include "same.h"

/* ------------------------------------------------------------------ which there are */

static void add_layer(struct check *c, const char *chain, const char *below, const char *diff_id, const char *blob, const char *image)
{
	const char *diff_hex = diff_id ? digest_hex(diff_id) : NULL, *blob_hex = blob ? digest_hex(blob) : NULL;
	struct check_layer *l = map_get(&c->layers, chain), *lower = below ? map_get(&c->layers, below) : NULL;

	if (!diff_hex || !blob_hex || (l && !map_has(&c->damaged, l->blob)))
		return;
	if (!l) {
		l = xcalloc(1, sizeof *l);
		map_set(&c->layers, chain, l);
	}
	memcpy(l->layer.chain, chain, sizeof l->layer.chain);
	memcpy(l->layer.diff_hex, diff_hex, sizeof l->layer.diff_hex);
	memcpy(l->blob, blob_hex, sizeof l->blob);
	l->layer.below = lower ? &lower->layer : NULL;
	free(l->image);
	l->image = xstrdup(image);
}

/* What cannot be read is said by whoever looks at the images. */
static void add_image(struct check *c, const json_t *desc)
{
	auto_json json_t *manifest = NULL, *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	auto_free char *name = check_image_name(desc);
	const json_t *layers, *ids;

	if (store_doc(&c->store, jx_str(desc, "digest"), &manifest, NULL) < 0 ||
		store_doc(&c->store, jx_str(jx_obj(manifest, "config"), "digest"), &config, NULL) < 0 ||
		chain_ids(config, &chains, NULL) < 0)
		return;
	layers = jx_arr(manifest, "layers");
	ids = jx_arr(jx_obj(config, "rootfs"), "diff_ids");
	for (size_t i = 0; i < chains.n; i++)
		add_layer(c, chains.v[i], i ? chains.v[i - 1] : NULL, json_string_value(json_array_get(ids, i)), jx_str(json_array_get(layers, i), "digest"),
			name);
}

static int open_layer(const struct check *c, const char *chain)
{
	auto_free char *path = xasprintf("layers/%s", chain);

	return openat(c->stage.images_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What a layer does not say of its directories those below it do, so they have to be there. */
static bool all_below(const struct check *c, const struct pack_layer *l)
{
	while ((l = l->below)) {
		auto_close int fd = open_layer(c, l->chain);

		if (fd < 0)
			return false;
	}
	return true;
}

static void add_jobs(struct check *c)
{
	map_each(&c->layers, it) {
		struct check_layer *l = it->value;
		auto_free char *blob = xasprintf("../blobs/sha256/%s", l->blob), *file = xasprintf("blobs/sha256/%s", l->blob);
		auto_close int fd = open_layer(c, l->layer.chain);
		struct stat st;

		if (fd < 0 || !all_below(c, &l->layer) || map_has(&c->damaged, l->blob) ||
			faccessat(c->stage.images_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		l->ino = fstat(fd, &st) < 0 ? 0 : st.st_ino;
		jobs_add(&c->jobs, &c->stage, &l->layer, blob, &c->req->limits);
	}
}

/* ------------------------------------------------------------------ comparing */

static void drop_fresh(const struct check *c, const struct job *j)
{
	auto_err struct err why = ERR_INIT;

	if (path_remove_tree(c->stage.fd, j->staged.dir, &why) < 0)
		log_warn("%s", err_msg(&why));
}

static void on_unpacked(void *arg, const struct job *j)
{
	struct check *c = arg;
	struct check_layer *l = map_get(&c->layers, j->staged.layer->chain);
	auto_close int have = open_layer(c, l->layer.chain);
	auto_close int want = openat(c->stage.fd, j->staged.dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_err struct err why = ERR_INIT;

	if (have >= 0 && want >= 0 &&
		(inherit(&c->stage, &j->staged, 1, &why) < 0 || same_trees(have, want, &l->why, &why) < 0))
		l->why = xstrdup(err_msg(&why));
	c->n_layers++;
	check_progress(c, "layer", l->layer.chain, j->staged.bytes);
	if (!l->why)
		drop_fresh(c, j);
}

/* A blob that is what its name says, and is still no layer, or another one than the image's config wants. */
static bool on_failed(void *arg, const struct job *j, const struct err *why)
{
	struct check *c = arg;
	struct check_layer *l = map_get(&c->layers, j->staged.layer->chain);
	auto_free char *blob = xasprintf("../blobs/sha256/%s", l->blob);

	drop_fresh(c, j);
	if (faccessat(c->stage.fd, blob, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return true;     /* removed meanwhile, with all that needs it */
	if (why->kind != ERR_INPUT)
		return false;
	check_problem(c, false, AGAIN, "image '%s': layer blob 'sha256:%s' cannot be unpacked: %s", l->image, l->blob,
		err_msg(why));
	return true;
}

int check_layers(struct check *c, struct err *err)
{
	auto_json json_t *index = NULL;
	const json_t *desc;
	size_t i;

	if (check_index(c, &index, err) < 0)
		return -1;
	json_array_foreach(jx_arr(index, "manifests"), i, desc)
		add_image(c, desc);
	if (c->req->quick || c->stage.readonly)
		return 0;
	c->jobs.on_done = on_unpacked;
	c->jobs.on_failed = on_failed;
	c->jobs.arg = c;
	add_jobs(c);
	if (jobs_run(&c->jobs, err) < 0) {
		err_hint(err, "'davit system check --quick' compares no layers");
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------------------ mending */

static const struct job *job_of(const struct check *c, const char *chain)
{
	for (size_t i = 0; i < c->jobs.n; i++)
		if (STREQ(c->jobs.v[i].staged.layer->chain, chain))
			return &c->jobs.v[i];
	return NULL;
}

int check_mend_layers(struct check *c, struct err *err)
{
	auto_free struct staged_layer *v = xcalloc(c->layers.n + 1, sizeof *v);
	size_t n = 0;

	map_each(&c->layers, it) {
		const struct check_layer *l = it->value;
		const struct job *j = l->why ? job_of(c, l->layer.chain) : NULL;
		auto_close int fd = open_layer(c, l->layer.chain);

		if (j && fd < 0) /* it was taken away, for this one */
			v[n++] = j->staged;
	}
	return n ? publish_layers(&c->stage, v, n, err) : 0;
}
