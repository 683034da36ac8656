/* take_test - a layout that a builder wrote becomes an image, and what must be there for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../../src/image/image.h"
#include "../../../../src/pack/take.h"
#include "made.h"
#include "made_top.h"

static char layout[96];

static int set_up_layout(void **state)
{
	if (set_up(state) < 0)
		return -1;
	snprintf(layout, sizeof layout, "%s/layout", top);
	return 0;
}

/* The files of an archive in the layout's directory, which is emptied first. */
static void lay_out(const struct buf *archive)
{
	struct archive *a = archive_read_new();
	struct archive_entry *e;

	path_remove_tree(AT_FDCWD, layout, NULL);
	archive_read_support_format_tar(a);
	assert_int_equal(archive_read_open_memory(a, archive->p, archive->len), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		auto_free char *path = xasprintf("%s/%s", layout, archive_entry_pathname(e)), *dir = xstrdup(path);
		size_t n = (size_t)archive_entry_size(e);
		auto_free char *room = xcalloc(1, n + 1);

		assert_int_equal(archive_read_data(a, room, n), n);
		*strrchr(dir, '/') = '\0';
		assert_int_equal(path_mkdirs(AT_FDCWD, dir, 0755, NULL), 0);
		assert_int_equal(path_write(AT_FDCWD, path, room, n, 0644, 0, NULL), 0);
	}
	archive_read_free(a);
}

static void lay_out_image(const struct made_image *made)
{
	struct tar *t = tar_new(M_PLAIN);
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o]", made_oci_image(t, made)));

	lay_out(&archive);
}

static struct made_layer one_file(const char *name, const char *text, enum made_filter f)
{
	struct tar *t = tar_new(M_PLAIN);

	tar_file(t, name, text);
	return (struct made_layer){ tar_end(t), f, NULL };
}

static int take_it(const char *config, const char *name, struct err *err)
{
	const char *const refs[] = { name, NULL };
	const struct take_layout from = { layout, config };
	const struct pack_take req = { .state_dir = top, .layouts = &from, .n = 1, .refs = refs, .limits = PACK_LIMITS };

	return pack_take(&req, err);
}

static void must_take(const char *config, const char *name)
{
	auto_err struct err err = ERR_INIT;

	if (take_it(config, name, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static char *blob_path(const char *dir, const struct buf *stored)
{
	char hex[HASH_HEX_LEN + 1];

	hash_sha256_hex(stored->p, stored->len, hex);
	return xasprintf("%s/blobs/sha256/%s", dir, hex);
}

static ino_t inode(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* --- */

static void test_takes_without_a_copy(void **state)
{
	struct made_layer layer = one_file("f", "built", M_GZIP);
	struct made_image made = { NULL, NULL, NULL, &layer, 1 };
	auto_buf struct buf stored = made_stored(&layer);
	auto_free char *from = blob_path(layout, &stored), *images = xasprintf("%s/images", top), *to = blob_path(images, &stored);
	ino_t before;
	struct image *i;

	lay_out_image(&made);
	before = inode(from);
	must_take(NULL, "web:1");
	i = top_find("web:1");
	assert_non_null(i);
	assert_int_equal(i->layers.n, 1);
	assert_true(before && inode(to) == before);
	image_free(i);
	buf_done(&layer.tar);
}

/* The builder's config counts, not the one that lies there, which has another digest. */
static void test_config_of_its_own(void **state)
{
	auto_json json_t *health = json_pack("{s:{s:[s,s]}}", "Healthcheck", "Test", "CMD-SHELL", "true");
	struct made_layer layer = one_file("f", "checked", M_GZIP);
	struct made_image made = { NULL, NULL, NULL, &layer, 1 }, with_health = { NULL, NULL, health, &layer, 1 };
	auto_free char *config = made_config(&with_health);
	char hex[HASH_HEX_LEN + 1];
	struct image *i;

	lay_out_image(&made);
	must_take(config, "checked");
	i = top_find("checked");
	assert_true(i->health.given);
	hash_sha256_hex(config, strlen(config), hex);
	assert_string_equal(i->id + strlen("sha256:"), hex);
	image_free(i);
	buf_done(&layer.tar);
}

/* What the store has is not looked for in the layout, however it is packed here and there. */
static void test_known_layers(void **state)
{
	struct made_layer layers[] = { one_file("a", "base", M_ZSTD), one_file("b", "new", M_GZIP) };
	struct made_image base = { NULL, NULL, NULL, layers, 1 }, both = { NULL, NULL, NULL, layers, 2 };
	auto_json json_t *changed = json_pack("{s:[s]}", "Cmd", "x");
	struct made_image other = { NULL, NULL, changed, layers, 2 };
	auto_free char *config = NULL, *name = NULL;
	auto_buf struct buf gz = BUF_INIT;
	struct image *i, *j;

	lay_out_image(&base);
	must_take(NULL, "base");
	layers[0].filter = M_GZIP;
	lay_out_image(&both);
	gz = made_stored(&layers[0]);
	name = blob_path(layout, &gz);
	assert_int_equal(truncate(name, 0), 0);
	must_take(NULL, "both");
	i = top_find("both");
	assert_int_equal(i->layers.n, 2);

	path_remove_tree(AT_FDCWD, layout, NULL);        /* all layers are there: the builder writes nothing */
	assert_int_equal(path_mkdirs(AT_FDCWD, layout, 0755, NULL), 0);
	config = made_config(&other);
	must_take(config, "other");
	j = top_find("other");
	assert_string_equal(i->layers.v[1], j->layers.v[1]);
	assert_string_equal(j->cmd.v[0], "x");
	image_free(i);
	image_free(j);
	for (size_t k = 0; k < 2; k++)
		buf_done(&layers[k].tar);
}

static struct image *find_for(const char *name, const char *platform)
{
	struct image_store *s;
	struct image *i = NULL;

	assert_int_equal(image_store_open(top, &s, NULL), 0);
	image_find(s, name, platform, &i, NULL);
	image_store_close(s);
	return i;
}

/* Two images of two platforms with a layer in common, as BuildKit lays them out. */
static void lay_out_two(const struct made_image *a, const struct made_image *b)
{
	struct tar *t = tar_new(M_PLAIN);
	json_t *one = made_oci_image(t, a), *two = made_oci_image(t, b);
	auto_buf struct buf archive = made_oci_end(t, json_pack("[o,o]", one, two));

	lay_out(&archive);
}

static void test_several_platforms(void **state)
{
	struct made_layer layers[] = { one_file("f", "common", M_GZIP), one_file("g", "own", M_GZIP) };
	struct made_image amd = { NULL, "amd64", NULL, layers, 1 }, arm = { NULL, "arm64", NULL, layers, 2 };
	auto_free char *index = NULL;
	auto_buf struct buf doc = BUF_INIT;
	struct image *i, *j;

	lay_out_two(&amd, &arm);
	must_take(NULL, "both");
	i = find_for("both", "linux/amd64");
	j = find_for("both", "linux/arm64");
	assert_int_equal(i->layers.n, 1);
	assert_int_equal(j->layers.n, 2);
	assert_non_null(i->index_digest);
	assert_string_equal(i->index_digest, j->index_digest);
	index = xasprintf("%s/images/blobs/sha256/%s", top, i->index_digest + strlen("sha256:"));
	assert_int_equal(path_read(AT_FDCWD, index, 1 << 16, &doc, NULL), 0);
	assert_non_null(strstr(doc.p, i->manifest_digest));
	assert_non_null(strstr(doc.p, j->manifest_digest));
	image_free(i);
	image_free(j);
	for (size_t k = 0; k < 2; k++)
		buf_done(&layers[k].tar);
}

/* --- what is refused, and leaves nothing --- */

static void refused(const char *config, const char *why)
{
	auto_err struct err err = ERR_INIT;

	assert_int_equal(take_it(config, "never", &err), -1);
	if (!strstr(err_msg(&err), why))
		fail_msg("'%s' is not in '%s'", why, err_msg(&err));
	assert_null(top_find("never"));
}

static void test_refused(void **state)
{
	struct made_layer layer = one_file("f", "wrong", M_GZIP);
	struct made_image made = { NULL, NULL, NULL, &layer, 1 };
	auto_buf struct buf stored = made_stored(&layer);
	auto_free char *blob = blob_path(layout, &stored), *index = xasprintf("%s/index.json", layout), *config = made_config(&made);

	lay_out_image(&made);
	assert_int_equal(unlink(blob), 0);
	refused(NULL, "No such file or directory");
	assert_int_equal(symlink("/etc/passwd", blob), 0);
	refused(NULL, "blob 'sha256:");
	unlink(blob);
	assert_int_equal(path_write(AT_FDCWD, blob, "other", 5, 0644, 0, NULL), 0);
	refused(NULL, "has other content than its name says");
	lay_out_two(&made, &made);
	refused(NULL, "two of its images are both for linux/amd64");
	lay_out_image(&made);
	layer.diff_hex = "0000000000000000000000000000000000000000000000000000000000000000";
	lay_out_image(&made);
	refused(NULL, "layer 'sha256:0000");
	assert_int_equal(path_write(AT_FDCWD, index, "{}", 2, 0644, 0, NULL), 0);
	refused(NULL, "its manifest is not valid");
	assert_int_equal(unlink(index), 0);
	refused(NULL, "index.json");
	refused(config, "the store has 0 of them");
	path_remove_tree(AT_FDCWD, layout, NULL);
	refused(NULL, "No such file or directory");
	buf_done(&layer.tar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_takes_without_a_copy, set_up_layout, tear_down),
		cmocka_unit_test_setup_teardown(test_config_of_its_own, set_up_layout, tear_down),
		cmocka_unit_test_setup_teardown(test_known_layers, set_up_layout, tear_down),
		cmocka_unit_test_setup_teardown(test_several_platforms, set_up_layout, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up_layout, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
