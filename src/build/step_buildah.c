/* step_buildah.c - base images in, `buildah build`, the result out; build.h says why it is done so. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "argv.h"
#include "step.h"
#include "tool.h"

enum { ID_MAX = 256 };

int step_ask(const struct step *s, const char *const *words, struct buf *ret, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT;
	struct argv_places at;

	step_places(s, NULL, NULL, &at);
	argv_buildah(&at, &argv);
	for (; *words; words++)
		strs_add(&argv, *words);
	return tool_must(&s->run->host, &argv, s->out_fd, ret, err);
}

/* --- the result --- */

static int read_id(const char *file, char **ret, struct err *err)
{
	auto_buf struct buf id = BUF_INIT;

	if (path_read(AT_FDCWD, file, ID_MAX, &id, err) < 0)
		return -1;
	buf_str(&id, "");
	id.p[strcspn(id.p, "\n")] = '\0';
	if (!str_starts(id.p, "sha256:") || strlen(DIGEST_HEX(id.p)) != HASH_HEX_LEN)
		return err_set(err, ERR_PROTO, "buildah says '%s' where an image id should be", id.p);
	*ret = buf_take(&id);
	return 0;
}

/* The config's text, byte for byte: it has the digest that is the id. */
static int read_config(const struct step *s, const char *id, char **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *doc = NULL;
	const char *config;
	char hex[HASH_HEX_LEN + 1] = "";

	if (step_ask(s, (const char *const[]){ "inspect", "--type=image", DIGEST_HEX(id), NULL }, &text, err) < 0 ||
	    jx_parse(text.p ? text.p : "", text.len, &doc, err) < 0)
		return -1;
	config = jx_str(doc, "Config");
	if (config)
		hash_sha256_hex(config, strlen(config), hex);
	if (!STREQ(hex, DIGEST_HEX(id)))
		return err_set(err, ERR_PROTO, "buildah gives a config for image '%s' that is another's", id);
	*ret = xstrdup(config);
	return 0;
}

/* Files by the names of those layers keep buildah from writing them. */
static int mark_known(const char *out, const json_t *ids, size_t n, struct err *err)
{
	auto_free char *dir = path_join(out, "blobs/sha256");

	if (path_mkdirs(AT_FDCWD, dir, 0700, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		auto_free char *path = xasprintf("%s/%s", dir, DIGEST_HEX(json_string_value(json_array_get(ids, i))));

		if (path_write(AT_FDCWD, path, "", 0, 0600, 0, err) < 0)
			return -1;
	}
	return 0;
}

/* Has buildah write the layers that davit's store does not have. */
static int push(const struct step *s, struct image_store *store, const char *id, const char *config, const char *out, struct err *err)
{
	auto_json json_t *doc = NULL, *known = NULL;
	auto_free char *to = xasprintf("oci:%s:built", out);
	const json_t *ids;

	if (jx_parse(config, strlen(config), &doc, err) < 0 || image_known_layers(store, doc, &known, err) < 0)
		return -1;
	ids = jx_arr(jx_obj(doc, "rootfs"), "diff_ids");
	if (mark_known(out, ids, json_array_size(known), err) < 0)
		return -1;
	if (json_array_size(known) == json_array_size(ids))
		return 0;
	return step_ask(s, (const char *const[]){ "push", "--quiet", "--compression-level=1", DIGEST_HEX(id), to, NULL }, NULL, err);
}

/* --- one platform after the other --- */

/* What came out for one of them. */
struct built {
	struct step step;                /* with that platform */
	char *storage, *out;             /* out: layout of new layers */
	char *id, *config;
	bool known;                      /* the store has it by all its names */
};

static void say_platform(const struct step *s)
{
	auto_free char *line = xasprintf("Building for %s\n", s->platform);

	if (s->spec->platforms.n > 1)
		fd_write_all(s->out_fd, line, strlen(line));
}

static void say_copies(const struct step *s, const char *driver)
{
	auto_free char *line = xasprintf("davit: overlayfs cannot be used in '%s': buildah copies the whole image for each step\n", s->storage);

	if (driver)
		fd_write_all(s->out_fd, line, strlen(line));
}

static int build(struct image_store *store, struct built *b, struct err *err)
{
	const struct step *s = &b->step;
	auto_free char *iid = xasprintf("%s.iid", b->out);
	auto_strs struct strs argv = STRS_INIT, contexts = STRS_INIT;
	struct dockerfile_bases bases = { 0 };
	struct argv_places at;
	const char *advice;
	int r;

	if (step_here(s, &advice, err) < 0)
		return -1;
	say_platform(s);
	spec_images(s->spec, s->platform, &bases);
	r = step_fetch(s, &bases, err) < 0 ? -1 : step_import(s, store, &bases, &contexts, err);
	dockerfile_bases_done(&bases);
	if (r < 0)
		return -1;
	step_places(s, iid, b->out, &at);
	say_copies(s, at.driver);
	at.contexts = &contexts;
	argv_buildah_build(s->spec, &at, &argv);
	if (tool_must(&s->run->host, &argv, s->out_fd, NULL, err) < 0)
		return advice ? err_hint(err, "%s", advice) : -1;
	if (read_id(iid, &b->id, err) < 0)
		return -1;
	b->known = step_has(s, store, b->id);
	return 0;
}

static int take_all(const struct step *s, struct image_store *store, struct built *v, size_t n, struct err *err)
{
	json_t *layouts = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();

		json_array_append_new(layouts, one);
		if (read_config(&v[i].step, v[i].id, &v[i].config, err) < 0 ||
		    push(&v[i].step, store, v[i].id, v[i].config, v[i].out, err) < 0) {
			json_decref(layouts);
			return -1;
		}
		jx_set_str(one, "dir", v[i].out);
		jx_set_str(one, "config", v[i].config);
	}
	return step_take(s, layouts, err);
}

static int build_all(const struct step *s, struct image_store *store, struct built *v, size_t n, json_t **ret, struct err *err)
{
	bool unchanged = true;

	for (size_t i = 0; i < n; i++) {
		if (build(store, &v[i], err) < 0)
			return n > 1 ? err_wrap(err, "platform %s", v[i].step.platform) : -1;
		unchanged &= v[i].known;
	}
	unchanged &= step_together(s, store) && step_alone(s, store);
	if (!unchanged && take_all(s, store, v, n, err) < 0)
		return -1;
	*ret = step_answer(s, v[step_ours(s)].id, unchanged);
	return 0;
}

int step_buildah(const struct step *s, json_t **ret, struct err *err)
{
	size_t n = s->spec->platforms.n ? s->spec->platforms.n : 1;
	auto_free struct built *v = xcalloc(n, sizeof *v);
	struct image_store *store = NULL;
	int r = image_store_open(s->run->host.state_dir, &store, err);

	for (size_t i = 0; i < n; i++) {
		v[i].step = *s;
		v[i].step.platform = s->spec->platforms.n ? s->spec->platforms.v[i] : NULL;
		v[i].step.storage = v[i].storage = session_storage(s->session, v[i].step.platform);
		v[i].out = xasprintf("%s/out-%zu", s->tmp, i);
	}
	if (r == 0)
		r = build_all(s, store, v, n, ret, err);
	for (size_t i = 0; i < n; i++) {
		free(v[i].storage);
		free(v[i].out);
		free(v[i].id);
		free(v[i].config);
	}
	image_store_close(store);
	return r;
}
