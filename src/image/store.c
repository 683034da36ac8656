/* store.c - the image store on disk, read. What an image is called, where its documents are, which layers it
 * consists of. */
#include "image.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "store.h"

const char *digest_hex(const char *digest)
{
	const char *hex = digest + strlen("sha256:");

	if (!str_starts(digest, "sha256:") || strlen(hex) != HASH_HEX_LEN ||
		hex[strspn(hex, "0123456789abcdef")])
		return NULL;
	return hex;
}

void chain_next(char chain[static HASH_HEX_LEN + 1], const char *diff_hex)
{
	auto_free char *text = NULL;

	if (!*chain) {
		memcpy(chain, diff_hex, HASH_HEX_LEN + 1);
		return;
	}
	text = xasprintf("sha256:%s sha256:%s", chain, diff_hex);
	hash_sha256_hex(text, strlen(text), chain);
}

/* `FROM scratch` and nothing more: buildah writes diff_ids as null, docker leaves them out. */
static bool has_no_layers(const json_t *rootfs)
{
	const json_t *ids = json_object_get(rootfs, "diff_ids");

	return ids ? json_is_null(ids) : str_eq(jx_str(rootfs, "type"), "layers");
}

int chain_ids(const json_t *config, struct strs *ret, struct err *err)
{
	const json_t *rootfs = jx_obj(config, "rootfs"), *ids = jx_arr(rootfs, "diff_ids"), *id;
	char chain[HASH_HEX_LEN + 1] = "";
	size_t i;

	if (!ids && !has_no_layers(rootfs))
		return err_set(err, ERR_INPUT, "the image's config has no rootfs.diff_ids");
	if (json_array_size(ids) > LAYERS_MAX)
		return err_set(err, ERR_INPUT, "the image has %zu layers, more than %d", json_array_size(ids),
			LAYERS_MAX);
	json_array_foreach(ids, i, id) {
		const char *hex = json_is_string(id) ? digest_hex(json_string_value(id)) : NULL;
		if (!hex)
			return err_set(err, ERR_INPUT,
				"the image's config has a diff_id that is not a SHA-256 digest");
		chain_next(chain, hex);
		strs_add(ret, chain);
	}
	return 0;
}

int image_store_open(const char *state_dir, struct image_store **ret, struct err *err)
{
	auto_free char *path = path_join(state_dir, "images");
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct image_store *s;

	if (fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "open the image store '%s'", path);
	s = xcalloc(1, sizeof *s);
	s->path = take(path);
	s->fd = fd;
	*ret = s;
	return 0;
}

void image_store_close(struct image_store *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

/* The store may be made by another process after it was opened here. */
static int store_fd(const struct image_store *s)
{
	struct image_store *w = (struct image_store *)s;

	if (w->fd < 0)
		w->fd = open(w->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->fd;
}

static bool has_blobs(int images_fd)
{
	int fd = openat(images_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			return true;
	return false;
}

/* A store that davit has opened to write has layers/, and had an index before that: blobs without one have lost theirs. Where there is neither,
 * another tool was stopped halfway, and nothing was lost. The index is looked for once more after the blobs: the first image may come at this
 * moment. */
static int no_index(int images_fd, json_t **ret, struct err *err)
{
	if (images_fd >= 0 && faccessat(images_fd, "layers", F_OK, 0) == 0 && has_blobs(images_fd) && faccessat(images_fd, "index.json", F_OK, 0) < 0)
		return err_set(err, ERR_INPUT, "index.json, which says what images there are, is missing");
	*ret = json_pack("{s:i, s:[]}", "schemaVersion", 2, "manifests");
	return 0;
}

static int read_index(int images_fd, json_t **ret, struct err *err)
{
	if (images_fd < 0 || faccessat(images_fd, "index.json", F_OK, 0) < 0)
		return no_index(images_fd, ret, err);
	if (jx_load(images_fd, "index.json", INDEX_MAX, ret, err) < 0)
		return -1;
	if (jx_arr(*ret, "manifests"))
		return 0;
	json_decref(take(*ret));
	return err_set(err, ERR_INPUT, "index.json has no list of manifests");
}

int store_index(const struct image_store *s, json_t **ret, struct err *err)
{
	if (read_index(store_fd(s), ret, err) == 0)
		return 0;
	err_wrap(err, "image store '%s'", s->path);
	if (err && err->kind == ERR_INPUT)
		err_hint(err, "'davit system check --repair' makes a new one of what else is in the store");
	return -1;
}

int64_t store_layer_bytes(int images_fd, const char *chain)
{
	enum { META_MAX = 4096 };
	auto_free char *name = xasprintf("layers/%s.json", chain);
	auto_json json_t *meta = NULL;

	return jx_load(images_fd, name, META_MAX, &meta, NULL) < 0 ? -1 : jx_int(meta, "size", -1);
}

int store_doc(const struct image_store *s, const char *digest, json_t **ret, struct err *err)
{
	const char *hex = digest ? digest_hex(digest) : NULL;
	auto_free char *name = NULL;

	if (!hex)
		return err_set(err, ERR_INPUT, "'%s' is not a SHA-256 digest", digest ? digest : "");
	name = xasprintf("blobs/sha256/%s", hex);
	if (jx_load(store_fd(s), name, DOC_MAX, ret, err) < 0)
		return err_wrap(err, "image store '%s'", s->path);
	return 0;
}

bool store_trusted_xattrs(void)
{
	auto_buf struct buf map = BUF_INIT;
	unsigned inside, outside, n;

	if (geteuid() != 0)
		return false;
	if (path_read(AT_FDCWD, "/proc/self/uid_map", 4096, &map, NULL) < 0 || !map.p)
		return true;
	return sscanf(map.p, "%u %u %u", &inside, &outside, &n) == 3 && inside == 0 && outside == 0 &&
	       n == 4294967295u;
}

/* Six digits of the chain id, taken from where they are free: 16.7 million names, and sixty tries. */
int store_link(int images_fd, const char *chain, char *ret, struct err *err)
{
	auto_free char *target = xasprintf("../layers/%s", chain);

	if (mkdirat(images_fd, "l", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make the image store's directory 'l'");
	for (size_t at = 0; at + LINK_LEN <= HASH_HEX_LEN; at++) {
		char name[2 + LINK_LEN + 1] = "l/", have[16 + HASH_HEX_LEN];
		memcpy(name + 2, chain + at, LINK_LEN);
		if (symlinkat(target, images_fd, name) < 0) {
			ssize_t n = errno == EEXIST ? readlinkat(images_fd, name, have, sizeof have) : -1;
			if (n < 0)
				return err_sys(err, errno, "link layer '%s'", chain);
			if ((size_t)n != strlen(target) || memcmp(have, target, (size_t)n) != 0)
				continue;
		}
		memcpy(ret, name + 2, LINK_LEN + 1);
		return 0;
	}
	return err_set(err, ERR_FAIL, "no short name is free for layer '%s'", chain);
}
