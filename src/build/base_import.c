/* base_import.c - images of davit's store get their names in buildah's storage; build.h says how.
 *
 * A name that the store has for one platform is that image's. One that it has for several is a manifest list of all of them, from which
 * buildah takes what `FROM --platform=` or the target wants. Each such list has a second name, made of the ids in it, by which it is known to
 * be whole: it gets both when all images are in it. One process at a time gives names. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "step.h"

enum { DOC_MAX = 8 << 20, SHORT_HEX = 12 };

#define MAKING "localhost/davit-making:latest"   /* what a list is called while it is made */

/* --- what buildah has --- */

/* Which of buildah's images it is; NULL: none. */
static const json_t *known_image(const json_t *images, const char *id)
{
	const json_t *image;
	size_t i;

	json_array_foreach(images, i, image) {
		const char *have = jx_str(image, "id");

		if (have && STREQ(str_starts(have, "sha256:") ? DIGEST_HEX(have) : have, DIGEST_HEX(id)))
			return image;
	}
	return NULL;
}

static bool has_name(const json_t *image, const char *ref)
{
	const json_t *name;
	size_t i;

	json_array_foreach(jx_arr(image, "names"), i, name)
		if (str_eq(json_string_value(name), ref))
			return true;
	return false;
}

static const json_t *named_image(const json_t *images, const char *name)
{
	const json_t *image;
	size_t i;

	json_array_foreach(images, i, image)
		if (has_name(image, name))
			return image;
	return NULL;
}

/* What buildah has, and by which names; --all, since 1.28 cannot tell which images are intermediate ones when there is a list among them. */
static int list_images(const struct step *s, json_t **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (step_ask(s, (const char *const[]){ "images", "--all", "--json", "--no-trunc", NULL }, &text, err) < 0)
		return -1;
	*ret = NULL;
	if (text.len)
		jx_parse(text.p, text.len, ret, NULL);
	return 0;
}

/* A layout of that one image, whose blobs are the store's. */
static int write_layout(const struct step *s, const struct image *img, const char *dir, const char *name, struct err *err)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	auto_free char *blobs = xasprintf("%s/images/blobs", s->run->host.state_dir), *link = path_join(dir, "blobs");
	auto_free char *doc = xasprintf("%s/sha256/%s", blobs, DIGEST_HEX(img->manifest_digest)), *text = NULL;
	auto_free char *layout_file = path_join(dir, "oci-layout"), *index_file = path_join(dir, "index.json");
	auto_buf struct buf manifest = BUF_INIT;
	auto_json json_t *parsed = NULL, *index = NULL;
	const char *type;

	if (path_mkdirs(AT_FDCWD, dir, 0700, err) < 0 || path_read(AT_FDCWD, doc, DOC_MAX, &manifest, err) < 0 ||
	    jx_parse(manifest.p, manifest.len, &parsed, err) < 0)
		return -1;
	type = jx_str(parsed, "mediaType");
	index = json_pack("{s:i, s:[{s:s, s:s, s:I, s:{s:s}}]}", "schemaVersion", 2, "manifests", "mediaType",
			  type ? type : "application/vnd.oci.image.manifest.v1+json", "digest", img->manifest_digest, "size",
			  (json_int_t)manifest.len, "annotations", "org.opencontainers.image.ref.name", name);
	text = json_dumps(index, JSON_COMPACT);
	if (symlink(blobs, link) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make '%s'", link);
	return path_write(AT_FDCWD, layout_file, layout, sizeof layout - 1, 0600, 0, err) < 0 ||
			       path_write(AT_FDCWD, index_file, text, strlen(text), 0600, 0, err) < 0
		       ? -1
		       : 0;
}

/* --- bringing one there --- */

/* In the working directory, which is the job's: buildah makes a name of what stands behind "oci:" (1.28) or of the one in the layout (1.39),
 * which must be one, and nobody else's. */
static int pull_base(const struct step *s, const struct image *img, const char *name, struct err *err)
{
	const char *dir = name + strlen("localhost/");
	auto_free char *from = xasprintf("oci:%s:%s", dir, name), *text = image_platform(img), *platform = xasprintf("--platform=%s", text);
	auto_buf struct buf id = BUF_INIT;

	return write_layout(s, img, dir, name, err) < 0
		       ? -1
		       : step_ask(s, (const char *const[]){ "pull", "--quiet", platform, from, NULL }, &id, err);
}

/* Takes away the name by which it was pulled; the image stays under the other one. */
static void forget_name(const struct step *s, const char *name)
{
	auto_buf struct buf said = BUF_INIT;

	step_ask(s, (const char *const[]){ "rmi", name, NULL }, &said, NULL);
}

static int name_image(const struct step *s, const char *id, const char *name, struct err *err)
{
	return step_ask(s, (const char *const[]){ "tag", DIGEST_HEX(id), name, NULL }, NULL, err);
}

static int import_as(const struct step *s, const struct image *img, const char *ref, const json_t *images, struct err *err)
{
	auto_free char *name = xasprintf("localhost/from-%s-%s-%.*s", strrchr(s->session->name, '-') + 1, strrchr(s->tmp, '/') + 1, SHORT_HEX,
					 DIGEST_HEX(img->id));
	const json_t *known = known_image(images, img->id);

	if (known && has_name(known, ref))
		return 0;
	if ((!known && pull_base(s, img, name, err) < 0) || name_image(s, img->id, ref, err) < 0)
		return -1;
	if (!known)
		forget_name(s, name);
	return 0;
}

/* --- a name for several platforms --- */

/* The platforms for which davit's store has it. */
static int platforms_of(struct image_store *store, const char *ref, struct strs *ret, struct err *err)
{
	auto_json json_t *list = image_list(store, err);
	const json_t *one;
	size_t i;

	if (!list)
		return -1;
	json_array_foreach(list, i, one)
		if (str_eq(jx_str(one, "ref"), ref) && jx_str(one, "platform"))
			strs_add(ret, jx_str(one, "platform"));
	return 0;
}

static int make_list(const struct step *s, const struct strs *ids, const char *list, const char *ref, const json_t *images, struct err *err)
{
	auto_buf struct buf said = BUF_INIT;

	if (named_image(images, MAKING))         /* somebody was killed here */
		forget_name(s, MAKING);
	if (step_ask(s, (const char *const[]){ "manifest", "create", MAKING, NULL }, &said, err) < 0)
		return -1;
	for (size_t i = 0; i < ids->n; i++) {
		auto_free char *from = xasprintf("containers-storage:%s", DIGEST_HEX(ids->v[i]));

		if (step_ask(s, (const char *const[]){ "manifest", "add", MAKING, from, NULL }, &said, err) < 0)
			return -1;
	}
	if (step_ask(s, (const char *const[]){ "tag", MAKING, list, ref, NULL }, NULL, err) < 0)
		return -1;
	return step_ask(s, (const char *const[]){ "manifest", "rm", MAKING, NULL }, &said, err);
}

/* Each gets a name of its own, too, since a name is what keeps an image from being pruned. */
static int import_each(const struct step *s, struct image_store *store, const char *ref, const struct strs *platforms, const json_t *images,
		       struct strs *ids, struct err *err)
{
	char hex[HASH_HEX_LEN + 1];

	hash_sha256_hex(ref, strlen(ref), hex);
	for (size_t i = 0; i < platforms->n; i++) {
		auto_free char *name = xasprintf("localhost/davit-base-%.*s:%s", SHORT_HEX, hex, platforms->v[i]);
		struct image *img = NULL;
		int r = image_look(store, ref, platforms->v[i], &img, err);

		for (char *p = name + strlen("localhost/"); (p = strchr(p, '/')); *p = '-')
			;
		if (r == 0)
			strs_add(ids, img->id);
		r = r < 0 ? r : import_as(s, img, name, images, err);
		image_free(img);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int import_list(const struct step *s, struct image_store *store, const char *ref, const char *called, const struct strs *platforms,
		       const json_t *images, struct err *err)
{
	auto_strs struct strs ids = STRS_INIT;
	auto_buf struct buf all = BUF_INIT;
	auto_free char *name = NULL;
	char hex[HASH_HEX_LEN + 1];
	const json_t *list;

	if (import_each(s, store, ref, platforms, images, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		buf_printf(&all, "%s\n", ids.v[i]);
	hash_sha256_hex(all.p, all.len, hex);
	name = xasprintf(BASE_LIST "%.*s:latest", SHORT_HEX, hex);
	list = named_image(images, name);
	if (list && has_name(list, called))
		return 0;
	if (list)
		return step_ask(s, (const char *const[]){ "tag", name, called, NULL }, NULL, err);
	return make_list(s, &ids, name, called, images, err);
}

/* --- all of them --- */

/* What buildah shall call it: as it is called, unless it has a digest. malloc'ed. */
static char *name_for(const char *ref)
{
	char hex[HASH_HEX_LEN + 1];

	if (!strchr(ref, '@'))
		return xstrdup(ref);
	hash_sha256_hex(ref, strlen(ref), hex);
	return xasprintf("localhost/davit-digest-%.*s:latest", SHORT_HEX, hex);
}

static int import_base(const struct step *s, struct image_store *store, const struct dockerfile_base *base, const json_t *images,
		       struct strs *contexts, struct err *err)
{
	auto_strs struct strs platforms = STRS_INIT;
	auto_free char *ref = spec_ref(base->name), *called = ref ? name_for(ref) : NULL;
	struct image *img = NULL;
	int r;

	if (!ref || image_look(store, ref, base->platform, &img, NULL) < 0)
		return 0;                /* the builder will look elsewhere */
	r = platforms_of(store, ref, &platforms, err);
	if (r == 0 && platforms.n > 1)
		r = import_list(s, store, ref, called, &platforms, images, err);
	else if (r == 0)
		r = import_as(s, img, called, images, err);
	if (!STREQ(ref, called))
		strs_printf(contexts, "%s=%s", base->name, called);
	image_free(img);
	return r;
}

static int lock_names(const struct step *s, int *ret_fd, struct err *err)
{
	auto_free char *path = xasprintf("%s/build/names", s->run->host.state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	*ret_fd = fd;
	return fd < 0 || flock(fd, LOCK_EX) < 0 ? err_sys(err, errno, "lock '%s'", path) : 0;
}

int step_import(const struct step *s, struct image_store *store, const struct dockerfile_bases *bases, struct strs *contexts, struct err *err)
{
	auto_close int lock = -1;

	if (bases->n && lock_names(s, &lock, err) < 0)
		return -1;
	for (size_t i = 0; i < bases->n; i++) {
		auto_json json_t *images = NULL;         /* the one before may have brought something */

		if (list_images(s, &images, err) < 0 || import_base(s, store, &bases->v[i], images, contexts, err) < 0)
			return err_wrap(err, "hand image '%s' to buildah", bases->v[i].name);
	}
	return 0;
}
