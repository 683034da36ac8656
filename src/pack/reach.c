#include "reach.h"

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

enum { DEPTH_MAX = 4 };

struct walk {
	const struct image_store *s;
	struct reach *r;
};

/* 1 and the document, 0: there is none that says anything, -1: it could not be read. */
static int read_doc(const struct walk *w, const char *digest, json_t **ret, struct err *err)
{
	struct err why = ERR_INIT;

	if (store_doc(w->s, digest, ret, &why) == 0)
		return 1;
	if (why.errnum && why.errnum != ENOENT)
		return err_move(err, &why);
	err_done(&why);
	return 0;
}

static void add_blob(struct reach *r, const char *digest)
{
	const char *hex = digest ? digest_hex(digest) : NULL;

	if (hex)
		map_set(&r->blobs, hex, r);
}

/* 1: its layers are known, 0: the config says nothing. */
static int walk_config(const struct walk *w, const char *digest, struct err *err)
{
	auto_json json_t *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	int r;

	add_blob(w->r, digest);
	r = read_doc(w, digest, &config, err);
	if (r <= 0)
		return r;
	if (chain_ids(config, &chains, NULL) < 0)
		return 0;
	for (size_t i = 0; i < chains.n; i++)
		map_set(&w->r->chains, chains.v[i], w->r);
	return 1;
}

static int walk_desc(const struct walk *w, const json_t *desc, int depth, struct err *err);

static int walk_manifest(const struct walk *w, const json_t *doc, int depth, struct err *err)
{
	const char *config = jx_str(jx_obj(doc, "config"), "digest");
	const json_t *list = jx_arr(doc, "layers"), *item;
	size_t i;

	json_array_foreach(list, i, item)
		add_blob(w->r, jx_str(item, "digest"));
	if (config && digest_hex(config)) {
		map_set(&w->r->ids, config, w->r);
		if (walk_config(w, config, err) < 0)
			return -1;
	}
	list = jx_arr(doc, "manifests");
	json_array_foreach(list, i, item)
		if (depth < DEPTH_MAX && walk_desc(w, item, depth + 1, err) < 0)
			return -1;
	return 0;
}

/* An annotation that is a digest names a document that belongs to the image: the index it was pulled through, say. */
static int walk_desc(const struct walk *w, const json_t *desc, int depth, struct err *err)
{
	const char *digest = jx_str(desc, "digest"), *hex = digest ? digest_hex(digest) : NULL;
	auto_json json_t *doc = NULL;
	const char *key;
	json_t *value;
	int r;

	json_object_foreach(jx_obj(desc, "annotations"), key, value)
		add_blob(w->r, json_string_value(value));
	if (!hex || jx_int(desc, "size", 0) > DOC_MAX)
		return 0;
	add_blob(w->r, digest);
	r = read_doc(w, digest, &doc, err);
	return r <= 0 ? r : walk_manifest(w, doc, depth, err);
}

static int walk_uses(const struct walk *w, const struct pack_uses *uses, struct err *err)
{
	for (size_t i = 0; uses && i < uses->n; i++) {
		const struct pack_use *u = &uses->v[i];
		int r;

		if (!u->image_id || !digest_hex(u->image_id))
			continue;
		r = walk_config(w, u->image_id, err);
		if (r < 0)
			return -1;
		if (r == 0 && !w->r->doubt)
			w->r->doubt = xasprintf("%s, which %s of project '%s' is made of", u->image_id, u->what, u->project);
	}
	return 0;
}

int reach_find(const struct image_store *s, const json_t *index, const struct pack_uses *uses, struct reach *ret, struct err *err)
{
	struct reach r = { 0 };
	const struct walk w = { s, &r };
	const json_t *desc;
	int result = 0;
	size_t i;

	json_array_foreach(jx_arr(index, "manifests"), i, desc)
		if (result == 0)
			result = walk_desc(&w, desc, 0, err);
	if (result == 0)
		result = walk_uses(&w, uses, err);
	if (result < 0)
		reach_done(&r);
	else
		*ret = r;
	return result;
}

void reach_done(struct reach *r)
{
	map_done(&r->blobs, NULL);
	map_done(&r->chains, NULL);
	map_done(&r->ids, NULL);
	free(r->doubt);
	*r = (struct reach){ 0 };
}
