#include "rebuild.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../image/platform.h"
#include "../image/store.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

enum { MANIFEST_MAX = 1 << 20 };

struct search {
	const struct stage *stage;
	const char *id;
	json_t *list;	 /* descriptors */
	json_t *ids;	 /* of each the image's */
	json_t *docker;	 /* descriptors of Docker's manifests, and */
	json_t *their;	 /* of each the image's id */
	json_t *indexes; /* [digest, document] */
};

/* NULL: no document, or not the one that its name says. */
static json_t *read_document(const struct stage *s, const char *hex, int64_t *ret_size)
{
	auto_free char *path = xasprintf("blobs/sha256/%s", hex);
	auto_buf struct buf text = BUF_INIT;
	char have[HASH_HEX_LEN + 1];
	json_t *doc = NULL;
	struct stat st;

	if (fstatat(s->images_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || st.st_size > MANIFEST_MAX ||
		path_read(s->images_fd, path, MANIFEST_MAX, &text, NULL) < 0 || !text.p || *text.p != '{')
		return NULL;
	hash_sha256_hex(text.p, text.len, have);
	if (!STREQ(have, hex) || jx_parse(text.p, text.len, &doc, NULL) < 0)
		return NULL;
	*ret_size = (int64_t)text.len;
	return doc;
}

static void add_manifest(struct search *f, const char *digest, int64_t size, const json_t *doc)
{
	const struct image_store store = { f->stage->images_path, f->stage->images_fd };
	const char *id = jx_str(jx_obj(doc, "config"), "digest"), *type = jx_str(doc, "mediaType");
	bool docker = str_eq(type, DOCKER_MANIFEST);
	auto_json json_t *config = NULL;
	struct platform p;
	json_t *desc;

	if (!id || (f->id && !STREQ(id, f->id)) || store_doc(&store, id, &config, NULL) < 0)
		return;
	desc = json_pack("{s:s, s:s, s:I}", "mediaType", type ? type : MANIFEST_TYPE, "digest", digest, "size", (json_int_t)size);
	if (platform_read(config, &p) == 0)
		json_object_set_new(desc, "platform", platform_json(&p));
	json_array_append_new(docker ? f->docker : f->list, desc);
	json_array_append_new(docker ? f->their : f->ids, json_string(id));
}

static void add_document(struct search *f, const char *hex)
{
	auto_free char *digest = xasprintf("sha256:%s", hex);
	auto_json json_t *doc = NULL;
	int64_t size;

	if (!digest_hex(digest) || !(doc = read_document(f->stage, hex, &size)))
		return;
	if (jx_arr(doc, "layers"))
		add_manifest(f, digest, size, doc);
	else if (jx_arr(doc, "manifests"))
		json_array_append_new(f->indexes, json_pack("[s, O]", digest, doc));
}

static void came_by(json_t *desc, const char *digest)
{
	json_object_set_new(desc, "annotations", json_pack("{s:s}", INDEX_DIGEST, digest));
}

/* OCI's manifest stands for Docker's of the same image, where there is one. */
static void take_docker(struct search *f)
{
	json_t *desc, *own;
	size_t i, k;

	json_array_foreach(f->docker, i, desc) {
		bool stands = false;

		json_array_foreach(f->list, k, own) {
			if (!json_equal(json_array_get(f->ids, k), json_array_get(f->their, i)))
				continue;
			came_by(own, jx_str(desc, "digest"));
			stands = true;
		}
		if (!stands) {
			json_array_append(f->list, desc);
			json_array_append(f->ids, json_array_get(f->their, i));
		}
	}
}

static void take_indexes(struct search *f)
{
	json_t *pair, *part, *desc;
	size_t i, k, n;

	json_array_foreach(f->indexes, i, pair)
		json_array_foreach(jx_arr(json_array_get(pair, 1), "manifests"), k, part)
			json_array_foreach(f->list, n, desc)
				if (str_eq(jx_str(part, "digest"), jx_str(desc, "digest")))
					came_by(desc, json_string_value(json_array_get(pair, 0)));
}

int rebuild_list(const struct stage *s, const char *id, json_t **ret, struct err *err)
{
	struct search f = { s, id, json_array(), json_array(), json_array(), json_array(), json_array() };
	auto_strs struct strs names = STRS_INIT;
	int r = stage_list(s, "blobs/sha256", &names, err);

	for (size_t i = 0; i < names.n && r == 0; i++)
		add_document(&f, names.v[i]);
	take_docker(&f);
	take_indexes(&f);
	json_decref(f.ids);
	json_decref(f.docker);
	json_decref(f.their);
	json_decref(f.indexes);
	if (r == 0)
		*ret = f.list;
	else
		json_decref(f.list);
	return r;
}
