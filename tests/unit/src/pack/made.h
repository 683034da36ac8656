/* made.h - archives made in memory for the tests of this room: tar files with whatever entries, and image
 * archives around them. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/hash.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

enum made_filter { M_PLAIN, M_GZIP, M_ZSTD };

struct tar {
	struct archive *a;
	struct buf out;
};

static inline la_ssize_t made_write(struct archive *a, void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
	return (la_ssize_t)n;
}

static inline void made_filter(struct archive *a, enum made_filter f)
{
	if (f == M_GZIP) {
		archive_write_add_filter_gzip(a);
		archive_write_set_filter_option(a, "gzip", "timestamp", NULL); /* the same bytes whenever it is made */
	}
	if (f == M_ZSTD)
		archive_write_add_filter_zstd(a);
}

static inline struct tar *tar_new(enum made_filter f)
{
	struct tar *t = xcalloc(1, sizeof *t);

	t->a = archive_write_new();
	made_filter(t->a, f);
	archive_write_set_format_pax(t->a);
	archive_write_set_bytes_in_last_block(t->a, 1);
	if (archive_write_open(t->a, &t->out, NULL, made_write, NULL) != ARCHIVE_OK)
		abort();
	return t;
}

static inline void tar_put(struct tar *t, struct archive_entry *e, const void *p, size_t n)
{
	if (archive_write_header(t->a, e) < ARCHIVE_WARN ||
		(n && archive_write_data(t->a, p, n) != (la_ssize_t)n)) {
		fprintf(stderr, "made.h: %s\n", archive_error_string(t->a));
		abort();
	}
	archive_entry_free(e);
}

static inline struct archive_entry *tar_entry(const char *name, mode_t type, mode_t perm)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, perm);
	archive_entry_set_mtime(e, 1000000000, 0);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_size(e, 0);
	return e;
}

static inline void tar_bytes(struct tar *t, const char *name, const void *p, size_t n)
{
	struct archive_entry *e = tar_entry(name, AE_IFREG, 0644);

	archive_entry_set_size(e, (la_int64_t)n);
	tar_put(t, e, p, n);
}

static inline void tar_file(struct tar *t, const char *name, const char *text)
{
	tar_bytes(t, name, text, strlen(text));
}

static inline void tar_dir(struct tar *t, const char *name)
{
	tar_put(t, tar_entry(name, AE_IFDIR, 0755), NULL, 0);
}

static inline void tar_symlink(struct tar *t, const char *name, const char *target)
{
	struct archive_entry *e = tar_entry(name, AE_IFLNK, 0777);

	archive_entry_set_symlink(e, target);
	tar_put(t, e, NULL, 0);
}

static inline void tar_hardlink(struct tar *t, const char *name, const char *target)
{
	struct archive_entry *e = tar_entry(name, AE_IFREG, 0644);

	archive_entry_set_hardlink(e, target);
	tar_put(t, e, NULL, 0);
}

/* Ends the tar; the bytes are the caller's. */
static inline struct buf tar_end(struct tar *t)
{
	struct buf out;

	archive_write_close(t->a);
	archive_write_free(t->a);
	out = t->out;
	free(t);
	return out;
}

/* The same bytes, compressed. */
static inline struct buf made_compress(const struct buf *in, enum made_filter f)
{
	struct tar t = { .a = archive_write_new() };
	struct archive_entry *e = tar_entry("data", AE_IFREG, 0644);

	made_filter(t.a, f);
	archive_write_set_format_raw(t.a);
	archive_write_set_bytes_in_last_block(t.a, 1);
	archive_entry_set_size(e, (la_int64_t)in->len);
	if (archive_write_open(t.a, &t.out, NULL, made_write, NULL) != ARCHIVE_OK)
		abort();
	tar_put(&t, e, in->p, in->len);
	archive_write_close(t.a);
	archive_write_free(t.a);
	return t.out;
}

/* ------------------------------------------------------------------ images */

struct made_layer {
	struct buf tar;		 /* plain */
	enum made_filter filter; /* how it is stored */
	const char *diff_hex;	 /* instead of the right one, when not NULL */
};

struct made_image {
	const char *tag;
	const char *arch; /* NULL: amd64 */
	json_t *config;	  /* "config" of the config document, borrowed; may be NULL */
	struct made_layer *layers;
	size_t n;
};

static inline struct buf made_stored(const struct made_layer *l)
{
	struct buf b = BUF_INIT;

	if (l->filter != M_PLAIN)
		return made_compress(&l->tar, l->filter);
	buf_add(&b, l->tar.p, l->tar.len);
	return b;
}

static inline char *made_config(const struct made_image *i)
{
	auto_json json_t *ids = json_array(), *o = NULL;

	for (size_t k = 0; k < i->n; k++) {
		char hex[HASH_HEX_LEN + 1];
		hash_sha256_hex(i->layers[k].tar.p, i->layers[k].tar.len, hex);
		auto_free char *id =
			xasprintf("sha256:%s", i->layers[k].diff_hex ? i->layers[k].diff_hex : hex);
		json_array_append_new(ids, json_string(id));
	}
	o = json_pack("{s:s, s:s, s:s, s:{s:s, s:O}}", "architecture", i->arch ? i->arch : "amd64", "os",
		"linux", "created", "2024-01-02T03:04:05Z", "rootfs", "type", "layers", "diff_ids", ids);
	if (i->config)
		json_object_set(o, "config", i->config);
	return json_dumps(o, JSON_COMPACT);
}

/* As `docker save` writes it, manifest.json last. */
static inline struct buf made_docker(const struct made_image *i, enum made_filter outer)
{
	struct tar *t = tar_new(outer);
	auto_free char *config = made_config(i), *config_name = NULL, *list = NULL;
	auto_json json_t *names = json_array(), *doc = NULL;
	char hex[HASH_HEX_LEN + 1];

	for (size_t k = 0; k < i->n; k++) {
		auto_buf struct buf stored = made_stored(&i->layers[k]);
		auto_free char *name = xasprintf("layer%zu/layer.tar", k);
		tar_bytes(t, name, stored.p, stored.len);
		json_array_append_new(names, json_string(name));
	}
	hash_sha256_hex(config, strlen(config), hex);
	config_name = xasprintf("%s.json", hex);
	tar_file(t, config_name, config);
	doc = json_pack("[{s:s, s:[s], s:O}]", "Config", config_name, "RepoTags", i->tag, "Layers", names);
	list = json_dumps(doc, JSON_COMPACT);
	tar_file(t, "manifest.json", list);
	return tar_end(t);
}

/* Puts a blob under its digest and returns its descriptor. */
static inline json_t *made_blob(struct tar *t, const char *type, const void *p, size_t n)
{
	char hex[HASH_HEX_LEN + 1];

	hash_sha256_hex(p, n, hex);
	auto_free char *name = xasprintf("blobs/sha256/%s", hex), *digest = xasprintf("sha256:%s", hex);
	tar_bytes(t, name, p, n);
	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest", digest, "size", (json_int_t)n);
}

/* Config, layers and manifest of one image; returns the manifest's descriptor. */
static inline json_t *made_oci_image(struct tar *t, const struct made_image *i)
{
	static const char *const types[] = { "application/vnd.oci.image.layer.v1.tar",
		"application/vnd.oci.image.layer.v1.tar+gzip",
		"application/vnd.oci.image.layer.v1.tar+zstd" };
	auto_free char *config = made_config(i), *text = NULL;
	auto_json json_t *layers = json_array(), *manifest = NULL;

	for (size_t k = 0; k < i->n; k++) {
		auto_buf struct buf stored = made_stored(&i->layers[k]);
		json_array_append_new(layers, made_blob(t, types[i->layers[k].filter], stored.p, stored.len));
	}
	manifest = json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType",
		"application/vnd.oci.image.manifest.v1+json", "config",
		made_blob(t, "application/vnd.oci.image.config.v1+json", config, strlen(config)), "layers",
		layers);
	text = json_dumps(manifest, JSON_COMPACT);
	return made_blob(t, "application/vnd.oci.image.manifest.v1+json", text, strlen(text));
}

/* Ends an OCI archive; takes the list of descriptors. */
static inline struct buf made_oci_end(struct tar *t, json_t *manifests)
{
	auto_json json_t *index = json_pack("{s:i, s:o}", "schemaVersion", 2, "manifests", manifests);
	auto_free char *text = json_dumps(index, JSON_COMPACT);

	tar_file(t, "index.json", text);
	tar_file(t, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	return tar_end(t);
}

static inline json_t *made_named(json_t *desc, const char *name)
{
	json_object_set_new(
		desc, "annotations", json_pack("{s:s}", "org.opencontainers.image.ref.name", name));
	return desc;
}

/* ------------------------------------------------------------------ files */

static inline int made_fd(const struct buf *b)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, b->p, b->len, 0) != (ssize_t)b->len)
		abort();
	return fd;
}

/* The same through a pipe, written by a child of ours: *ret_pid. */
static inline int made_pipe(const struct buf *b, pid_t *ret_pid)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0 || (*ret_pid = fork()) < 0)
		abort();
	if (*ret_pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(p[0]);
		for (size_t done = 0; done < b->len;) {
			ssize_t n = write(p[1], b->p + done, b->len - done);
			if (n < 0)
				_exit(1);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(p[1]);
	return p[0];
}
