/* A load of an archive that is a file reads of it what is needed, and makes the same store as one that reads all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/wait.h>

#include "../../../../src/pack/pack.h"
#include "made.h"

static char top[64];
static int top_fd;

static int set_up(void **state)
{
	snprintf(top, sizeof top, "/tmp/parts-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int tear_down(void **state)
{
	close(top_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

/* ------------------------------------------------------------------ helpers */

static void count(void *arg, const json_t *ev)
{
	const char *state = jx_str(ev, "state");

	if (state)
		jx_set_int(arg, state, jx_int(arg, state, 0) + 1);
}

/* How many layers were "unpacked", how many "present". */
static json_t *load_fd(const char *store, int fd)
{
	auto_free char *dir = xasprintf("%s/%s", top, store);
	auto_err struct err err = ERR_INIT;
	json_t *counts = json_object();
	struct pack_load req = { dir, fd, "test.tar", PACK_LIMITS, count, counts };

	if (pack_load(&req, &err) < 0)
		fail_msg("%s", err_msg(&err));
	return counts;
}

static json_t *load_file(const char *store, const struct buf *archive)
{
	auto_close int fd = made_fd(archive);

	return load_fd(store, fd);
}

static json_t *load_pipe(const char *store, const struct buf *archive)
{
	pid_t writer;
	auto_close int fd = made_pipe(archive, &writer);
	json_t *counts = load_fd(store, fd);

	close(take_fd(&fd));
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	return counts;
}

static void add_names(json_t *list, const char *store, const char *dir)
{
	auto_free char *path = xasprintf("%s/images/%s", store, dir);
	auto_closedir DIR *d = fdopendir(openat(top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	while ((e = readdir(d))) {
		auto_free char *name = xasprintf("%s/%s", dir, e->d_name);
		json_object_set_new(list, name, json_true());
	}
}

/* What is in a store, as text. */
static char *names_in(const char *store)
{
	auto_json json_t *list = json_object();

	add_names(list, store, ".");
	add_names(list, store, "blobs/sha256");
	add_names(list, store, "layers");
	return json_dumps(list, JSON_SORT_KEYS | JSON_INDENT(1));
}

static size_t count_in(const char *store, const char *dir)
{
	auto_json json_t *list = json_object();

	add_names(list, store, dir);
	return json_object_size(list) - 2;
}

/* Each blob has the content that its name says. */
static void check_blobs(const char *store)
{
	auto_free char *dir = xasprintf("%s/images/blobs/sha256", store);
	auto_closedir DIR *d = fdopendir(openat(top_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	while ((e = readdir(d))) {
		auto_buf struct buf b = BUF_INIT;
		char hex[HASH_HEX_LEN + 1];
		if (*e->d_name == '.')
			continue;
		assert_int_equal(path_read(dirfd(d), e->d_name, 64 << 20, &b, NULL), 0);
		hash_sha256_hex(b.p ? b.p : "", b.len, hex);
		assert_string_equal(hex, e->d_name);
	}
}

/* Ends the tar; as a file and through a pipe it makes the same store, of so many blobs and layers. */
static void same_both_ways(struct tar *t, struct buf *made, size_t blobs, size_t layers)
{
	auto_buf struct buf archive = t ? tar_end(t) : *made;
	auto_json json_t *a = load_file("file", &archive), *b = load_pipe("pipe", &archive);
	auto_free char *in_file = names_in("file"), *in_pipe = names_in("pipe");

	assert_string_equal(in_file, in_pipe);
	assert_int_equal(jx_int(a, "unpacked", 0), layers);
	assert_int_equal(jx_int(b, "unpacked", 0), layers);
	assert_int_equal(count_in("file", "blobs/sha256"), blobs);
	assert_int_equal(count_in("file", "layers"), 2 * layers); /* each has a file beside it */
	assert_int_equal(count_in("file", "."), 7);		  /* .lock blobs index.json l layers oci-layout partial */
	check_blobs("file");
}

static struct made_layer layer_of(const char *text, enum made_filter f)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, "f", text);
	return (struct made_layer){ tar_end(t), f, NULL };
}

/* manifest.json for a config "c" and these files. */
static void put_list(struct tar *t, const char *layers)
{
	auto_free char *text = xasprintf("[{\"Config\":\"c\",\"RepoTags\":[\"one:1\"],\"Layers\":[%s]}]", layers);

	tar_file(t, "manifest.json", text);
}

static void put_config(struct tar *t, const struct made_image *i)
{
	auto_free char *text = made_config(i);

	tar_file(t, "c", text);
}

/* ------------------------------------------------------------------ what archives look like */

static void test_manifest_first(void **state)
{
	struct made_layer l[] = { layer_of("one", M_PLAIN), layer_of("two", M_PLAIN) };
	struct made_image made = { "one:1", NULL, NULL, l, 2 };
	struct tar *t = tar_new(M_PLAIN);

	put_list(t, "\"a\",\"b\"");
	put_config(t, &made);
	tar_bytes(t, "b", l[1].tar.p, l[1].tar.len);
	tar_bytes(t, "a", l[0].tar.p, l[0].tar.len);
	same_both_ways(t, NULL, 4, 2);
	buf_done(&l[0].tar);
	buf_done(&l[1].tar);
}

/* What docker wrote before its version 25: a directory for each layer, equal ones linked. */
static void test_links_between_layers(void **state)
{
	struct made_layer l[] = { layer_of("one", M_PLAIN), layer_of("two", M_PLAIN), layer_of("one", M_PLAIN), layer_of("two", M_PLAIN) };
	struct made_image made = { "one:1", NULL, NULL, l, 4 };
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, "1/VERSION", "1.0");
	tar_file(t, "1/json", "{}");
	tar_symlink(t, "3/layer.tar", "../1/layer.tar");
	tar_bytes(t, "1/layer.tar", l[0].tar.p, l[0].tar.len);
	tar_bytes(t, "2/layer.tar", l[1].tar.p, l[1].tar.len);
	tar_hardlink(t, "4/layer.tar", "2/layer.tar");
	put_config(t, &made);
	tar_file(t, "repositories", "{}");
	put_list(t, "\"1/layer.tar\",\"2/layer.tar\",\"3/layer.tar\",\"4/layer.tar\"");
	same_both_ways(t, NULL, 4, 4);
	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		buf_done(&l[i].tar);
}

/* Nobody names them, and nothing is left of them: a layer, one in gzip that is damaged, documents, noise, and nothing. */
static void test_what_nobody_names(void **state)
{
	struct made_layer l = layer_of("one", M_PLAIN), other = layer_of("other", M_PLAIN);
	struct made_image made = { "one:1", NULL, NULL, &l, 1 };
	auto_buf struct buf packed = made_compress(&other.tar, M_GZIP);
	auto_free char *noise = xmalloc(9 << 20);
	struct tar *t = tar_new(M_PLAIN);

	memset(noise, 'n', 9 << 20);
	packed.p[packed.len / 2] ^= 1;
	tar_bytes(t, "blobs/sha256/junk", other.tar.p, other.tar.len);
	tar_bytes(t, "junk.gz", packed.p, packed.len);
	tar_file(t, "junk.json", "{\"a\":[]}");
	tar_bytes(t, "a", l.tar.p, l.tar.len);
	tar_bytes(t, "noise", noise, 9 << 20);
	put_list(t, "\"a\"");
	tar_file(t, "empty", "");
	put_config(t, &made);
	same_both_ways(t, NULL, 3, 1);
	buf_done(&l.tar);
	buf_done(&other.tar);
}

/* One layer in three packings, in three images: three blobs, one directory. Another twice in one image. */
static void test_equal_layers(void **state)
{
	struct tar *t = tar_new(M_PLAIN);
	json_t *list = json_array();
	struct made_layer two[] = { layer_of("two", M_ZSTD), layer_of("two", M_ZSTD) };
	struct made_image twice = { NULL, NULL, NULL, two, 2 };
	struct buf archive;

	for (int f = M_PLAIN; f <= M_ZSTD; f++) {
		struct made_layer l = layer_of("one", (enum made_filter)f);
		struct made_image made = { NULL, NULL, NULL, &l, 1 };
		auto_free char *name = xasprintf("packed:%d", f);
		json_array_append_new(list, made_named(made_oci_image(t, &made), name));
		buf_done(&l.tar);
	}
	json_array_append_new(list, made_named(made_oci_image(t, &twice), "twice:1"));
	archive = made_oci_end(t, list);
	same_both_ways(NULL, &archive, 3 + 1 + 2 + 4, 3);
	buf_done(&two[0].tar);
	buf_done(&two[1].tar);
}

/* ------------------------------------------------------------------ what the store has */

static void damage(struct buf *archive, const char *text)
{
	char *p = memmem(archive->p, archive->len, text, strlen(text));

	assert_non_null(p);
	*p ^= 1;
}

static void test_what_is_there_is_not_read(void **state)
{
	struct made_layer l[] = { layer_of("the first", M_PLAIN), layer_of("the second", M_PLAIN) };
	struct made_image made = { "one:1", NULL, NULL, l, 2 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN);
	auto_json json_t *first = load_file("file", &archive), *again = NULL;
	auto_free char *before = names_in("file"), *after = NULL;

	damage(&archive, "the first");
	again = load_file("file", &archive);
	after = names_in("file");
	assert_int_equal(jx_int(first, "unpacked", 0), 2);
	assert_int_equal(jx_int(again, "present", 0), 2);
	assert_string_equal(before, after);
	check_blobs("file");
	buf_done(&l[0].tar);
	buf_done(&l[1].tar);
}

/* Half of it: what is missing comes back, and nothing else is touched. */
static void test_what_is_gone_comes_back(void **state)
{
	for (int f = M_PLAIN; f <= M_ZSTD; f++) {
		struct made_layer l = layer_of("content", (enum made_filter)f);
		struct made_image made = { NULL, NULL, NULL, &l, 1 };
		struct tar *t = tar_new(M_PLAIN);
		json_t *desc = made_named(made_oci_image(t, &made), "one:1");
		auto_buf struct buf archive = made_oci_end(t, json_pack("[o]", desc)), stored = made_stored(&l);
		auto_json json_t *first = load_file("file", &archive), *second = NULL, *third = NULL;
		auto_free char *before = names_in("file"), *after = NULL, *blob = NULL, *dir = NULL;
		char hex[HASH_HEX_LEN + 1];

		hash_sha256_hex(stored.p, stored.len, hex);
		blob = xasprintf("file/images/blobs/sha256/%s", hex);
		assert_int_equal(jx_int(first, "unpacked", 0), 1);
		assert_int_equal(unlinkat(top_fd, blob, 0), 0);
		second = load_file("file", &archive);
		assert_int_equal(jx_int(second, "present", 0), 1);
		hash_sha256_hex(l.tar.p, l.tar.len, hex);
		dir = xasprintf("file/images/layers/%s", hex);
		assert_int_equal(path_remove_tree(top_fd, dir, NULL), 0);
		third = load_file("file", &archive);
		assert_int_equal(jx_int(third, "unpacked", 0), 1);
		after = names_in("file");
		assert_string_equal(before, after);
		check_blobs("file");
		buf_done(&l.tar);
		assert_int_equal(path_remove_tree(top_fd, "file", NULL), 0);
	}
}

/* ------------------------------------------------------------------ files that are no plain archives */

/* Somebody has read the beginning already: where things are is not where they are said to be, so all of it is read. */
static void test_not_from_the_beginning(void **state)
{
	struct made_layer l = layer_of("content", M_PLAIN);
	struct made_image made = { "one:1", NULL, NULL, &l, 1 };
	auto_buf struct buf archive = made_docker(&made, M_PLAIN), longer = BUF_INIT;
	auto_close int fd = -1;
	auto_json json_t *counts = NULL;

	buf_str(&longer, "a line\n");
	buf_add(&longer, archive.p, archive.len);
	fd = made_fd(&longer);
	assert_int_equal(lseek(fd, strlen("a line\n"), SEEK_SET), strlen("a line\n"));
	counts = load_fd("file", fd);
	assert_int_equal(jx_int(counts, "unpacked", 0), 1);
	check_blobs("file");
	buf_done(&l.tar);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_manifest_first),
		T(test_links_between_layers),
		T(test_what_nobody_names),
		T(test_equal_layers),
		T(test_what_is_there_is_not_read),
		T(test_what_is_gone_comes_back),
		T(test_not_from_the_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
