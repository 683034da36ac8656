/* take.c - what a builder made becomes an image of the store: a layout's blobs are moved into the staging directory and hashed there, then
 * it goes on as with an archive. The manifest is made by us: the one that lies there names layers as the builder packs them, the store
 * may have them packed otherwise. */
#include "take.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "choose.h"
#include "jobs.h"
#include "manifest.h"
#include "sha.h"

enum { HASH_BYTES = 256 << 10, INDEX_DEPTH = 3 };

struct taking {
	const struct pack_take *req;
	struct stage stage;
	int dir_fd;              /* of the layout; -1: there is none */
	json_t *config, *manifest; /* manifest NULL: nobody wrote one, the store has all layers */
	json_t *known;           /* descriptors of the layers that the store has */
	struct staged_blob config_blob;
	struct staged_blob *layers;
	size_t n_layers;
	struct pack_images images; /* one */
	struct jobs jobs;
};

/* ------------------------------------------------------------------ the layout's documents */

static char *blob_name(const char *digest)
{
	const char *hex = digest ? digest_hex(digest) : NULL;

	return hex ? xasprintf("blobs/sha256/%s", hex) : NULL;
}

/* A document of the layout; it has the content that its name promises. */
static int layout_doc(const struct taking *t, const char *digest, json_t **ret, struct err *err)
{
	auto_free char *name = blob_name(digest);
	auto_buf struct buf text = BUF_INIT;
	char hex[HASH_HEX_LEN + 1];

	if (!name)
		return err_set(err, ERR_INPUT, "its index is not valid");
	if (path_read(t->dir_fd, name, DOC_MAX, &text, err) < 0)
		return -1;
	hash_sha256_hex(text.p ? text.p : "", text.len, hex);
	if (!STREQ(hex, digest_hex(digest)))
		return err_set(err, ERR_INPUT, "blob '%s' has other content than its name says: sha256:%s", digest, hex);
	return jx_parse(text.p ? text.p : "", text.len, ret, err);
}

/* The first manifest, through indexes. */
static int read_manifest(struct taking *t, struct err *err)
{
	auto_json json_t *doc = NULL;

	if (jx_load(t->dir_fd, "index.json", DOC_MAX, &doc, err) < 0)
		return -1;
	for (int depth = 0; depth < INDEX_DEPTH && jx_arr(doc, "manifests"); depth++) {
		json_t *next = NULL;

		if (layout_doc(t, jx_str(json_array_get(jx_arr(doc, "manifests"), 0), "digest"), &next, err) < 0)
			return -1;
		json_decref(doc);
		doc = next;
	}
	if (manifest_check(doc, err) < 0)
		return -1;
	t->manifest = json_incref(doc);
	return 0;
}

static int open_layout(struct taking *t, struct err *err)
{
	t->dir_fd = open(t->req->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir_fd < 0)
		return err_sys(err, errno, "open '%s'", t->req->dir);
	if (t->req->config && faccessat(t->dir_fd, "index.json", F_OK, 0) < 0)
		return 0;        /* nothing had to be written */
	return read_manifest(t, err);
}

/* ------------------------------------------------------------------ blobs */

static int copy_blob(const struct taking *t, int in, const char *file, struct err *err)
{
	auto_close int out = openat(t->stage.fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n;

	if (out < 0)
		return err_sys(err, errno, "make a file in '%s'", t->stage.images_path);
	while ((n = sendfile(out, in, NULL, 1 << 30)) > 0 || (n < 0 && errno == EINTR))
		;
	return n < 0 ? err_sys(err, errno, "copy a layer into '%s'", t->stage.images_path) : 0;
}

/* Into the stage: by name on the same file system, else its content. */
static int move_blob(const struct taking *t, const char *digest, const char *file, int *ret_fd, struct err *err)
{
	auto_free char *name = blob_name(digest);
	auto_close int in = name ? openat(t->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct stat st;

	if (!name)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(err, errno, "blob '%s'", digest);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "blob '%s' is not a file", digest);
	if (renameat(t->dir_fd, name, t->stage.fd, file) < 0 && copy_blob(t, in, file, err) < 0)
		return -1;
	*ret_fd = openat(t->stage.fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_fd < 0 || fchmod(*ret_fd, 0644) < 0)
		return err_sys(err, errno, "open a file in '%s'", t->stage.images_path);
	return 0;
}

static int hash_blob(int fd, struct staged_blob *b, struct err *err)
{
	auto_free unsigned char *room = xcalloc(1, HASH_BYTES);
	struct sha256_ctx sha;
	ssize_t n;

	sha256_init(&sha);
	while ((n = read(fd, room, HASH_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read a layer");
		if (b->size == 0)
			b->kind = spool_kind(room, (size_t)n);
		sha256_update(&sha, (size_t)n, room);
		b->size += (uint64_t)n;
	}
	sha_hex(&sha, b->hex);
	return 0;
}

static int take_blob(struct taking *t, const json_t *desc, size_t i, struct err *err)
{
	struct staged_blob *b = &t->layers[i];
	const char *digest = jx_str(desc, "digest");
	auto_close int fd = -1;

	b->file = xasprintf("blob-%zu", i);
	if (move_blob(t, digest, b->file, &fd, err) < 0 || hash_blob(fd, b, err) < 0)
		return -1;
	if (!STREQ(b->hex, digest_hex(digest)))
		return err_set(err, ERR_INPUT, "blob '%s' has other content than its name says: sha256:%s", digest, b->hex);
	return 0;
}

/* By its type: the bytes were looked at when it came into the store. */
static enum blob_kind kind_of_type(const char *type)
{
	if (type && strstr(type, "zstd"))
		return BLOB_ZSTD;
	return type && strstr(type, "gzip") ? BLOB_GZIP : BLOB_PLAIN;
}

static void know_blob(struct taking *t, const json_t *desc, size_t i)
{
	struct staged_blob *b = &t->layers[i];

	memcpy(b->hex, digest_hex(jx_str(desc, "digest")), sizeof b->hex);
	b->size = (uint64_t)jx_int(desc, "size", 0);
	b->kind = kind_of_type(jx_str(desc, "mediaType"));
}

static int take_layers(struct taking *t, struct err *err)
{
	const json_t *listed = jx_arr(t->manifest, "layers");
	size_t n_known = json_array_size(t->known);

	t->n_layers = json_array_size(jx_arr(jx_obj(t->config, "rootfs"), "diff_ids"));
	if (n_known < t->n_layers && json_array_size(listed) != t->n_layers)
		return err_set(err, ERR_INPUT, "its config has %zu layers, its manifest %zu, and the store has %zu of them", t->n_layers,
			       json_array_size(listed), n_known);
	t->layers = xcalloc(t->n_layers + 1, sizeof *t->layers);
	for (size_t i = 0; i < t->n_layers; i++)
		if (i < n_known)
			know_blob(t, json_array_get(t->known, i), i);
		else if (take_blob(t, json_array_get(listed, i), i, err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ the image */

static int read_config(struct taking *t, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_free char *name = t->manifest ? blob_name(jx_str(jx_obj(t->manifest, "config"), "digest")) : NULL;

	if (t->req->config)
		buf_str(&text, t->req->config);
	else if (!name)
		return err_set(err, ERR_INPUT, "its manifest is not valid");
	else if (path_read(t->dir_fd, name, DOC_MAX, &text, err) < 0)
		return -1;
	hash_sha256_hex(text.p ? text.p : "", text.len, t->config_blob.hex);
	if (name && !t->req->config && !STREQ(name + strlen("blobs/sha256/"), t->config_blob.hex))
		return err_set(err, ERR_INPUT, "its config has other content than its name says: sha256:%s", t->config_blob.hex);
	t->config_blob.size = text.len;
	t->config_blob.file = xstrdup("config");
	if (jx_parse(text.p ? text.p : "", text.len, &t->config, err) < 0)
		return err_wrap(err, "image config");
	return path_write(t->stage.fd, "config", text.p, text.len, 0644, 0, err);
}

static int find_known(struct taking *t, struct err *err)
{
	struct image_store store = { t->stage.images_path, t->stage.images_fd };

	return image_known_layers(&store, t->config, &t->known, err);
}

static int make_image(struct taking *t, struct err *err)
{
	struct pack_image *img = XGROW(t->images.v, t->images.n, t->images.cap);
	const struct choice c = { .stage = &t->stage, .out = &t->images };
	auto_free const struct staged_blob **layers = xcalloc(t->n_layers + 1, sizeof *layers);

	for (size_t i = 0; i < t->n_layers; i++)
		layers[i] = &t->layers[i];
	for (const char *const *ref = t->req->refs; *ref; ref++)
		choice_ref(&c, img, *ref);
	img->config = &t->config_blob;
	if (choice_finish(&c, img, layers, t->n_layers, err) < 0)
		return -1;
	pack_image_manifest(img);
	return 0;
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

static int plan_jobs(struct taking *t, struct err *err)
{
	const struct pack_image *img = &t->images.v[0];
	struct job *j;

	for (size_t i = json_array_size(t->known); i < img->n_layers; i++) {
		const struct pack_layer *l = &img->layers[i];

		if (jobs_add(&t->jobs, &t->stage, l, l->blob->file, &t->req->limits, &j, err) < 0)
			return -1;
		if (l->blob->kind == BLOB_PLAIN)
			j->unpack.diff_hex = NULL;       /* compared when the image was made */
	}
	return 0;
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
	return open_layout(t, err) < 0 || read_config(t, err) < 0 || find_known(t, err) < 0 || take_layers(t, err) < 0 ||
			       make_image(t, err) < 0 || plan_jobs(t, err) < 0 || jobs_run(&t->jobs, err) < 0
		       ? -1
		       : publish_all(t, err);
}

static void emit_taken(const struct taking *t)
{
	const struct pack_image *img = &t->images.v[0];
	auto_free char *id = xasprintf("sha256:%s", img->config->hex);

	for (size_t i = 0; i < img->refs.n; i++)
		emit(t, json_pack("{s:s, s:s, s:s}", "ev", "loaded", "ref", img->refs.v[i], "id", id));
}

static void done(struct taking *t)
{
	jobs_done(&t->jobs);
	choose_done(&t->images);
	for (size_t i = 0; i < t->n_layers && t->layers; i++)
		free(t->layers[i].file);
	free(t->layers);
	free(t->config_blob.file);
	json_decref(t->config);
	json_decref(t->manifest);
	json_decref(t->known);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	stage_close(&t->stage);
}

int pack_take(const struct pack_take *req, struct err *err)
{
	struct taking t = { .req = req, .dir_fd = -1, .jobs = { .on_done = on_unpacked, .arg = &t } };
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
