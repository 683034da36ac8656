/* Archives that mean harm. Each is refused by name, nothing is written outside the store, and the store is as
 * it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/wait.h>

#include "../../../../src/image/image.h"
#include "../../../../src/pack/confine.h"
#include "../../../../src/pack/pack.h"
#include "../../../../src/util/proc.h"
#include "made.h"
#include "made_top.h"

static int set_up_victim(void **state)
{
	return set_up(state) < 0 ? -1 : path_write(top_fd, "victim", "safe", 4, 0644, 0, NULL);
}

static size_t count_names(const char *dir)
{
	auto_closedir DIR *d = fdopendir(openat(top_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	while (readdir(d))
		n++;
	return n - 2;
}

static int try_load(const struct buf *archive, bool piped, const struct pack_limits *limits, struct err *err)
{
	pid_t writer = 0;
	auto_close int fd = piped ? made_pipe(archive, &writer) : made_fd(archive);
	auto_free char *dir = xasprintf("%s/state", top);
	struct pack_load req = { dir, fd, "bad.tar", limits ? *limits : PACK_LIMITS, NULL, NULL };
	int r = pack_load(&req, err);

	close(take_fd(&fd));
	if (piped)
		assert_int_equal(waitpid(writer, NULL, 0), writer);
	return r;
}

static void refused_as(const struct buf *archive, bool piped, const struct pack_limits *limits, const char *words)
{
	auto_err struct err err = ERR_INIT;
	auto_buf struct buf victim = BUF_INIT;

	if (try_load(archive, piped, limits, &err) == 0)
		fail_msg("it was loaded; expected: %s", words);
	if (!strstr(err_msg(&err), words) || !str_starts(err_msg(&err), "load 'bad.tar': "))
		fail_msg("expected '%s' in: %s", words, err_msg(&err));
	assert_int_equal(count_names("state/images/layers"), 0);
	assert_int_equal(count_names("state/images/blobs/sha256"), 0);
	assert_int_equal(count_names("state/images/partial"), 0);
	assert_int_equal(count_names("state/images"), 6); /* .lock, index.json, blobs, layers, l, partial */
	assert_int_equal(count_names("."), 2);
	assert_int_equal(path_read(top_fd, "victim", 100, &victim, NULL), 0);
	assert_string_equal(victim.p, "safe");
}

/* Refused with a message that has these words, and nothing else happened: as a file, of which what is needed is read, and through a pipe. */
static void refused(const struct buf *archive, const struct pack_limits *limits, const char *words)
{
	refused_as(archive, false, limits, words);
	refused_as(archive, true, limits, words);
}

static struct buf around(struct tar *t, const char *diff_hex, enum made_filter f)
{
	struct made_layer layer = { tar_end(t), f, diff_hex };
	struct made_image made = { "bad", NULL, NULL, &layer, 1 };
	struct buf archive = made_docker(&made, M_PLAIN);

	buf_done(&layer.tar);
	return archive;
}

/* ------------------------------------------------------------------ names */

static void layer_refused(struct tar *t, const char *words)
{
	auto_buf struct buf archive = around(t, NULL, M_PLAIN);

	refused(&archive, NULL, words);
}

static void test_names(void **state)
{
	auto_free char *deep = xcalloc(1, 1000), *part = xcalloc(1, 300), *wide = xcalloc(1, 5000);
	struct tar *t;

	t = tar_new(M_PLAIN);
	tar_file(t, "../../../../victim", "evil");
	layer_refused(t, "entry '../../../../victim' is refused: its name has a '..'");
	t = tar_new(M_PLAIN);
	tar_file(t, "a/../../b", "evil");
	layer_refused(t, "its name has a '..'");
	for (int i = 0; i < 300; i++)
		memcpy(deep + 2 * i, "d/", 2);
	t = tar_new(M_PLAIN);
	tar_dir(t, deep);
	layer_refused(t, "more than 256 directories deep");
	memset(part, 'x', 299);
	t = tar_new(M_PLAIN);
	tar_file(t, part, "");
	layer_refused(t, "a part of its name is longer than 255 bytes");
	for (int i = 0; i < 24; i++) {
		memset(wide + 200 * i, 'w', 199);
		wide[200 * i + 199] = '/';
	}
	t = tar_new(M_PLAIN);
	tar_dir(t, wide);
	layer_refused(t, "its name is longer than 4095 bytes");
	t = tar_new(M_PLAIN);
	tar_file(t, "esc\x1b[31m/..", "");
	layer_refused(t, "entry 'esc\\x1b[31m/..' is refused");
}

static void test_links(void **state)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_symlink(t, "out", top);
	tar_file(t, "out/victim", "evil");
	layer_refused(
		t, "entry 'out/victim': it goes through 'out', which is a symbolic link in the same layer");
	t = tar_new(M_PLAIN);
	tar_dir(t, "a");
	tar_symlink(t, "a/up", "../../../../../..");
	tar_file(t, "a/up/tmp/evil", "evil");
	layer_refused(t, "it goes through 'a/up'");
	t = tar_new(M_PLAIN);
	tar_symlink(t, "loop", "loop");
	tar_file(t, "loop/f", "evil");
	layer_refused(t, "it goes through 'loop'");
	t = tar_new(M_PLAIN);
	tar_file(t, "f", "x");
	tar_file(t, "f/g", "evil");
	layer_refused(t, "it goes through 'f', which is not a directory");
	t = tar_new(M_PLAIN);
	tar_symlink(t, "out", top);
	tar_file(t, "out/.wh.victim", "");
	layer_refused(t, "it goes through 'out'");
	t = tar_new(M_PLAIN);
	tar_symlink(t, "out", top);
	tar_file(t, "out/.wh..wh..opq", "");
	layer_refused(t, "it goes through 'out'");
}

static void test_hard_links(void **state)
{
	auto_free char *victim = xasprintf("%s/victim", top);
	struct tar *t = tar_new(M_PLAIN);

	tar_hardlink(t, "mine", victim);
	layer_refused(t, "entry 'mine': it is a hard link to '/tmp/hostile_test-");
	t = tar_new(M_PLAIN);
	tar_hardlink(t, "mine", "../../../../etc/passwd");
	layer_refused(
		t, "entry 'mine': hard link: entry '../../../../etc/passwd' is refused: its name has a '..'");
	t = tar_new(M_PLAIN);
	tar_symlink(t, "out", top);
	tar_hardlink(t, "mine", "out/victim");
	layer_refused(t, "it is a hard link to 'out/victim', which is no file in the same layer");
	t = tar_new(M_PLAIN);
	tar_dir(t, "d");
	tar_hardlink(t, "mine", "d");
	layer_refused(t, "it is a hard link to 'd', which is no file in the same layer");
	t = tar_new(M_PLAIN);
	tar_hardlink(t, "mine", "later");
	tar_file(t, "later", "x");
	layer_refused(t, "it is a hard link to 'later'");
}

static void test_odd_entries(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct archive_entry *e;
	auto_free char *value = xcalloc(1, 70000);

	tar_file(t, "d/.wh.", "");
	layer_refused(t, "it is a whiteout of nothing");
	t = tar_new(M_PLAIN);
	tar_file(t, "d/.wh...", "");
	layer_refused(t, "it is a whiteout of nothing");
	t = tar_new(M_PLAIN);
	e = tar_entry("./.", AE_IFIFO, 0600);
	tar_put(t, e, NULL, 0);
	layer_refused(t, "the top of a layer is not a directory");
	t = tar_new(M_PLAIN);
	e = tar_entry("f", AE_IFREG, 0600);
	archive_entry_set_uid(e, 4294967295);
	tar_put(t, e, NULL, 0);
	layer_refused(t, "its owner is not a number from 0 to 4294967294");
	t = tar_new(M_PLAIN);
	e = tar_entry("f", AE_IFREG, 0600);
	archive_entry_xattr_add_entry(e, "user.big", value, 70000);
	tar_put(t, e, NULL, 0);
	layer_refused(t, "its extended attributes are more than 64 KiB");
}

/* ------------------------------------------------------------------ sizes */

static void test_bomb(void **state)
{
	const struct pack_limits limits = { .entries = 100, .bytes = 1 << 20, .file = 1 << 30 };
	auto_free char *zeros = xcalloc(1, 8 << 20);

	for (int f = M_GZIP; f <= M_ZSTD; f++) {
		struct tar *t = tar_new(M_PLAIN);
		tar_bytes(t, "zeros", zeros, 8 << 20);
		auto_buf struct buf archive = around(t, NULL, (enum made_filter)f);
		assert_true(archive.len < 1 << 20);
		refused(&archive, &limits, "the archive is larger than 1048576 bytes unpacked");
		/* and the same around the whole */
		auto_buf struct buf outer = made_compress(&archive, M_GZIP);
		refused(&outer, &limits, "the archive is larger than 1048576 bytes unpacked");
	}
}

/* After the end mark of the tar nothing is unpacked, but it is still read to be hashed. */
static void test_bomb_behind_the_end(void **state)
{
	const struct pack_limits limits = { .entries = 100, .bytes = 1 << 20, .file = 1 << 30 };
	auto_free char *zeros = xcalloc(1, 8 << 20);
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer = { .filter = M_GZIP };
	struct made_image made = { "bad", NULL, NULL, &layer, 1 };

	tar_file(t, "f", "x");
	layer.tar = tar_end(t);
	buf_add(&layer.tar, zeros, 8 << 20);
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	refused(&archive, &limits, "the archive is larger than 1048576 bytes unpacked");
	buf_done(&layer.tar);
}

static void test_too_many_entries(void **state)
{
	const struct pack_limits limits = { .entries = 100, .bytes = 1 << 20, .file = 1 << 30 };
	struct tar *t = tar_new(M_PLAIN);

	for (int i = 0; i < 101; i++)
		tar_dir(t, "d");
	auto_buf struct buf archive = around(t, NULL, M_PLAIN);
	refused(&archive, &limits, "entry 'd/': the layer has more than 100 entries");
}

/* A long name is many directories, though it is one entry. */
static void test_too_many_implied(void **state)
{
	const struct pack_limits limits = { .entries = 100, .bytes = 1 << 20, .file = 1 << 30 };
	struct tar *t = tar_new(M_PLAIN);

	for (int i = 0; i < 10; i++) {
		auto_free char *name = xasprintf("%d/a/b/c/d/e/f/g/h/i/j", i);
		tar_file(t, name, "");
	}
	auto_buf struct buf archive = around(t, NULL, M_PLAIN);
	refused(&archive, &limits, "entry '9/a/b/c/d/e/f/g/h/i/j': the layer has more than 100 entries");
}

/* ------------------------------------------------------------------ damage and lies */

#define WRONG "00000000000000000000000000000000000000000000000000000000deadbeef"

static void test_wrong_diff_id(void **state)
{
	for (int f = M_PLAIN; f <= M_ZSTD; f++) {
		struct tar *t = tar_new(M_PLAIN);
		tar_file(t, "f", "x");
		auto_buf struct buf archive = around(t, WRONG, (enum made_filter)f);
		refused(&archive, NULL, "not what the image's config says (sha256:" WRONG ")");
	}
}

static void test_every_truncation(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer;
	struct made_image made = { "bad", NULL, NULL, &layer, 1 };
	size_t cuts = 0;

	tar_file(t, "f", "some content that is a little longer");
	layer = (struct made_layer){ tar_end(t), M_GZIP, NULL };
	auto_buf struct buf whole = made_docker(&made, M_GZIP);
	for (size_t n = 1; n < whole.len - 8; n += whole.len / 40) {
		struct buf cut = { whole.p, n, n };
		refused(&cut, NULL, "");
		cuts++;
	}
	assert_true(cuts >= 40);
	buf_done(&layer.tar);
}

static void test_flipped_bytes(void **state)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, "f", "some content");
	auto_buf struct buf archive = around(t, NULL, M_PLAIN);
	char *content = memmem(archive.p, archive.len, "some content", 12);
	assert_non_null(content);
	content[3] ^= 1;
	refused(&archive, NULL, "its content is sha256:");
}

/* Under a name that is not theirs, and the manifest says the same: a good layer, and a damaged one. The name is what is wrong. */
static void test_compressed_blobs_under_a_wrong_name(void **state)
{
	for (int damaged = 0; damaged < 2; damaged++) {
		struct tar *l = tar_new(M_PLAIN), *t = tar_new(M_PLAIN);
		tar_file(l, "f", "some content");
		struct made_layer layer = { tar_end(l), M_GZIP, NULL };
		struct made_image made = { "bad", NULL, NULL, &layer, 1 };
		auto_buf struct buf packed = made_stored(&layer);
		auto_free char *config = made_config(&made), *text = NULL;
		auto_json json_t *manifest = json_pack("{s:i, s:o, s:[{s:s, s:s, s:i}]}", "schemaVersion", 2, "config",
			made_blob(t, "application/vnd.oci.image.config.v1+json", config, strlen(config)), "layers", "mediaType",
			"application/vnd.oci.image.layer.v1.tar+gzip", "digest", "sha256:" WRONG, "size", (int)packed.len);
		packed.p[packed.len / 2] ^= (char)damaged;
		tar_bytes(t, "blobs/sha256/" WRONG, packed.p, packed.len);
		text = json_dumps(manifest, JSON_COMPACT);
		auto_buf struct buf archive =
			made_oci_end(t, json_pack("[o]", made_blob(t, "application/vnd.oci.image.manifest.v1+json", text, strlen(text))));
		refused(&archive, NULL, "blob 'sha256:" WRONG "' has other content than its name says");
		buf_done(&layer.tar);
	}
}

static void test_config_under_a_wrong_name(void **state)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, WRONG ".json", "{\"rootfs\":{\"diff_ids\":[]}}");
	tar_file(t, "manifest.json", "[{\"Config\":\"" WRONG ".json\",\"RepoTags\":null,\"Layers\":[]}]");
	auto_buf struct buf archive = tar_end(t);
	refused(&archive, NULL, "config '" WRONG ".json' has other content than its name says: sha256:");
}

static void test_oci_lies(void **state)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, "blobs/sha256/" WRONG, "{}");
	auto_buf struct buf other =
		made_oci_end(t, json_pack("[{s:s, s:i}]", "digest", "sha256:" WRONG, "size", 2));
	refused(&other, NULL, "blob 'sha256:" WRONG "' has other content than its name says");

	t = tar_new(M_PLAIN);
	auto_buf struct buf missing =
		made_oci_end(t, json_pack("[{s:s, s:i}]", "digest", "sha256:" WRONG, "size", 2));
	refused(&missing, NULL, "blob 'sha256:" WRONG "' is missing from the archive");

	t = tar_new(M_PLAIN);
	json_t *desc = made_blob(t, "application/vnd.oci.image.manifest.v1+json", "{}", 2);
	json_object_set_new(desc, "size", json_integer(3));
	auto_buf struct buf size = made_oci_end(t, json_pack("[o]", desc));
	refused(&size, NULL, "has 2 bytes, its descriptor says 3");

	t = tar_new(M_PLAIN);
	auto_buf struct buf digest =
		made_oci_end(t, json_pack("[{s:s, s:i}]", "digest", "sha256:../../x", "size", 2));
	refused(&digest, NULL, "'sha256:../../x' is not a SHA-256 digest");

	t = tar_new(M_PLAIN);
	auto_buf struct buf none = made_oci_end(t, json_array());
	refused(&none, NULL, "the archive holds no image");
}

/* An index that leads to itself cannot be made (it would have to have its own hash), one that is nested deep
 * can. */
static void test_nested_indexes(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	json_t *desc = made_blob(t, "x", "{}", 2);

	for (int i = 0; i < 10; i++) {
		auto_json json_t *index = json_pack("{s:[o]}", "manifests", desc);
		auto_free char *text = json_dumps(index, JSON_COMPACT);
		desc = made_blob(t, "application/vnd.oci.image.index.v1+json", text, strlen(text));
	}
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o]", desc));
	refused(&archive, NULL, "an index is nested too deep");
}

static void test_manifest_json(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "manifest.json is not a list" },
		{ "[1]", "manifest.json is not valid" },
		{ "[{}]", "manifest.json names a file by something that is not a string" },
		{ "[{\"Config\":\"../c\"}]", "its name has a '..'" },
		{ "[{\"Config\":\"nowhere\"}]",
			"manifest.json names 'nowhere', which is missing from the archive" },
		{ "[{\"Config\":\"loop1\"}]", "manifest.json names 'loop1', which is missing" },
		{ "[{\"Config\":\"bad\"}]", "image config" },
		{ "[{\"Config\":\"c\",\"Layers\":[\"l\"]}]", "its manifest 1" },
		{ "[{\"Config\":\"typed\"}]", "'Cmd' is not a list" },
		{ "[{\"Config\":\"ids\"}]", "a diff_id that is not a SHA-256 digest" },
		{ "[{\"Config\":\"windows\"}]", "is for windows, not for linux" },
		{ "[", "manifest.json" },
		{ "[]", "the archive holds no image" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct tar *t = tar_new(M_PLAIN);
		tar_symlink(t, "loop1", "loop2");
		tar_symlink(t, "loop2", "loop1");
		tar_file(t, "bad", "[1,2");
		tar_file(t, "c", "{\"rootfs\":{\"diff_ids\":[]}}");
		tar_file(t, "typed", "{\"config\":{\"Cmd\":{}},\"rootfs\":{\"diff_ids\":[]}}");
		tar_file(t, "ids", "{\"rootfs\":{\"diff_ids\":[\"sha256:../..\"]}}");
		tar_file(t, "windows", "{\"os\":\"windows\",\"rootfs\":{\"diff_ids\":[]}}");
		tar_file(t, "l", "");
		tar_file(t, "manifest.json", cases[i][0]);
		auto_buf struct buf archive = tar_end(t);
		refused(&archive, NULL, cases[i][1]);
	}
}

/* Two layers in `images` images, `layers` times in each; the first eight say which image it is, so that the rest is on another base. */
static struct buf many_times(size_t images, size_t layers)
{
	struct tar *t = tar_new(M_PLAIN);
	auto_buf struct buf list = BUF_INIT;
	char hex[2][HASH_HEX_LEN + 1];

	for (size_t i = 0; i < 2; i++) {
		struct tar *inner = tar_new(M_PLAIN);

		tar_file(inner, i ? "one" : "zero", "x");
		auto_buf struct buf layer = tar_end(inner);
		hash_sha256_hex(layer.p, layer.len, hex[i]);
		tar_bytes(t, i ? "1" : "0", layer.p, layer.len);
	}
	for (size_t i = 0; i < images; i++) {
		auto_buf struct buf config = BUF_INIT;
		auto_free char *name = xasprintf("c%zu", i);

		buf_printf(&config, "{\"author\":\"%zu\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[", i);
		buf_printf(&list, "%c{\"Config\":\"%s\",\"Layers\":[", i ? ',' : '[', name);
		for (size_t k = 0; k < layers; k++) {
			size_t which = k < 8 ? i >> k & 1 : 0;

			buf_printf(&config, "%s\"sha256:%s\"", k ? "," : "", hex[which]);
			buf_printf(&list, "%s\"%zu\"", k ? "," : "", which);
		}
		buf_str(&config, "]}}");
		buf_str(&list, "]}");
		tar_file(t, name, config.p);
	}
	buf_char(&list, ']');
	tar_file(t, "manifest.json", list.p);
	return tar_end(t);
}

static void test_few_layers_many_times(void **state)
{
	auto_buf struct buf many = many_times(101, 500), different = many_times(18, 500);

	refused(&many, NULL, "its images have more than 50000 layers together");
	refused_as(&different, false, NULL, "it has more than 8192 different layers");
}

static void test_no_archive_at_all(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct buf text = { 0 }, empty = { 0 };
	auto_free char *noise = xmalloc(100000);

	tar_file(t, "f", "x");
	auto_buf struct buf other = tar_end(t);
	refused(&other, NULL,
		"it is no image archive: it has neither manifest.json nor oci-layout and index.json");
	buf_str(&text, "this is a text, and not a tar archive at all\n");
	refused(&text, NULL, "it is not a tar archive, neither plain nor compressed with gzip or zstd");
	buf_done(&text);
	refused(&empty, NULL, "it is no image archive");
	for (size_t i = 0; i < 100000; i++)
		noise[i] = (char)(i * 2654435761u >> 13);
	struct buf b = { noise, 100000, 100000 };
	refused(&b, NULL, "it is not a tar archive");
}

/* ------------------------------------------------------------------ the cell itself */

static int outside_fd, kept;

/* What it makes belongs to root, whoever it is itself. */
static bool makes_files_of_root(void)
{
	struct stat st;
	int fd = open("/mine", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && st.st_gid == getegid();
}

static int in_the_cell(void *arg, json_t **ret, struct err *err)
{
	json_t *o = json_object();

	if (confine(top_fd, "cell", CONFINE_UNPACK, &kept, 1, err) < 0)
		return -1;
	jx_set_bool(o, "outside", access(top, F_OK) == 0);
	jx_set_bool(o, "proc", access("/proc/self", F_OK) == 0);
	jx_set_bool(o, "dirfd", openat(top_fd, "victim", O_RDONLY | O_CLOEXEC) >= 0);
	jx_set_bool(o, "up", open("../../victim", O_RDONLY | O_CLOEXEC) >= 0);
	jx_set_bool(o, "node", mknod("/null", S_IFCHR | 0666, 0x103) == 0);
	jx_set_bool(o, "node_opens", open("/null", O_RDONLY | O_CLOEXEC) >= 0);
	jx_set_bool(o, "chroot", chroot("/") == 0);
	jx_set_bool(o, "setuid", setuid(1) == 0);
	jx_set_bool(o, "signal", kill(getppid(), 0) == 0);
	jx_set_bool(o, "child", fork() >= 0);
	jx_set_bool(o, "inherited", fcntl(outside_fd, F_GETFD) >= 0);
	jx_set_bool(o, "kept", fcntl(kept, F_GETFD) >= 0);
	jx_set_bool(o, "session", getsid(0) == getpid());
	jx_set_bool(o, "roots", makes_files_of_root());
	*ret = o;
	return 0;
}

static void test_the_cell_has_no_way_out(void **state)
{
	auto_json json_t *o = NULL;
	auto_err struct err err = ERR_INIT;

	assert_true((outside_fd = openat(top_fd, "victim", O_RDWR | O_CLOEXEC)) >= 0);
	assert_true((kept = openat(top_fd, "victim", O_RDONLY | O_CLOEXEC)) >= 0);
	assert_int_equal(mkdirat(top_fd, "cell", 0755), 0);
	if (worker_run(in_the_cell, NULL, 10000, &o, &err) < 0)
		fail_msg("%s", err_msg(&err));
	assert_false(jx_bool(o, "outside", true));
	assert_false(jx_bool(o, "proc", true));
	assert_false(jx_bool(o, "dirfd", true));
	assert_false(jx_bool(o, "up", true));
	assert_true(jx_bool(o, "node", false));	      /* images have devices… */
	assert_false(jx_bool(o, "node_opens", true)); /* …but nobody in here can use one */
	assert_false(jx_bool(o, "chroot", true));
	assert_false(jx_bool(o, "setuid", true));
	assert_false(jx_bool(o, "signal", true));
	assert_false(jx_bool(o, "child", true));
	assert_false(jx_bool(o, "inherited", true));
	assert_true(jx_bool(o, "kept", false));
	assert_true(jx_bool(o, "session", false)); /* without a terminal */
	assert_true(jx_bool(o, "roots", false));
	close(outside_fd);
	close(kept);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up_victim, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_names),
		T(test_links),
		T(test_hard_links),
		T(test_odd_entries),
		T(test_bomb),
		T(test_bomb_behind_the_end),
		T(test_too_many_entries),
		T(test_too_many_implied),
		T(test_wrong_diff_id),
		T(test_every_truncation),
		T(test_flipped_bytes),
		T(test_compressed_blobs_under_a_wrong_name),
		T(test_config_under_a_wrong_name),
		T(test_oci_lies),
		T(test_nested_indexes),
		T(test_manifest_json),
		T(test_few_layers_many_times),
		T(test_no_archive_at_all),
		T(test_the_cell_has_no_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
