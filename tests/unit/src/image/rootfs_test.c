/* Real mounts, in a mount namespace of the test's own. Layers are made by hand: what a load makes is tested
 * in src/pack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "../../../../src/image/image.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

static char top[] = "/tmp/rootfs-test-XXXXXX";
static int top_fd;

static int set_up(void **state)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return path_mkdirs(top_fd, "images/layers", 0700, NULL);
}

static int tear_down(void **state)
{
	close(top_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static void put(const char *name, const char *text)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *dir = xstrdup(name);
	char *slash = strrchr(dir, '/');

	if (slash) {
		*slash = '\0';
		assert_int_equal(path_mkdirs(top_fd, dir, 0755, &err), 0);
	}
	if (path_write(top_fd, name, text, strlen(text), 0644, 0, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static bool has(const char *name, const char *text)
{
	auto_buf struct buf b = BUF_INIT;

	if (path_read(top_fd, name, 4096, &b, NULL) < 0)
		return false;
	return STREQ(b.p ? b.p : "", text);
}

static bool exists(const char *name)
{
	return faccessat(top_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* An image of n layers; layer i is the directory of 64 digits that i fills. */
static struct image *image_of(unsigned first, size_t n)
{
	struct image *i = xcalloc(1, sizeof *i);

	i->ref = xstrdup("test");
	for (size_t k = 0; k < n; k++) {
		strs_printf(&i->layers, "%064zx", first + k);
		auto_free char *dir = xasprintf("images/layers/%s", i->layers.v[k]);
		assert_int_equal(path_mkdirs(top_fd, dir, 0755, NULL), 0);
	}
	return i;
}

static char *in_layer(const struct image *i, size_t n, const char *name)
{
	return xasprintf("images/layers/%s/%s", i->layers.v[n], name);
}

static void put_in(const struct image *i, size_t n, const char *name, const char *text)
{
	auto_free char *path = in_layer(i, n, name);

	put(path, text);
}

static void whiteout_in(const struct image *i, size_t n, const char *name)
{
	auto_free char *path = in_layer(i, n, name);

	assert_int_equal(mknodat(top_fd, path, S_IFCHR, makedev(0, 0)), 0);
}

static void opaque_in(const struct image *i, size_t n, const char *name)
{
	auto_free char *path = in_layer(i, n, name);
	auto_close int fd = openat(top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0), 0);
}

static void mount_it(const struct image *i, const char *dir, const char *at)
{
	auto_free char *dir_path = xasprintf("%s/%s", top, dir), *at_path = xasprintf("%s/%s", top, at);
	auto_err struct err err = ERR_INIT;
	struct image_store *s;

	assert_int_equal(image_store_open(top, &s, &err), 0);
	if (rootfs_mount(s, i, dir_path, at_path, &err) < 0)
		fail_msg("%s", err_msg(&err));
	image_store_close(s);
}

static void unmount_it(const char *at)
{
	auto_free char *path = xasprintf("%s/%s", top, at);
	auto_err struct err err = ERR_INIT;

	if (rootfs_unmount(path, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static void test_layers_are_joined(void **state)
{
	struct image *i = image_of(0x100, 3);
	auto_free char *before = getcwd(NULL, 0);

	put_in(i, 0, "etc/keep", "low");
	put_in(i, 0, "etc/changed", "low");
	put_in(i, 0, "gone", "low");
	put_in(i, 0, "dir/hidden", "low");
	put_in(i, 1, "etc/changed", "mid");
	whiteout_in(i, 1, "gone");
	put_in(i, 1, "dir/shown", "mid");
	opaque_in(i, 1, "dir");
	put_in(i, 2, "top", "top");

	mount_it(i, "c1", "m1");
	auto_free char *after = getcwd(NULL, 0);
	assert_string_equal(before, after);
	assert_true(has("m1/etc/keep", "low"));
	assert_true(has("m1/etc/changed", "mid"));
	assert_true(has("m1/top", "top"));
	assert_true(has("m1/dir/shown", "mid"));
	assert_false(exists("m1/dir/hidden"));
	assert_false(exists("m1/gone"));

	put("m1/written", "mine");
	unmount_it("m1");
	assert_false(exists("m1/written"));
	mount_it(i, "c1", "m1");
	assert_true(has("m1/written", "mine"));
	unmount_it("m1");
	unmount_it("m1");
	image_free(i);
}

static void test_two_containers_share_layers_only(void **state)
{
	struct image *i = image_of(0x180, 1);

	put_in(i, 0, "f", "image");
	mount_it(i, "c2a", "m2a");
	mount_it(i, "c2b", "m2b");
	put("m2a/f", "changed");
	assert_true(has("m2a/f", "changed"));
	assert_true(has("m2b/f", "image"));
	unmount_it("m2a");
	unmount_it("m2b");
	image_free(i);
}

/* A restart finds the mount of the start before it; another container in its place does not. */
static void test_mounted_already(void **state)
{
	struct image *i = image_of(0x190, 1);
	auto_free char *path = xasprintf("%s/m2", top), *sub = xasprintf("%s/sub", path);

	put_in(i, 0, "f", "image");
	mount_it(i, "c2a", "m2");
	assert_int_equal(mkdir(sub, 0755), 0);
	assert_int_equal(mount("none", sub, "tmpfs", 0, NULL), 0);
	put("m2/sub/mine", "a");
	mount_it(i, "c2a", "m2");
	assert_true(has("m2/sub/mine", "a"));
	mount_it(i, "c2b", "m2");
	assert_false(exists("m2/sub"));
	assert_true(has("m2/f", "image"));
	assert_int_equal(umount2(path, 0), 0); /* one, and nothing below it */
	assert_int_equal(umount2(path, 0), -1);
	image_free(i);
}

static void test_500_layers(void **state)
{
	struct image *i = image_of(0x10000, 500);

	put_in(i, 0, "lowest", "0");
	put_in(i, 499, "highest", "499");
	mount_it(i, "c3", "m3");
	assert_true(has("m3/lowest", "0"));
	assert_true(has("m3/highest", "499"));
	unmount_it("m3");
	image_free(i);
}

/* Layer names that begin alike get different short names. */
static void test_short_names_do_not_clash(void **state)
{
	struct image *i = image_of(0x20000, 2);

	put_in(i, 0, "a", "0");
	put_in(i, 1, "b", "1");
	for (int twice = 0; twice < 2; twice++) {
		mount_it(i, "c4", "m4");
		assert_true(has("m4/a", "0"));
		assert_true(has("m4/b", "1"));
		unmount_it("m4");
	}
	image_free(i);
}

static void test_paths_with_separators(void **state)
{
	struct image *i = image_of(0x300, 1);

	put_in(i, 0, "f", "x");
	mount_it(i, "a,b:c\\d/state", "m,5:x");
	assert_true(has("m,5:x/f", "x"));
	unmount_it("m,5:x");
	image_free(i);
}

static void test_an_opaque_top_hides_all_below(void **state)
{
	struct image *i = image_of(0x400, 3);

	put_in(i, 0, "old", "x");
	put_in(i, 1, "new", "x");
	opaque_in(i, 1, "");
	mount_it(i, "c6", "m6");
	assert_false(exists("m6/old"));
	assert_true(has("m6/new", "x"));
	unmount_it("m6");
	image_free(i);
}

static void test_no_layer_at_all(void **state)
{
	struct image *i = image_of(0x500, 0);

	mount_it(i, "c7", "m7");
	put("m7/f", "x");
	unmount_it("m7");
	assert_false(exists("m7/f"));
	assert_true(has("c7/upper/f", "x"));
	image_free(i);
}

static void test_top_directory_is_the_images(void **state)
{
	struct image *i = image_of(0x600, 2);
	auto_free char *layer = in_layer(i, 1, "");
	struct stat st;

	assert_int_equal(fchmodat(top_fd, layer, 01751, 0), 0);
	assert_int_equal(fchownat(top_fd, layer, 12, 34, 0), 0);
	mount_it(i, "c8", "m8");
	assert_int_equal(fstatat(top_fd, "m8", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01751);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	unmount_it("m8");
	image_free(i);
}

/* 256 MiB with four bytes in the middle. */
static void hole_in(const struct image *i, size_t n, const char *name)
{
	auto_free char *path = in_layer(i, n, name);
	auto_close int fd = openat(top_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, 256 << 20), 0);
	assert_int_equal(pwrite(fd, "data", 4, 128 << 20), 4);
}

/* An overlay cannot be the upper directory of another: the image is copied instead, with all that whiteouts
 * say. */
static void test_copy_where_overlay_cannot_be(void **state)
{
	struct image *ground = image_of(0x700, 1), *i = image_of(0x800, 3);
	auto_free char *linked = in_layer(i, 0, "hard"), *to = in_layer(i, 0, "keep");
	struct stat a, b;

	put_in(i, 0, "keep", "low");
	assert_int_equal(linkat(top_fd, to, top_fd, linked, 0), 0);
	put_in(i, 0, "gone", "low");
	put_in(i, 0, "tree/gone/deep", "low");
	put_in(i, 0, "dir/hidden", "low");
	put_in(i, 0, "becomes-file/x", "low");
	whiteout_in(i, 1, "gone");
	put_in(i, 1, "tree/x", "mid");
	whiteout_in(i, 1, "tree/gone");
	put_in(i, 1, "dir/shown", "mid");
	opaque_in(i, 1, "dir");
	put_in(i, 1, "becomes-file", "mid");
	put_in(i, 2, "top", "top");
	hole_in(i, 2, "hole");

	mount_it(ground, "c9", "m9");
	mount_it(i, "m9/c", "m10");
	assert_int_equal(fstatat(top_fd, "m10/hole", &a, 0), 0);
	assert_int_equal(a.st_size, 256 << 20);
	assert_true(a.st_blocks < 1000);
	assert_true(exists("m9/c/copy"));
	assert_true(has("m10/keep", "low"));
	assert_int_equal(fstatat(top_fd, "m10/keep", &a, 0), 0);
	assert_int_equal(fstatat(top_fd, "m10/hard", &b, 0), 0);
	assert_true(a.st_ino == b.st_ino);
	assert_false(exists("m10/gone"));
	assert_false(exists("m10/tree/gone"));
	assert_true(has("m10/tree/x", "mid"));
	assert_true(has("m10/dir/shown", "mid"));
	assert_false(exists("m10/dir/hidden"));
	assert_true(has("m10/becomes-file", "mid"));
	assert_true(has("m10/top", "top"));

	put("m10/written", "mine");
	unmount_it("m10");
	mount_it(i, "m9/c", "m10");
	assert_true(has("m10/written", "mine"));
	unmount_it("m10");
	unmount_it("m9");
	image_free(i);
	image_free(ground);
}

static void test_a_missing_layer_is_named(void **state)
{
	struct image *i = image_of(0x900, 1);
	auto_free char *layer = in_layer(i, 0, ""), *dir = xasprintf("%s/c11", top),
		       *at = xasprintf("%s/m11", top);
	auto_err struct err err = ERR_INIT;
	struct image_store *s;

	assert_int_equal(unlinkat(top_fd, layer, AT_REMOVEDIR), 0);
	assert_int_equal(image_store_open(top, &s, &err), 0);
	assert_int_equal(rootfs_mount(s, i, dir, at, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err_msg(&err), "root file system of image 'test': look at layer"));
	image_store_close(s);
	image_free(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers_are_joined),
		cmocka_unit_test(test_two_containers_share_layers_only),
		cmocka_unit_test(test_mounted_already),
		cmocka_unit_test(test_500_layers),
		cmocka_unit_test(test_short_names_do_not_clash),
		cmocka_unit_test(test_paths_with_separators),
		cmocka_unit_test(test_an_opaque_top_hides_all_below),
		cmocka_unit_test(test_no_layer_at_all),
		cmocka_unit_test(test_top_directory_is_the_images),
		cmocka_unit_test(test_copy_where_overlay_cannot_be),
		cmocka_unit_test(test_a_missing_layer_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
