/* check.c - is the store what it should be? First, without the lock, what takes long: every blob is hashed, every unpacked layer compared
 * with its blob. Then, under it, what was found is believed only if it is still there, and the rest is looked at: what the index names,
 * short names, what nobody refers to. */
#include "check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "collect.h"

void check_problem(struct check *c, bool repaired, const char *hint, const char *fmt, ...)
{
	json_t *ev = json_object();
	auto_free char *msg = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&msg, fmt, ap) < 0)
		msg = NULL;
	va_end(ap);
	c->problems++;
	c->repaired += repaired;
	jx_set_str(ev, "ev", "problem");
	jx_set_str(ev, "msg", msg);
	jx_set_bool(ev, "repaired", repaired);
	jx_set_str(ev, "hint", hint);
	later_add(&c->later, ev);
	if (!c->locked)
		later_tell(&c->later);
}

void check_progress(const struct check *c, const char *what, const char *hex, uint64_t bytes)
{
	auto_free char *digest = xasprintf("sha256:%s", hex);
	auto_json json_t *ev =
		json_pack("{s:s, s:s, s:s, s:I}", "ev", "checked", "what", what, "digest", digest, "bytes", (json_int_t)bytes);

	if (c->req->on_event)
		c->req->on_event(c->req->arg, ev);
}

/* ------------------------------------------------------------------ under the lock: blobs */

bool check_is_still(const struct check *c, const char *dir, const char *name, ino_t ino)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	return fstatat(c->stage.images_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ino;
}

static int tell_damaged(struct check *c, struct change *g, struct err *err)
{
	map_each(&c->damaged, it) {
		const struct check_blob *b = it->value;

		if (!check_is_still(c, "blobs/sha256", it->key, b->ino))
			continue;
		if (c->req->repair && change_away(g, "blobs/sha256", it->key, err) < 0)
			return -1;
		if (*b->have)
			check_problem(c, c->req->repair, NULL, "blob 'sha256:%s' is damaged: its content is sha256:%s%s", it->key, b->have,
				c->req->repair ? "; it is removed" : "");
		else
			check_problem(c, c->req->repair, NULL, "blob 'sha256:%s' cannot be read%s", it->key,
				c->req->repair ? "; it is removed" : "");
	}
	return 0;
}

/* ------------------------------------------------------------------ under the lock: the index */

/* 0, or -1 and what is wrong: missing, or no document. A damaged one has been spoken of. */
static int doc_of(struct check *c, const char *image, const char *what, const char *digest, json_t **ret)
{
	auto_err struct err why = ERR_INIT;
	const char *hex = digest ? digest_hex(digest) : NULL;

	if (hex && map_has(&c->damaged, hex) && !c->req->repair)
		return -1;
	if (store_doc(&c->store, digest, ret, &why) == 0)
		return 0;
	if (why.kind == ERR_NOT_FOUND)
		check_problem(c, false, AGAIN, "image '%s': its %s '%s' is missing", image, what, digest);
	else
		check_problem(c, false, AGAIN, "image '%s': its %s: %s", image, what, err_msg(&why));
	return -1;
}

static void check_sized(struct check *c, const char *image, const char *what, const json_t *desc)
{
	const char *digest = jx_str(desc, "digest"), *hex = digest ? digest_hex(digest) : NULL;
	auto_free char *path = xasprintf("blobs/sha256/%s", hex ? hex : "");
	struct stat st;

	if (!hex)
		check_problem(c, false, AGAIN, "image '%s': its %s has no SHA-256 digest", image, what);
	else if (fstatat(c->stage.images_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		check_problem(c, false, AGAIN, "image '%s': its %s '%s' is missing", image, what, digest);
	else if (st.st_size != jx_int(desc, "size", -1) && !map_has(&c->damaged, hex))
		check_problem(c, false, AGAIN, "image '%s': its %s '%s' has %lld bytes, its descriptor says %lld", image, what, digest,
			(long long)st.st_size, (long long)jx_int(desc, "size", -1));
}

char *check_image_name(const json_t *desc)
{
	const char *digest = jx_str(desc, "digest");
	char *familiar = NULL;

	free(desc_ref(desc, &familiar));
	return familiar ? familiar : xstrdup(digest ? digest : "<none>");
}

static void check_image(struct check *c, const json_t *desc)
{
	auto_json json_t *manifest = NULL, *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	auto_err struct err why = ERR_INIT;
	auto_free char *image = check_image_name(desc);
	const json_t *layer;
	size_t i;

	if (jx_str(desc, "digest"))
		map_set(&c->images, jx_str(desc, "digest"), c);
	if (doc_of(c, image, "manifest", jx_str(desc, "digest"), &manifest) < 0 || jx_arr(manifest, "manifests"))
		return;
	check_sized(c, image, "manifest", desc);
	if (doc_of(c, image, "config", jx_str(jx_obj(manifest, "config"), "digest"), &config) < 0)
		return;
	if (chain_ids(config, &chains, &why) < 0)
		check_problem(c, false, AGAIN, "image '%s': %s", image, err_msg(&why));
	else if (chains.n != json_array_size(jx_arr(manifest, "layers")))
		check_problem(c, false, AGAIN, "image '%s': its config has %zu layers, its manifest %zu", image, chains.n,
			json_array_size(jx_arr(manifest, "layers")));
	json_array_foreach(jx_arr(manifest, "layers"), i, layer)
		check_sized(c, image, "layer", layer);
}

/* ------------------------------------------------------------------ under the lock: the rest */

/* A fresh one takes its place. */
static bool is_mended(const struct check *c, const char *chain)
{
	const struct check_layer *l = map_get(&c->layers, chain);

	return l && l->why;
}

/* "../layers/CHAIN" of a layer that is there, or will be. */
static bool good_link(const struct check *c, const char *name)
{
	auto_free char *path = xasprintf("l/%s", name);
	char to[128];
	ssize_t n = readlinkat(c->stage.images_fd, path, to, sizeof to - 1);
	struct stat st;

	if (n < 0)
		return false;
	to[n] = '\0';
	return str_starts(to, "../layers/") && strlen(to) == strlen("../layers/") + HASH_HEX_LEN &&
	       strspn(to + strlen("../layers/"), "0123456789abcdef") == HASH_HEX_LEN &&
	       (is_mended(c, to + strlen("../layers/")) || (fstatat(c->stage.images_fd, path, &st, 0) == 0 && S_ISDIR(st.st_mode)));
}

static int check_links(struct check *c, struct err *err)
{
	int fd = openat(c->stage.images_fd, "l", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return c->stage.readonly ? 0 : err_sys(err, errno, "list '%s/l'", c->stage.images_path);
	while ((e = readdir(d))) {
		if (*e->d_name == '.' || good_link(c, e->d_name))
			continue;
		if (c->req->repair && unlinkat(fd, e->d_name, 0) < 0)
			return err_sys(err, errno, "remove '%s/l/%s'", c->stage.images_path, e->d_name);
		check_problem(c, c->req->repair, NULL, "the short name 'l/%s' is no unpacked layer's%s", e->d_name,
			c->req->repair ? "; it is removed" : "");
	}
	return 0;
}

static int check_unreferred(struct check *c, struct change *g, const struct pack_uses *uses, struct err *err)
{
	struct collected out;
	char size[24];

	if (collect(g, uses, !c->req->repair, &out, err) < 0)
		return -1;
	str_human_size((double)out.bytes, size);
	if (out.blobs + out.layers)
		check_problem(c, c->req->repair, "'davit image prune' removes them", "nobody refers to %zu blob%s and %zu unpacked layer%s (%s)%s",
			out.blobs, out.blobs == 1 ? "" : "s", out.layers, out.layers == 1 ? "" : "s", size, c->req->repair ? "; they are removed" : "");
	collected_done(&out);
	return 0;
}

static int check_layout(struct check *c, struct err *err)
{
	if (!c->n_blobs || faccessat(c->stage.images_fd, "oci-layout", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	check_problem(c, c->req->repair, NULL, "the file 'oci-layout', by which other tools know an image layout, is missing");
	return c->req->repair ? stage_layout(&c->stage, err) : 0;
}

static int check_locked(struct check *c, struct change *g, struct err *err)
{
	struct pack_uses uses = { 0 };
	const json_t *desc;
	size_t i;
	int r = c->req->uses(c->req->uses_arg, &uses, err);

	if (r == 0 && (check_tell_index(c, g, &uses, err) < 0 || tell_damaged(c, g, err) < 0 || check_tell_layers(c, g, &uses, err) < 0 ||
			      check_links(c, err) < 0 || check_layout(c, err) < 0))
		r = -1;
	json_array_foreach(jx_arr(g->index, "manifests"), i, desc)
		if (r == 0)
			check_image(c, desc);
	if (r == 0)
		r = check_unreferred(c, g, &uses, err);
	uses_done(&uses);
	return r;
}

/* ------------------------------------------------------------------ all of it */

static void tell_summary(const struct check *c)
{
	auto_json json_t *ev = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "ev", "summary", "images", (json_int_t)c->images.n, "blobs",
		(json_int_t)c->n_blobs, "layers", (json_int_t)c->n_layers, "bytes", (json_int_t)c->bytes, "problems", (json_int_t)c->problems,
		"repaired", (json_int_t)c->repaired);

	if (c->req->on_event)
		c->req->on_event(c->req->arg, ev);
}

static int check_all(struct check *c, struct err *err)
{
	struct change g;
	int r;

	if (c->stage.swept)
		check_problem(c, true, NULL, "%u loads or removals that were killed had left their working directories; they are removed",
			c->stage.swept);
	if (check_blobs(c, err) < 0 || check_layers(c, err) < 0 || change_lock(c->req->state_dir, !c->req->repair, &g, err) < 0)
		return -1;
	c->locked = true;
	r = check_index(c, &g.index, err);
	if (r == 0)
		r = check_locked(c, &g, err);
	change_end(&g);
	c->locked = false;
	later_tell(&c->later);
	if (r == 0 && c->req->repair)
		r = check_mend_layers(c, err);
	if (r == 0)
		tell_summary(c);
	return r;
}

static void layer_free(void *p)
{
	struct check_layer *l = p;

	free(l->image);
	free(l->why);
	free(l);
}

/* A store that cannot be written is looked at as far as that goes. */
static int open_store(struct check *c, struct err *err)
{
	auto_json json_t *ev = NULL;
	struct err why = ERR_INIT;

	if (stage_open(c->req->state_dir, &c->stage, &why) == 0)
		return 0;
	if (why.errnum != EROFS || c->req->repair)
		return err_move(err, &why);
	err_done(&why);
	if (stage_look(c->req->state_dir, &c->stage, err) < 0)
		return -1;
	ev = json_pack("{s:s, s:s}", "ev", "warn", "msg", "the store cannot be written: its unpacked layers are not compared with their blobs");
	if (!c->req->quick && c->req->on_event)
		c->req->on_event(c->req->arg, ev);
	return 0;
}

int pack_check(const struct pack_check *req, struct err *err)
{
	struct check c = { .req = req, .later = { req->on_event, req->arg, NULL } };
	int r;

	if (open_store(&c, err) < 0)
		return -1;
	c.store = (struct image_store){ c.stage.images_path, c.stage.images_fd };
	r = check_all(&c, err);
	jobs_done(&c.jobs);
	free(c.index_why);
	map_done(&c.images, NULL);
	map_done(&c.damaged, free);
	map_done(&c.layers, layer_free);
	stage_close(&c.stage);
	return r;
}
