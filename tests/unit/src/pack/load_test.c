#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "../../../../src/image/image.h"
#include "../../../../src/pack/choose.h"
#include "../../../../src/pack/pack.h"
#include "../../../../src/util/clock.h"
#include "made.h"
#include "made_top.h"

/* ------------------------------------------------------------------ helpers */

static const char *host_arch(void)
{
	static struct platform host;

	platform_host(&host);
	return host.arch;
}

static void collect(void *arg, const json_t *ev)
{
	auto_json json_t *copy = json_deep_copy(ev);

	json_array_append(arg, copy);
}

static int load_fd(int fd, json_t *events, struct err *err)
{
	struct pack_load req = { top, fd, "test.tar", PACK_LIMITS, collect, events };

	return pack_load(&req, err);
}

static json_t *load(const struct buf *archive)
{
	auto_close int fd = made_fd(archive);
	auto_err struct err err = ERR_INIT;
	json_t *events = json_array();

	if (load_fd(fd, events, &err) < 0)
		fail_msg("%s", err_msg(&err));
	return events;
}

static size_t count_events(const json_t *events, const char *ev, const char *key, const char *value)
{
	const json_t *e;
	size_t i, n = 0;

	json_array_foreach(events, i, e)
		n += str_eq(jx_str(e, "ev"), ev) && (!key || str_eq(jx_str(e, key), value));
	return n;
}

static struct image *find(const char *name)
{
	auto_err struct err err = ERR_INIT;
	struct image_store *s;
	struct image *i;

	assert_int_equal(image_store_open(top, &s, &err), 0);
	if (image_find(s, name, NULL, &i, &err) < 0)
		fail_msg("%s", err_msg(&err));
	image_store_close(s);
	return i;
}

/* The path of a name in layer n of an image, below top. */
static char *inside(const struct image *i, size_t n, const char *name)
{
	return xasprintf("images/layers/%s/%s", i->layers.v[n], name);
}

static struct stat look(const struct image *i, size_t n, const char *name)
{
	auto_free char *path = inside(i, n, name);
	struct stat st;

	if (fstatat(top_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", name, strerror(errno));
	return st;
}

static void check_text(const struct image *i, size_t n, const char *name, const char *want)
{
	auto_free char *path = inside(i, n, name);
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	if (path_read(top_fd, path, 1 << 20, &b, &err) < 0)
		fail_msg("%s", err_msg(&err));
	assert_string_equal(b.p ? b.p : "", want);
}

static bool opaque(const struct image *i, size_t n, const char *name)
{
	auto_free char *path = inside(i, n, name);
	auto_close int fd = openat(top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char value[2];

	return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

static bool clean_dir(const char *name)
{
	auto_closedir DIR *d = fdopendir(openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	while ((e = readdir(d)))
		if (str_starts(e->d_name, ".load-") || str_starts(e->d_name, ".tmp-"))
			return false;
	return true;
}

/* Nothing half made is there. */
static bool no_stage(void)
{
	return clean_dir("images") && clean_dir("images/layers") && clean_dir("images/blobs/sha256");
}

static struct made_layer simple_layer(const char *name, const char *text, enum made_filter f)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, name, text);
	return (struct made_layer){ tar_end(t), f, NULL };
}

static void layers_done(struct made_layer *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_done(&l[i].tar);
}

/* ------------------------------------------------------------------ what an image is */

static void test_docker_archive(void **state)
{
	auto_json json_t *config =
		json_pack("{s:[s,s], s:[s], s:s, s:s, s:{s:{}}, s:{s:{}}, s:[s,s], s:{s:s}}", "Env", "A=1",
			"broken", "Cmd", "serve", "User", "app", "WorkingDir", "/w", "Volumes", "/data",
			"ExposedPorts", "80/tcp", "Entrypoint", "/e", "--x", "Labels", "k", "v");
	struct made_layer layers[] = { simple_layer("a", "one", M_PLAIN),
		simple_layer("b", "three", M_PLAIN) };
	struct made_image made = { "app:1", NULL, config, layers, 2 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);
	struct image *i;

	assert_int_equal(count_events(events, "loaded", "ref", "docker.io/library/app:1"), 1);
	assert_int_equal(count_events(events, "layer", "state", "unpacked"), 2);
	i = find("app:1");
	assert_int_equal(i->layers.n, 2);
	assert_int_equal(i->size_bytes, 8);
	assert_true(i->pulled_ns > 1600000000 * SEC_NS && i->pulled_ns <= clock_wall_ns());
	assert_string_equal(i->ref, "docker.io/library/app:1");
	assert_int_equal(count_events(events, "loaded", "id", i->id), 1);
	assert_int_equal(i->env.n, 1);
	assert_string_equal(i->env.v[0], "A=1");
	assert_true(i->entrypoint_set && i->cmd_set);
	assert_string_equal(i->entrypoint.v[1], "--x");
	assert_string_equal(i->cmd.v[0], "serve");
	assert_string_equal(i->user, "app");
	assert_string_equal(i->working_dir, "/w");
	assert_string_equal(i->volumes.v[0], "/data");
	assert_string_equal(i->exposed_ports.v[0], "80/tcp");
	assert_string_equal(jx_str(i->labels, "k"), "v");
	check_text(i, 0, "a", "one");
	check_text(i, 1, "b", "three");
	assert_true(no_stage());
	image_free(i);
	layers_done(layers, 2);
}

static void test_every_compression(void **state)
{
	for (int outer = M_PLAIN; outer <= M_ZSTD; outer++) {
		for (int inner = M_PLAIN; inner <= M_ZSTD; inner++) {
			auto_free char *tag = xasprintf("c:%d%d", outer, inner),
				       *oci_tag = xasprintf("%s-oci", tag);
			struct made_layer layer = simple_layer("f", tag, (enum made_filter)inner);
			struct made_image made = { tag, NULL, NULL, &layer, 1 };
			auto_buf struct buf docker = made_docker(&made, (enum made_filter)outer);
			struct tar *t = tar_new((enum made_filter)outer);
			json_t *desc = made_named(made_oci_image(t, &made), oci_tag);
			auto_buf struct buf oci = made_oci_end(t, json_pack("[o]", desc));
			auto_json json_t *first = load(&oci), *second = load(&docker);
			struct image *a = find(oci_tag), *b = find(tag);

			assert_int_equal(count_events(first, "layer", "state", "unpacked"), 1);
			assert_int_equal(count_events(second, "layer", "state", "present"), 1);
			check_text(a, 0, "f", tag);
			assert_string_equal(a->id, b->id);
			image_free(a);
			image_free(b);
			layers_done(&layer, 1);
		}
	}
}

/* Compressors that write in parallel make many members; gunzip and zstd take them as one stream, so must we.
 */
static void test_many_compressed_members(void **state)
{
	for (int f = M_GZIP; f <= M_ZSTD; f++) {
		struct made_layer layer = simple_layer("f", "members", M_PLAIN);
		struct buf half1 = { layer.tar.p, 512, 512 },
			   half2 = { layer.tar.p + 512, layer.tar.len - 512, 0 };
		struct made_image made = { "members", NULL, NULL, &layer, 1 };
		auto_buf struct buf packed = made_compress(&half1, (enum made_filter)f);
		auto_buf struct buf rest = made_compress(&half2, (enum made_filter)f);
		struct tar *t = tar_new(M_PLAIN);
		auto_free char *config = made_config(&made);

		buf_add(&packed, rest.p, rest.len);
		tar_bytes(t, "l.tar", packed.p, packed.len);
		tar_file(t, "c", config);
		tar_file(t, "manifest.json",
			"[{\"Config\":\"c\",\"RepoTags\":[\"members\"],\"Layers\":[\"l.tar\"]}]");
		auto_buf struct buf archive = tar_end(t);
		auto_json json_t *events = load(&archive);
		struct image *i = find("members");
		check_text(i, 0, "f", "members");
		image_free(i);
		layers_done(&layer, 1);
	}
}

static void test_from_a_pipe(void **state)
{
	struct made_layer layer = simple_layer("f", "piped", M_PLAIN);
	struct made_image made = { "piped", NULL, NULL, &layer, 1 };
	auto_buf struct buf archive = made_docker(&made, M_GZIP);
	auto_json json_t *events = json_array();
	auto_err struct err err = ERR_INIT;
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		for (size_t at = 0; at < archive.len; at++) /* in the smallest pieces there are */
			if (write(p[1], archive.p + at, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(p[1]);
	if (load_fd(p[0], events, &err) < 0)
		fail_msg("%s", err_msg(&err));
	close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(count_events(events, "loaded", NULL, NULL), 1);
	layers_done(&layer, 1);
}

static void test_image_without_layers(void **state)
{
	struct made_image made = { "nothing", NULL, NULL, NULL, 0 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);
	struct image *i = find("nothing");

	assert_int_equal(i->layers.n, 0);
	image_free(i);
}

/* ------------------------------------------------------------------ what is in a layer */

static void add_special(struct tar *t)
{
	struct archive_entry *e = tar_entry("bin/su", AE_IFREG, 04755);

	archive_entry_set_uid(e, 70000);
	archive_entry_set_gid(e, 80000);
	archive_entry_set_mtime(e, 1234567890, 123456789);
	tar_put(t, e, NULL, 0);
	e = tar_entry("dev/sda", AE_IFBLK, 0660);
	archive_entry_set_rdevmajor(e, 8);
	archive_entry_set_rdevminor(e, 300);
	tar_put(t, e, NULL, 0);
	tar_put(t, tar_entry("fifo", AE_IFIFO, 0600), NULL, 0);
	e = tar_entry("old-time", AE_IFLNK, 0777);
	archive_entry_set_symlink(e, "/nowhere/at all");
	archive_entry_set_uid(e, 5);
	tar_put(t, e, NULL, 0);
}

static void add_attributes(struct tar *t)
{
	static const unsigned char cap[] = { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct archive_entry *e = tar_entry("bin/ping", AE_IFREG, 0755);

	archive_entry_set_uid(e, 1);
	archive_entry_xattr_add_entry(e, "security.capability", cap, sizeof cap);
	archive_entry_xattr_add_entry(e, "user.note", "hi", 2);
	archive_entry_xattr_add_entry(e, "trusted.overlay.redirect", "/etc", 4);
	archive_entry_xattr_add_entry(e, "user.overlay.opaque", "y", 1);
	tar_put(t, e, NULL, 0);
}

static ssize_t xattr_of(const struct image *i, const char *name, const char *attr, char *value, size_t n)
{
	auto_free char *path = inside(i, 0, name);
	auto_close int fd = openat(top_fd, path, O_RDONLY | O_CLOEXEC);

	return fgetxattr(fd, attr, value, n);
}

static void test_all_kinds_of_entry(void **state)
{
	auto_free char *deep = xcalloc(1, 400);
	struct tar *t = tar_new(M_PLAIN);
	struct archive_entry *e = tar_entry("./", AE_IFDIR, 01750);
	struct made_layer layer = { 0 };
	struct made_image made = { "kinds", NULL, NULL, &layer, 1 };
	struct image *i;
	struct stat st, other;
	char value[64];

	tar_put(t, e, NULL, 0);
	memset(deep, 'n', 200);
	memcpy(deep + 200, "/file", 6);
	tar_dir(t, "usr/");
	tar_file(t, "usr/share/doc", "implicit parent");
	tar_file(t, deep, "long name");
	tar_file(t, "\xc3\xa9t\xc3\xa9", "accents");
	tar_file(t, "/absolute", "taken as relative");
	tar_hardlink(t, "hard", "./usr/share/doc");
	add_special(t);
	add_attributes(t);
	layer.tar = tar_end(t);
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);

	i = find("kinds");
	assert_int_equal(look(i, 0, "").st_mode & 07777, 01750);
	st = look(i, 0, "usr");
	assert_int_equal(st.st_mtime, 1000000000); /* though files were put in later */
	check_text(i, 0, deep, "long name");
	check_text(i, 0, "\xc3\xa9t\xc3\xa9", "accents");
	check_text(i, 0, "absolute", "taken as relative");
	st = look(i, 0, "usr/share/doc");
	other = look(i, 0, "hard");
	assert_true(st.st_ino == other.st_ino);
	st = look(i, 0, "bin/su");
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(st.st_uid, 70000);
	assert_int_equal(st.st_gid, 80000);
	assert_int_equal(st.st_mtim.tv_sec, 1234567890);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	st = look(i, 0, "dev/sda");
	assert_int_equal(st.st_mode, S_IFBLK | 0660);
	assert_true(st.st_rdev == makedev(8, 300));
	assert_int_equal(look(i, 0, "fifo").st_mode, S_IFIFO | 0600);
	st = look(i, 0, "old-time");
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(xattr_of(i, "bin/ping", "security.capability", value, sizeof value), 20);
	assert_int_equal(xattr_of(i, "bin/ping", "user.note", value, sizeof value), 2);
	assert_int_equal(xattr_of(i, "bin/ping", "trusted.overlay.redirect", value, sizeof value), -1);
	assert_int_equal(xattr_of(i, "bin/ping", "user.overlay.opaque", value, sizeof value), -1);
	image_free(i);
	layers_done(&layer, 1);
}

static void test_whiteouts(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer = { 0 };
	struct made_image made = { "wh", NULL, NULL, &layer, 1 };
	struct image *i;

	tar_file(t, "etc/.wh.gone", "");
	tar_file(t, "deep/er/.wh.gone", "");
	tar_dir(t, "opaque");
	tar_file(t, "opaque/.wh..wh..opq", "");
	tar_file(t, "opaque/new", "n");
	tar_file(t, "made/.wh..wh..opq", "");
	tar_file(t, ".wh.both",
		""); /* a whiteout, then the name itself: a new directory, nothing from below */
	tar_file(t, "both/f", "n");
	tar_dir(t, "other"); /* the other way round says the same */
	tar_file(t, ".wh.other", "");
	tar_file(t, "kept", "k");
	tar_file(t, ".wh.kept", "");
	tar_file(t, "b\xff%41/.wh..wh..opq", "");
	tar_file(t, ".wh..wh.plnk/1.2", "");
	layer.tar = tar_end(t);
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);

	i = find("wh");
	assert_true(S_ISCHR(look(i, 0, "etc/gone").st_mode) && look(i, 0, "etc/gone").st_rdev == 0);
	assert_true(S_ISCHR(look(i, 0, "deep/er/gone").st_mode));
	assert_true(opaque(i, 0, "opaque"));
	check_text(i, 0, "opaque/new", "n");
	assert_true(opaque(i, 0, "made"));
	assert_true(opaque(i, 0, "both"));
	assert_true(opaque(i, 0, "other"));
	assert_true(opaque(i, 0, "b\xff%41"));
	assert_false(opaque(i, 0, "etc"));
	check_text(i, 0, "kept", "k");
	auto_free char *meta = inside(i, 0, ".wh..wh.plnk");
	assert_int_equal(faccessat(top_fd, meta, F_OK, AT_SYMLINK_NOFOLLOW), -1);
	image_free(i);
	layers_done(&layer, 1);
}

static void test_the_later_entry_wins(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer = { 0 };
	struct made_image made = { "later", NULL, NULL, &layer, 1 };
	struct image *i;

	tar_file(t, "f", "first");
	tar_file(t, "f", "second");
	tar_file(t, "d/e/f", "x");
	tar_file(t, "d", "a file now");
	tar_symlink(t, "l", "/etc");
	tar_dir(t, "l");
	tar_file(t, "l/inside", "x");
	tar_symlink(t, "s", "/etc/passwd");
	tar_file(t, "s", "no link now");
	tar_file(t, "h", "h");
	tar_hardlink(t, "h", "h");
	layer.tar = tar_end(t);
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);

	i = find("later");
	check_text(i, 0, "f", "second");
	check_text(i, 0, "d", "a file now");
	assert_true(S_ISDIR(look(i, 0, "l").st_mode));
	check_text(i, 0, "l/inside", "x");
	assert_true(S_ISREG(look(i, 0, "s").st_mode));
	check_text(i, 0, "s", "no link now");
	check_text(i, 0, "h", "h");
	image_free(i);
	layers_done(&layer, 1);
}

static void test_sparse(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	struct archive_entry *e = tar_entry("sparse", AE_IFREG, 0644);
	struct made_layer layer = { 0 };
	struct made_image made = { "sparse", NULL, NULL, &layer, 1 };
	auto_free char *data = xcalloc(1, 64 << 20);
	struct image *i;
	struct stat st;

	memcpy(data + (32 << 20), "middle", 6);
	archive_entry_set_size(e, 64 << 20);
	archive_entry_sparse_add_entry(e, 32 << 20, 4096);
	tar_put(t, e, data, 64 << 20);
	layer.tar = tar_end(t);
	assert_true(layer.tar.len < 1 << 20);
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);

	i = find("sparse");
	st = look(i, 0, "sparse");
	assert_int_equal(st.st_size, 64 << 20);
	assert_true(st.st_blocks * 512 < 1 << 20);
	image_free(i);
	layers_done(&layer, 1);
}

/* ------------------------------------------------------------------ names and platforms */

static void test_same_tag_again(void **state)
{
	struct made_layer one = simple_layer("f", "1", M_PLAIN), two = simple_layer("f", "2", M_PLAIN);
	struct made_image first = { "again", NULL, NULL, &one, 1 }, second = { "again", NULL, NULL, &two, 1 };
	auto_buf struct buf a = made_docker(&first, M_PLAIN), b = made_docker(&second, M_PLAIN);
	auto_json json_t *e1 = load(&a), *e2 = load(&a), *e3 = NULL;
	struct image *was = find("again"), *is, *by_id;

	assert_int_equal(count_events(e2, "layer", "state", "present"), 1);
	e3 = load(&b);
	is = find("again");
	assert_string_not_equal(was->id, is->id);
	check_text(is, 0, "f", "2");
	by_id = find(was->id); /* containers may still be made of it */
	assert_string_equal(by_id->id, was->id);
	assert_null(by_id->ref);
	image_free(was);
	image_free(is);
	image_free(by_id);
	layers_done(&one, 1);
	layers_done(&two, 1);
}

static void test_found_by_many_names(void **state)
{
	struct made_layer layer = simple_layer("f", "names", M_PLAIN);
	struct made_image made = { "ghcr.io/x/names:1", NULL, NULL, &layer, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);
	struct image *i = find("ghcr.io/x/names:1");
	auto_free char *by_digest = xasprintf("ghcr.io/x/names@%s", i->manifest_digest);
	auto_free char *short_id = xstrndup(i->id + strlen("sha256:"), 12), *half = xstrndup(i->id, 20);
	const char *const names[] = { by_digest, short_id, half, i->id, i->id + strlen("sha256:"),
		i->manifest_digest };

	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		struct image *same = find(names[k]);
		assert_string_equal(same->id, i->id);
		image_free(same);
	}
	image_free(i);
	layers_done(&layer, 1);
}

static void test_not_found(void **state)
{
	struct made_layer layer = simple_layer("f", "nf", M_PLAIN);
	struct made_image made = { "redis:7-alpine", NULL, NULL, &layer, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);
	auto_err struct err err = ERR_INIT;
	struct image_store *s;
	struct image *i;

	assert_int_equal(image_store_open(top, &s, &err), 0);
	assert_int_equal(image_find(s, "redis:7-alpin", NULL, &i, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_msg(&err), "image 'redis:7-alpin' is not in davit's store");
	assert_string_equal(err.hint, "pull it, load it with 'davit load -i FILE', or did you mean 'redis:7-alpine'?");
	image_store_close(s);
	layers_done(&layer, 1);
}

static void test_empty_store(void **state)
{
	auto_free char *absent = xasprintf("%s/absent", top);
	auto_json json_t *list = NULL;
	auto_err struct err err = ERR_INIT;
	struct image_store *s;
	struct image *i;

	assert_int_equal(image_store_open(absent, &s, &err), 0);
	list = image_list(s, &err);
	assert_int_equal(json_array_size(list), 0);
	assert_int_equal(image_find(s, "x", NULL, &i, &err), -1);
	assert_string_equal(err.hint, "pull it, or load it with 'davit load -i FILE'");
	image_store_close(s);
}

static json_t *for_platform(json_t *desc, const char *arch, const char *variant)
{
	json_t *p = json_pack("{s:s, s:s}", "os", "linux", "architecture", arch);

	jx_set_str(p, "variant", variant);
	json_object_set_new(desc, "platform", p);
	return desc;
}

static void test_platform_is_chosen(void **state)
{
	struct made_layer ours = simple_layer("f", "ours", M_PLAIN),
			  theirs = simple_layer("f", "theirs", M_PLAIN);
	struct made_image a = { NULL, host_arch(), NULL, &ours, 1 },
			  b = { NULL, "vax", NULL, &theirs, 1 };
	struct tar *t = tar_new(M_PLAIN);
	auto_json json_t *inner = json_pack("{s:i, s:[o,o]}", "schemaVersion", 2, "manifests",
		for_platform(made_oci_image(t, &b), "vax", "v2"),
		for_platform(made_oci_image(t, &a), host_arch(), NULL));
	auto_free char *text = json_dumps(inner, JSON_COMPACT);
	json_t *desc = made_blob(t, "application/vnd.oci.image.index.v1+json", text, strlen(text));
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o]", made_named(desc, "multi:1")));
	auto_json json_t *events = load(&archive);
	struct image *i = find("multi:1");

	check_text(i, 0, "f", "ours");
	assert_int_equal(count_events(events, "loaded", NULL, NULL), 1);
	image_free(i);
	layers_done(&ours, 1);
	layers_done(&theirs, 1);
}

/* The path of f in layer 0 of what image_find() gives, below top; "" and the kind of the failure when there is none. */
static char *find_f(const char *name, const char *platform, enum err_kind *ret_kind)
{
	auto_err struct err err = ERR_INIT;
	struct image_store *s;
	struct image *i = NULL;
	char *text = xstrdup("");

	assert_int_equal(image_store_open(top, &s, &err), 0);
	if (image_find(s, name, platform, &i, &err) == 0) {
		auto_buf struct buf b = BUF_INIT;
		auto_free char *path = inside(i, 0, "f");
		assert_int_equal(path_read(top_fd, path, 100, &b, NULL), 0);
		free(text);
		text = buf_take(&b);
	}
	*ret_kind = err.kind;
	image_free(i);
	image_store_close(s);
	return text;
}

static void check_f(const char *name, const char *platform, const char *want, enum err_kind kind)
{
	enum err_kind have;
	auto_free char *text = find_f(name, platform, &have);

	assert_string_equal(text, want);
	assert_int_equal(have, kind);
}

static void load_for(const char *arch, const char *content)
{
	struct made_layer l = simple_layer("f", content, M_PLAIN);
	struct made_image img = { NULL, arch, NULL, &l, 1 };
	struct tar *t = tar_new(M_PLAIN);
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o]", made_named(made_oci_image(t, &img), "many:1")));

	json_decref(load(&archive));
	layers_done(&l, 1);
}

/* What a davit wrote that did not know of platforms. */
static void forget_platforms(void)
{
	auto_json json_t *index = NULL;
	json_t *desc;
	size_t i;

	assert_int_equal(jx_load(top_fd, "images/index.json", 1 << 20, &index, NULL), 0);
	json_array_foreach(jx_arr(index, "manifests"), i, desc)
		json_object_del(desc, "platform");
	assert_int_equal(jx_store(top_fd, "images/index.json", index, 0644, 0, NULL), 0);
}

static void test_platforms_live_side_by_side(void **state)
{
	auto_free char *ours = xasprintf("linux/%s", host_arch());

	load_for("vax", "theirs");
	check_f("many:1", NULL, "theirs", ERR_NONE); /* the only one */
	check_f("many:1", "linux/vax", "theirs", ERR_NONE);
	check_f("many:1", ours, "", ERR_NOT_FOUND);
	check_f("many:1", "linux/", "", ERR_INPUT);
	load_for(host_arch(), "ours");
	for (int old = 0; old < 2; old++) {
		check_f("many:1", NULL, "ours", ERR_NONE);
		check_f("many:1", "", "ours", ERR_NONE);
		check_f("many:1", ours, "ours", ERR_NONE);
		check_f("many:1", "linux/vax", "theirs", ERR_NONE);
		check_f("many:1", "linux/pdp11", "", ERR_NOT_FOUND);
		forget_platforms();
	}
	load_for("vax", "other"); /* takes the place of its own platform alone */
	check_f("many:1", NULL, "ours", ERR_NONE);
	check_f("many:1", "linux/vax", "other", ERR_NONE);
}

/* What a pull leaves: the digest of the index finds the image, too. */
static void test_found_by_the_digest_of_its_index(void **state)
{
	static const char digest[] = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	auto_free char *name = xasprintf("many@%s", digest), *tagged = xasprintf("many:2@%s", digest),
		       *other = xasprintf("few@%s", digest);
	auto_json json_t *index = NULL;
	struct image *i;
	json_t *desc;
	size_t k;

	load_for("vax", "theirs");
	load_for(host_arch(), "ours");
	assert_int_equal(jx_load(top_fd, "images/index.json", 1 << 20, &index, NULL), 0);
	json_array_foreach(jx_arr(index, "manifests"), k, desc)
		jx_set_str(jx_obj(desc, "annotations"), "dev.davit.index", digest);
	assert_int_equal(jx_store(top_fd, "images/index.json", index, 0644, 0, NULL), 0);
	check_f(name, NULL, "ours", ERR_NONE);
	check_f(name, "linux/vax", "theirs", ERR_NONE);
	check_f(tagged, NULL, "ours", ERR_NONE);
	check_f(other, NULL, "", ERR_NOT_FOUND);
	i = find("many:1");
	assert_string_equal(i->index_digest, digest);
	image_free(i);
}

static void test_a_wished_platform_of_an_archive(void **state)
{
	struct made_layer ours = simple_layer("f", "ours", M_PLAIN), theirs = simple_layer("f", "theirs", M_PLAIN);
	struct made_image a = { NULL, host_arch(), NULL, &ours, 1 }, b = { NULL, "vax", NULL, &theirs, 1 };
	struct platform vax = { "linux", "vax", "" }, pdp = { "linux", "pdp11", "" };
	struct tar *t = tar_new(M_PLAIN);
	json_t *first = made_named(for_platform(made_oci_image(t, &a), host_arch(), NULL), "wish:1");
	json_t *second = made_named(for_platform(made_oci_image(t, &b), "vax", NULL), "wish:1");
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o,o]", first, second));
	auto_close int fd = made_fd(&archive), again = made_fd(&archive);
	struct pack_load req = { .state_dir = top, .fd = fd, .name = "x", .limits = PACK_LIMITS, .platform = &pdp };
	auto_err struct err err = ERR_INIT;

	assert_int_equal(pack_load(&req, &err), -1);
	assert_non_null(strstr(err_msg(&err), "is not there for linux/pdp11"));
	req.fd = again;
	req.platform = &vax;
	assert_int_equal(pack_load(&req, NULL), 0);
	check_f("wish:1", NULL, "theirs", ERR_NONE);
	layers_done(&ours, 1);
	layers_done(&theirs, 1);
}

static void test_no_platform_fits(void **state)
{
	struct made_layer l = simple_layer("f", "theirs", M_PLAIN);
	struct made_image a = { NULL, "vax", NULL, &l, 1 }, b = { NULL, "pdp11", NULL, &l, 1 };
	struct tar *t = tar_new(M_PLAIN);
	json_t *list =
		json_pack("[o,o]", made_named(for_platform(made_oci_image(t, &a), "vax", "v2"), "far:1"),
			made_named(for_platform(made_oci_image(t, &b), "pdp11", NULL), "far:1"));
	auto_buf struct buf archive = made_oci_end(t, list);
	auto_close int fd = made_fd(&archive);
	auto_json json_t *events = json_array();
	auto_err struct err err = ERR_INIT;

	assert_int_equal(load_fd(fd, events, &err), -1);
	if (!strstr(err_msg(&err), "image 'far:1' is not there for linux/") ||
		!strstr(err_msg(&err), "the archive has it for linux/vax/v2, linux/pdp11"))
		fail_msg("%s", err_msg(&err));
	layers_done(&l, 1);
}

/* What `docker save` of today writes: an OCI layout whose names are containerd's annotation, or
 * manifest.json's alone. */
static void test_names_in_layouts(void **state)
{
	struct made_layer l = simple_layer("f", "both", M_PLAIN), l2 = simple_layer("f", "other", M_PLAIN);
	struct made_image a = { NULL, NULL, NULL, &l, 1 }, b = { NULL, NULL, NULL, &l2, 1 };
	struct tar *t = tar_new(M_PLAIN);
	auto_free char *config = made_config(&a), *list = NULL;
	char hex[HASH_HEX_LEN + 1];
	json_t *nameless = made_oci_image(t, &a), *named = made_named(made_oci_image(t, &b), "7");
	json_object_set_new(json_object_get(named, "annotations"), "io.containerd.image.name",
		json_string("docker.io/library/contained:7"));
	hash_sha256_hex(config, strlen(config), hex);
	list = xasprintf(
		"[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"listed:1\",\"listed:2\"],\"Layers\":[]}]",
		hex);
	tar_file(t, "manifest.json", list);
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o,o]", nameless, named));
	auto_json json_t *events = load(&archive);
	static const char *const names[] = { "listed:1", "listed:2", "contained:7" };

	assert_int_equal(count_events(events, "loaded", NULL, NULL), 3);
	for (size_t k = 0; k < ARRAY_LEN(names); k++) {
		struct image *i = find(names[k]);
		check_text(i, 0, "f", k < 2 ? "both" : "other");
		image_free(i);
	}
	layers_done(&l, 1);
	layers_done(&l2, 1);
}

/* An image that another tool put into the layout has no unpacked layers: it is there, but cannot be run. */
static void test_layers_not_unpacked(void **state)
{
	struct made_layer l = simple_layer("f", "gone", M_PLAIN);
	struct made_image made = { "packed", NULL, NULL, &l, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive), *again = NULL;
	auto_err struct err err = ERR_INIT;
	struct image *i = find("packed"), *none;
	auto_free char *dir = xasprintf("images/layers/%s", i->layers.v[0]);
	struct image_store *s;

	image_free(i);
	assert_int_equal(path_remove_tree(top_fd, dir, NULL), 0);
	assert_int_equal(image_store_open(top, &s, &err), 0);
	assert_int_equal(image_find(s, "packed", NULL, &none, &err), -1);
	image_store_close(s);
	assert_string_equal(err_msg(&err), "image 'packed': layer 1 of 1 is not unpacked in davit's store");
	again = load(&archive);
	assert_int_equal(count_events(again, "layer", "state", "unpacked"), 1);
	i = find("packed");
	check_text(i, 0, "f", "gone");
	image_free(i);
	layers_done(&l, 1);
}

static void test_foreign_platform_alone_is_a_warning(void **state)
{
	struct made_layer l = simple_layer("f", "vax", M_PLAIN);
	struct made_image made = { "vax", "vax", NULL, &l, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *events = load(&archive);

	assert_int_equal(count_events(events, "warn", NULL, NULL), 1);
	layers_done(&l, 1);
}

static void test_list(void **state)
{
	static const char *const tags[] = { "b:2", "a:1" };
	auto_err struct err err = ERR_INIT;
	auto_json json_t *list = NULL;
	struct image_store *s;

	for (size_t k = 0; k < ARRAY_LEN(tags); k++) {
		struct made_layer l = simple_layer("f", tags[k], M_PLAIN);
		struct made_image made = { tags[k], NULL, NULL, &l, 1 };
		auto_buf struct buf archive = made_docker(&made, M_PLAIN);
		auto_json json_t *events = load(&archive);
		layers_done(&l, 1);
	}
	assert_int_equal(image_store_open(top, &s, &err), 0);
	list = image_list(s, &err);
	image_store_close(s);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(jx_str(json_array_get(list, 0), "familiar"), "a:1");
	assert_string_equal(jx_str(json_array_get(list, 1), "ref"), "docker.io/library/b:2");
	assert_string_equal(jx_str(json_array_get(list, 1), "platform"), "linux/amd64");
	assert_int_equal(jx_int(json_array_get(list, 1), "size", 0), 3);
}

/* ------------------------------------------------------------------ others at the same time, and before */

static void test_loads_side_by_side(void **state)
{
	enum { N = 4 };
	pid_t pids[N];

	for (int k = 0; k < N; k++) {
		pids[k] = fork();
		if (pids[k] == 0) {
			auto_free char *tag = xasprintf("side:%d", k);
			struct made_layer l[] = { simple_layer("shared", "s", M_PLAIN),
				simple_layer("own", tag, M_PLAIN) };
			struct made_image made = { tag, NULL, NULL, l, 2 };
			struct buf archive = made_docker(&made, M_PLAIN);
			struct pack_load req = { top, made_fd(&archive), "x", PACK_LIMITS, NULL, NULL };
			_exit(pack_load(&req, NULL) < 0);
		}
	}
	for (int k = 0; k < N; k++) {
		int status;
		assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
		assert_int_equal(status, 0);
	}
	for (int k = 0; k < N; k++) {
		auto_free char *tag = xasprintf("side:%d", k);
		struct image *i = find(tag);
		check_text(i, 1, "own", tag);
		image_free(i);
	}
	assert_true(no_stage());
}

static void test_the_dead_are_swept_the_living_are_not(void **state)
{
	struct made_layer l = simple_layer("f", "sweep", M_PLAIN);
	struct made_image made = { "sweep", NULL, NULL, &l, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_close int alive = -1;

	assert_int_equal(path_mkdirs(top_fd, "images/.load-dead/layer-0/x", 0700, NULL), 0);
	assert_int_equal(path_mkdirs(top_fd, "images/.load-alive/layer-0/x", 0700, NULL), 0);
	alive = openat(top_fd, "images/.load-alive", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(alive, LOCK_EX), 0);
	auto_json json_t *events = load(&archive);
	assert_int_equal(faccessat(top_fd, "images/.load-dead", F_OK, 0), -1);
	assert_int_equal(faccessat(top_fd, "images/.load-alive/layer-0/x", F_OK, 0), 0);
	layers_done(&l, 1);
}

/* Every image that has a name is whole. */
static void check_store(void)
{
	auto_err struct err err = ERR_INIT;
	auto_json json_t *list = NULL;
	struct image_store *s;
	const json_t *item;
	size_t k;

	assert_int_equal(image_store_open(top, &s, &err), 0);
	list = image_list(s, &err);
	assert_non_null(list);
	json_array_foreach(list, k, item) {
		struct image *i;
		if (image_find(s, jx_str(item, "ref"), NULL, &i, &err) < 0)
			fail_msg("%s", err_msg(&err));
		for (size_t n = 0; n < i->layers.n; n++)
			check_text(i, n, "f", "content");
		image_free(i);
	}
	image_store_close(s);
}

static struct buf crash_archive(int k)
{
	enum { LAYERS = 3, FILES = 40 };
	struct made_layer l[LAYERS];
	auto_free char *tag = xasprintf("crash:%d", k);
	struct made_image made = { tag, NULL, NULL, l, LAYERS };
	struct buf archive;

	for (int n = 0; n < LAYERS; n++) {
		struct tar *t = tar_new(M_PLAIN);
		for (int i = 0; i < FILES; i++) {
			auto_free char *name = xasprintf("%d-%d/%d", k, n, i);
			tar_file(t, name, name);
		}
		tar_file(t, "f", "content");
		l[n] = (struct made_layer){ tar_end(t), k % 2 ? M_GZIP : M_PLAIN, NULL }; /* those in gzip are spooled first */
	}
	archive = made_docker(&made, M_PLAIN);
	layers_done(l, LAYERS);
	return archive;
}

/* Killed earlier and later, from before its first step to after its last. */
static void test_killed_at_any_time(void **state)
{
	enum { TIMES = 24, STEP_US = 1500 };
	bool killed = false;

	for (int k = 0; k < TIMES; k++) {
		auto_buf struct buf archive = crash_archive(k);
		const struct timespec later = { .tv_nsec = k * k * STEP_US * 1000L / 8 };
		sigset_t mask;
		int status;
		pid_t pid;
		sigemptyset(&mask);
		sigaddset(&mask, SIGCHLD);
		sigprocmask(SIG_BLOCK, &mask, NULL);
		pid = fork();
		if (pid == 0) {
			struct pack_load req = { top, made_fd(&archive), "x", PACK_LIMITS, NULL, NULL };
			_exit(pack_load(&req, NULL) < 0);
		}
		sigtimedwait(&mask, NULL, &later); /* its own end comes first, or its time is over */
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		killed |= WIFSIGNALED(status);
		check_store();
	}
	assert_true(killed);
	/* the last one's children may still be dying, and hold what they worked in for that long */
	auto_buf struct buf archive = crash_archive(0);
	const int64_t until = clock_mono_ns() + 10 * SEC_NS;
	do {
		auto_json json_t *events = load(&archive);
		assert_true(clock_mono_ns() < until);
	} while (!no_stage());
	check_store();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_docker_archive),
		T(test_every_compression),
		T(test_many_compressed_members),
		T(test_from_a_pipe),
		T(test_image_without_layers),
		T(test_all_kinds_of_entry),
		T(test_whiteouts),
		T(test_the_later_entry_wins),
		T(test_sparse),
		T(test_same_tag_again),
		T(test_found_by_many_names),
		T(test_not_found),
		T(test_empty_store),
		T(test_platform_is_chosen),
		T(test_platforms_live_side_by_side),
		T(test_found_by_the_digest_of_its_index),
		T(test_a_wished_platform_of_an_archive),
		T(test_no_platform_fits),
		T(test_names_in_layouts),
		T(test_layers_not_unpacked),
		T(test_foreign_platform_alone_is_a_warning),
		T(test_list),
		T(test_loads_side_by_side),
		T(test_killed_at_any_time),
		T(test_the_dead_are_swept_the_living_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
