/* Any documents as an archive's, and as a store's. The input is lines: the first is manifest.json or, when it has "manifests", index.json; the
 * others are files called 1, 2, … and by their digests. "@3" in a line becomes the digest of the third of them, "#3" its size, so that what is
 * fuzzed is more than whether digests are compared. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/image/image.h"
#include "../../src/image/store.h"
#include "../../src/pack/choose.h"
#include "../../src/pack/reach.h"
#include "../../src/util/auto.h"
#include "../../src/util/buf.h"
#include "../../src/util/json.h"
#include "../../src/util/mem.h"
#include "../../src/util/path.h"
#include "fuzz.h"

enum { DOCS_MAX = 9 };

static char top[] = "/tmp/image-docs-fuzz-XXXXXX";
static struct stage stage = { .images_fd = -1, .fd = -1 };

static void remove_places(void)
{
	path_remove_tree(AT_FDCWD, top, NULL);
}

static void make_places(void)
{
	require(mkdtemp(top) != NULL && atexit(remove_places) == 0);
	stage.images_path = top;
	stage.images_fd = stage.fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct docs {
	struct buf text[DOCS_MAX + 1];
	char hex[DOCS_MAX + 1][HASH_HEX_LEN + 1];
	size_t n;
};

/* Those that a line speaks of come after it, so the last one is the first to be whole. */
static void take_line(struct docs *d, size_t i, const char *p, size_t n)
{
	struct buf *b = &d->text[i];

	buf_str(b, "");
	for (size_t k = 0; k < n; k++) {
		size_t to = k + 1 < n && p[k + 1] >= '1' && p[k + 1] <= '9' ? (size_t)(p[k + 1] - '0') : 0;

		if (p[k] == '@' && to > i && to < d->n)
			buf_printf(b, "sha256:%s", d->hex[to]);
		else if (p[k] == '#' && to > i && to < d->n)
			buf_printf(b, "%zu", d->text[to].len);
		else {
			buf_char(b, p[k]);
			continue;
		}
		k++;
	}
	hash_sha256_hex(b->p, b->len, d->hex[i]);
}

static void take_lines(struct docs *d, const char *p, size_t n)
{
	const char *lines[DOCS_MAX + 1];
	size_t len[DOCS_MAX + 1];

	for (d->n = 0; d->n <= DOCS_MAX && n > 0; d->n++) {
		const char *end = memchr(p, '\n', n);

		lines[d->n] = p;
		len[d->n] = end ? (size_t)(end - p) : n;
		n -= len[d->n] + (end != NULL);
		p += len[d->n] + (end != NULL);
	}
	for (size_t i = d->n; i-- > 0;)
		take_line(d, i, lines[i], len[i]);
}

static void add_file(struct map *files, const struct docs *d, size_t i, char *name)
{
	struct spooled *f = xcalloc(1, sizeof *f), *old;

	f->blob.file = xasprintf("%zu", i);
	memcpy(f->blob.hex, d->hex[i], sizeof f->blob.hex);
	f->blob.size = d->text[i].len;
	f->blob.kind = i % 2 ? BLOB_PLAIN : BLOB_GZIP;
	old = map_set(files, name, f);
	if (old) {
		free(old->blob.file);
		free(old);
	}
	free(name);
}

static void archive(const struct map *files)
{
	auto_err struct err err = ERR_INIT;
	struct pack_images images;

	if (choose_images(&stage, files, NULL, &images, &err) < 0) {
		require(err.msg != NULL);
		return;
	}
	require(images.n > 0);
	for (size_t i = 0; i < images.n; i++) {
		const struct pack_image *img = &images.v[i];

		require(img->config && strlen(img->manifest_hex) == HASH_HEX_LEN && (img->manifest || img->manifest_text));
		for (size_t k = 0; k < img->n_layers; k++)
			require(img->layers[k].blob && strlen(img->layers[k].chain) == HASH_HEX_LEN);
		for (size_t k = 0; k < img->refs.n; k++) {
			struct image_ref r;

			require(ref_parse(img->refs.v[k], &r, NULL) == 0 && !r.digest);
			ref_done(&r);
		}
	}
	choose_done(&images);
}

/* What another tool has put there, or a disk that forgot. */
static void store(void)
{
	struct image_store s = { top, stage.fd };
	auto_json json_t *list = NULL, *index = NULL, *one = NULL;
	auto_err struct err err = ERR_INIT;
	struct reach reach;
	const json_t *item;
	size_t i;

	list = image_list(&s, &err);
	require((list == NULL) == (err.msg != NULL));
	if (!list || store_index(&s, &index, NULL) < 0)
		return;
	json_array_foreach(list, i, item) {
		struct image *img = NULL;

		if (image_look(&s, jx_str(item, "id"), NULL, &img, NULL) == 0)
			require(digest_hex(img->id) && digest_hex(img->manifest_digest));
		image_free(img);
		if (i == 0 && image_inspect(&s, jx_str(item, "id"), &one, NULL) == 0)
			require(json_is_object(one));
	}
	if (reach_find(&s, index, NULL, &reach, NULL) == 0)
		reach_done(&reach);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docs d = { .n = 0 };
	struct map files = MAP_INIT;
	bool oci;

	if (stage.fd < 0)
		make_places();
	take_lines(&d, (const char *)data, size);
	oci = d.n && strstr(d.text[0].p, "\"manifests\"");
	require(mkdirat(stage.fd, "blobs", 0755) == 0 && mkdirat(stage.fd, "blobs/sha256", 0755) == 0);
	for (size_t i = 0; i < d.n; i++) {
		auto_free char *name = xasprintf("%zu", i), *blob = xasprintf("blobs/sha256/%s", d.hex[i]);

		require(path_write(stage.fd, name, d.text[i].p, d.text[i].len, 0644, 0, NULL) == 0);
		require(path_write(stage.fd, blob, d.text[i].p, d.text[i].len, 0644, 0, NULL) == 0);
		add_file(&files, &d, i, xstrdup(i ? name : oci ? "index.json" : "manifest.json"));
		add_file(&files, &d, i, xstrdup(blob));
	}
	if (oci) {
		require(path_write(stage.fd, "index.json", d.text[0].p, d.text[0].len, 0644, 0, NULL) == 0);
		add_file(&files, &d, 0, xstrdup("oci-layout"));
	}
	archive(&files);
	if (oci)
		store();
	spool_done(&files);
	for (size_t i = 0; i < d.n; i++) {
		auto_free char *name = xasprintf("%zu", i);

		unlinkat(stage.fd, name, 0);
		buf_done(&d.text[i]);
	}
	unlinkat(stage.fd, "index.json", 0);
	require(path_remove_tree(stage.fd, "blobs", NULL) == 0);
	return 0;
}
