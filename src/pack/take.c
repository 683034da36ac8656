/* take.c - what a builder made becomes images of the store: blobs and configs come into the staging directory (take_one.c), then it goes on as
 * with an archive. The manifests are made by us: those that lie there name layers as the builder packs them, the store may have them
 * packed otherwise.
 *
 * What a new layer costs: of 105 MB, half of them zeros, `buildah push` wrote 105 MB into a file in TMPDIR, which it removes again, and 52 MB into
 * the layout, which become the store's blob by link; the third is ours, unpacked. The file in TMPDIR is how buildah reads any layer out of its
 * storage (without holding its lock), whatever it writes then: `-D` (no compression) has no effect for "oci:", by 1.28. Without it we would
 * have to read its storage behind its back, tar-split and all. */
#include "take.h"

#include <fcntl.h>
#include <unistd.h>

#include "../image/platform.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "choose.h"
#include "jobs.h"
#include "take_parts.h"

struct taking {
	const struct pack_take *req;
	struct stage stage;
	int *dirs;               /* of the layouts */
	struct taken *v;
	size_t n, cap;
	struct staged_blob index;
	struct pack_images images; /* as v */
	struct jobs jobs;
};

/* ------------------------------------------------------------------ what there is */

static int add_one(struct taking *t, int dir_fd, const json_t *manifest, const char *config, struct err *err)
{
	struct taken *one = XGROW(t->v, t->n, t->cap);

	*one = (struct taken){ .stage = &t->stage, .number = t->n - 1, .dir_fd = dir_fd, .manifest = json_incref((json_t *)manifest) };
	return taken_read(one, config, err);
}

static int read_layout(struct taking *t, size_t i, struct err *err)
{
	const struct take_layout *l = &t->req->layouts[i];
	auto_json json_t *manifests = NULL;
	const json_t *manifest;
	size_t k;

	t->dirs[i] = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dirs[i] < 0)
		return err_sys(err, errno, "open '%s'", l->dir);
	if (l->config && faccessat(t->dirs[i], "index.json", F_OK, 0) < 0)
		return add_one(t, t->dirs[i], NULL, l->config, err);     /* nothing had to be written */
	if (layout_manifests(t->dirs[i], &manifests, err) < 0)
		return -1;
	if (l->config)
		return add_one(t, t->dirs[i], json_array_get(manifests, 0), l->config, err);
	json_array_foreach(manifests, k, manifest)
		if (add_one(t, t->dirs[i], manifest, NULL, err) < 0)
			return -1;
	return 0;
}

static int read_layouts(struct taking *t, struct err *err)
{
	t->dirs = xcalloc(t->req->n + 1, sizeof *t->dirs);
	for (size_t i = 0; i < t->req->n; i++)
		t->dirs[i] = -1;
	for (size_t i = 0; i < t->req->n; i++)
		if (read_layout(t, i, err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ the images */

static int make_image(struct taking *t, const struct taken *one, struct err *err)
{
	struct pack_image *img = XGROW(t->images.v, t->images.n, t->images.cap);
	const struct choice c = { .stage = &t->stage, .out = &t->images };
	auto_free struct staged_blob **layers = xcalloc(one->n_layers + 1, sizeof *layers);

	for (size_t i = 0; i < one->n_layers; i++)
		layers[i] = &one->layers[i];
	for (const char *const *ref = t->req->refs; *ref; ref++)
		choice_ref(&c, img, *ref);
	img->config = &one->config_blob;
	if (choice_finish(&c, img, layers, one->n_layers, err) < 0)
		return -1;
	pack_image_manifest(img);
	return 0;
}

static int check_platforms(const struct taking *t, struct err *err)
{
	for (size_t i = 0; i < t->images.n; i++)
		for (size_t k = 0; k < i; k++) {
			char text[PLATFORM_TEXT];

			if (!platform_same(&t->images.v[i].platform, &t->images.v[k].platform))
				continue;
			platform_format(&t->images.v[i].platform, text);
			return err_set(err, ERR_INPUT, "two of its images are both for %s", text);
		}
	return 0;
}

/* One name for all of them. */
static int make_index(struct taking *t, struct err *err)
{
	auto_json json_t *doc = json_pack("{s:i, s:s}", "schemaVersion", 2, "mediaType", INDEX_TYPE), *list = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < t->images.n; i++) {
		const struct pack_image *img = &t->images.v[i];
		auto_free char *digest = xasprintf("sha256:%s", img->manifest_hex);

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "mediaType", MANIFEST_TYPE, "digest", digest, "size",
						      (json_int_t)img->manifest_size, "platform", platform_json(&img->platform)));
	}
	json_object_set(doc, "manifests", list);
	text = json_dumps(doc, JSON_COMPACT);
	t->index.file = xstrdup("index");
	t->index.size = strlen(text);
	hash_sha256_hex(text, t->index.size, t->index.hex);
	for (size_t i = 0; i < t->images.n; i++)
		t->images.v[i].index = &t->index;
	return path_write(t->stage.fd, t->index.file, text, t->index.size, 0644, 0, err);
}

static int make_images(struct taking *t, struct err *err)
{
	for (size_t i = 0; i < t->n; i++)
		if (make_image(t, &t->v[i], err) < 0)
			return -1;
	if (t->n == 1)
		return 0;
	return check_platforms(t, err) < 0 ? -1 : make_index(t, err);
}

/* ------------------------------------------------------------------ unpacking and publishing */

static void emit(const struct taking *t, json_t *ev)
{
	if (t->req->on_event)
		t->req->on_event(t->req->arg, ev);
	json_decref(ev);
}

static void on_unpacked(void *arg, const struct job *j)
{
	auto_free char *digest = xasprintf("sha256:%s", j->staged.layer->diff_hex);

	emit(arg, json_pack("{s:s, s:s, s:s}", "ev", "layer", "digest", digest, "state", "unpacked"));
}

static void plan_jobs(struct taking *t, size_t image)
{
	const struct pack_image *img = &t->images.v[image];
	struct job *j;

	for (size_t i = json_array_size(t->v[image].known); i < img->n_layers; i++) {
		const struct pack_layer *l = &img->layers[i];
		auto_free char *known = xasprintf("../blobs/sha256/%s", l->blob->hex);

		if (jobs_have(&t->jobs, l->chain, false))
			continue;
		j = jobs_add(&t->jobs, &t->stage, l, l->blob->file ? l->blob->file : known, &t->req->limits);
		if (l->blob->kind == BLOB_PLAIN)
			j->unpack.diff_hex = NULL;       /* compared when the image was made */
	}
}

static int publish_all(struct taking *t, struct err *err)
{
	size_t n;
	auto_free struct staged_layer *staged = jobs_staged(&t->jobs, &n);
	int r = publish(&t->stage, &t->images, staged, n, err);

	if (r != PUBLISH_LOST)
		return r;
	err_set(err, ERR_BUSY, "a layer that the image store had was removed from it meanwhile");
	return err_hint(err, "build again");
}

static int take_all(struct taking *t, struct err *err)
{
	if (read_layouts(t, err) < 0 || make_images(t, err) < 0)
		return -1;
	for (size_t i = 0; i < t->images.n; i++)
		plan_jobs(t, i);
	return jobs_run(&t->jobs, err) < 0 ? -1 : publish_all(t, err);
}

static void emit_taken(const struct taking *t)
{
	for (size_t k = 0; k < t->images.n; k++) {
		const struct pack_image *img = &t->images.v[k];
		auto_free char *id = xasprintf("sha256:%s", img->config->hex);

		for (size_t i = 0; i < img->refs.n; i++)
			emit(t, json_pack("{s:s, s:s, s:s}", "ev", "loaded", "ref", img->refs.v[i], "id", id));
	}
}

static void done(struct taking *t)
{
	jobs_done(&t->jobs);
	choose_done(&t->images);
	for (size_t i = 0; i < t->n; i++)
		taken_done(&t->v[i]);
	free(t->v);
	for (size_t i = 0; t->dirs && i < t->req->n; i++)
		if (t->dirs[i] >= 0)
			close(t->dirs[i]);
	free(t->dirs);
	free(t->index.file);
	stage_close(&t->stage);
}

int pack_take(const struct pack_take *req, struct err *err)
{
	struct taking t = { .req = req, .images = { .exact = true }, .jobs = { .on_done = on_unpacked, .arg = &t } };
	int r;

	if (stage_open(req->state_dir, &t.stage, err) < 0)
		return -1;
	r = take_all(&t, err);
	if (r == 0)
		emit_taken(&t);
	else
		err_wrap(err, "take over what was built");
	done(&t);
	return r;
}
