/* push_image.c - what an image of the store consists of, and where it goes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "push_parts.h"

static int missing(const char *digest, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "its blob '%s' is missing from the image store", digest);
	return err_hint(err, "pull or load the image again");
}

/* The document's bytes, which are what its digest is of. */
static int read_doc(struct push *p, struct push_one *o, const char *digest, json_t **ret, struct err *err)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", digest_hex(digest));
	struct push_doc *d = XGROW(o->docs, o->n_docs, o->cap_docs);
	struct buf text = BUF_INIT;
	char hex[HASH_HEX_LEN + 1];
	const char *type;

	*d = (struct push_doc){ .digest = xstrdup(digest) };
	if (path_read(p->store->fd, name, DOC_MAX, &text, err) < 0) {
		buf_done(&text);
		return -1;
	}
	d->size = text.len;
	d->text = buf_take(&text);
	hash_sha256_hex(d->text, d->size, hex);
	if (!STREQ(hex, digest_hex(digest)))
		return err_set(err, ERR_INPUT, "its manifest '%s' is damaged in the image store", digest);
	if (jx_parse(d->text, d->size, ret, err) < 0)
		return err_wrap(err, "manifest '%s'", digest);
	type = jx_str(*ret, "mediaType");
	d->type = xstrdup(type ? type : MANIFEST_TYPE);
	return 0;
}

static bool same_repository(const struct reg_place *a, const struct reg_place *b)
{
	return STREQ(a->host, b->host) && STREQ(a->ref.repository, b->ref.repository);
}

static struct push_blob *blob_get(struct push *p, const struct reg_place *at, const char *digest, uint64_t size)
{
	struct push_blob *b;

	for (size_t i = 0; i < p->n_blobs; i++)
		if (same_repository(p->blobs[i]->at, at) && STREQ(p->blobs[i]->digest, digest))
			return p->blobs[i];
	b = xcalloc(1, sizeof *b);
	*b = (struct push_blob){ .p = p, .at = at, .digest = xstrdup(digest), .size = size, .fd = -1 };
	*XGROW(p->blobs, p->n_blobs, p->cap_blobs) = b;
	return b;
}

static int add_blob(struct push *p, struct push_one *o, const json_t *desc, struct err *err)
{
	const char *digest = jx_str(desc, "digest");
	auto_free char *name = NULL;
	struct push_blob *blob;
	struct stat st;

	if (!digest || !digest_hex(digest))
		return err_set(err, ERR_INPUT, "its manifest names a blob without a SHA-256 digest");
	name = xasprintf("blobs/sha256/%s", digest_hex(digest));
	if (fstatat(p->store->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return missing(digest, err);
	if (st.st_size != jx_int(desc, "size", -1))
		return err_set(err, ERR_INPUT, "its blob '%s' is damaged in the image store", digest);
	blob = blob_get(p, o->places.v, digest, (uint64_t)st.st_size);
	for (size_t i = 0; i < o->n_blobs; i++)
		if (o->blobs[i] == blob)
			return 0;        /* of another platform's image, too */
	*XGROW(o->blobs, o->n_blobs, o->cap_blobs) = blob;
	return 0;
}

int push_image_add(struct push *p, struct push_one *o, const char *digest, struct err *err)
{
	auto_json json_t *doc = NULL;
	const json_t *layers, *desc;
	size_t i;

	if (read_doc(p, o, digest, &doc, err) < 0)
		return -1;
	if (jx_arr(doc, "manifests"))
		return 0;
	if (add_blob(p, o, jx_obj(doc, "config"), err) < 0)
		return -1;
	layers = jx_arr(doc, "layers");
	json_array_foreach(layers, i, desc)
		if (add_blob(p, o, desc, err) < 0)
			return -1;
	return 0;
}

/* All platforms of it when they were built together and none was asked for, else the one. */
static int add_all(struct push *p, struct push_one *o, const struct image *img, struct err *err)
{
	auto_strs struct strs manifests = STRS_INIT;
	auto_free char *index = o->what->platform ? NULL : push_index_of(p, img, &manifests);

	for (size_t i = 0; index && i < manifests.n; i++)
		if (push_image_add(p, o, manifests.v[i], err) < 0)
			return -1;
	return push_image_add(p, o, index ? index : img->manifest_digest, err);
}

int push_image_read(struct push *p, struct push_one *o, struct err *err)
{
	struct image *img = NULL;
	int r;

	if (ref_parse(o->what->ref, &o->ref, err) < 0)
		return -1;
	if (!o->ref.tag || o->ref.digest) {
		err_set(err, ERR_INPUT, "image '%s' has a digest, which nothing can be pushed to", o->what->ref);
		return err_hint(err, "give it a tag: name:tag");
	}
	o->absent = push_look(p, o->what, &img, err) < 0;
	if (o->absent)
		return -1;
	r = reg_conf_places(p->conf, &o->ref, REG_PUSH | (p->req->no_verify ? REG_UNVERIFIED : 0), &o->places, err) < 0 ||
			    add_all(p, o, img, err) < 0 || reg_prepare(p->reg, &p->env, o->places.v, err) < 0
		    ? err_wrap(err, "image '%s'", o->what->ref)
		    : 0;
	image_free(img);
	return r;
}

static bool names_blob(const struct push *p, const json_t *desc, const char *digest)
{
	auto_json json_t *manifest = NULL;
	const json_t *layers, *layer;
	size_t i;

	if (store_doc(p->store, jx_str(desc, "digest"), &manifest, NULL) < 0)
		return false;
	if (str_eq(jx_str(jx_obj(manifest, "config"), "digest"), digest))
		return true;
	layers = jx_arr(manifest, "layers");
	json_array_foreach(layers, i, layer)
		if (str_eq(jx_str(layer, "digest"), digest))
			return true;
	return false;
}

char *push_known_in(const struct push *p, const struct push_blob *b)
{
	const json_t *list = jx_arr(p->index, "manifests"), *desc;
	char *found = NULL;
	size_t i;

	json_array_foreach(list, i, desc) {
		const char *name = jx_str(jx_obj(desc, "annotations"), REF_NAME);
		struct image_ref ref = { 0 };

		if (name && ref_parse(name, &ref, NULL) == 0 && STREQ(ref.registry, b->at->ref.registry) &&
		    !STREQ(ref.repository, b->at->ref.repository) && names_blob(p, desc, b->digest))
			found = xstrdup(ref.repository);
		ref_done(&ref);
		if (found)
			break;
	}
	return found;
}

void push_one_done(struct push_one *o)
{
	ref_done(&o->ref);
	reg_places_done(&o->places);
	for (size_t i = 0; i < o->n_docs; i++) {
		free(o->docs[i].text);
		free(o->docs[i].type);
		free(o->docs[i].digest);
	}
	free(o->docs);
	free(o->blobs);
}

void push_blob_free(struct push_blob *b)
{
	if (b->fd >= 0)
		close(b->fd);
	free(b->digest);
	free(b->from);
	free(b);
}
