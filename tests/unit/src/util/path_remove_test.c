#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "../../../../src/util/auto.h"
#include "scratch.h"

/* A memory file system of our own in the place of /tmp: ten thousand directories are made quickly there, and
 * mounts are ours. */
static int own_tmp(void **state)
{
	unsetenv("TMPDIR");
	if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static void files_links_and_what_is_absent(void **state)
{
	assert_int_equal(scratch_file("f", ""), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "f", NULL), 0);
	assert_false(scratch_has("f"));
	assert_int_equal(path_remove_tree(scratch_fd, "f", NULL), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "none/f", NULL), 0);
	assert_int_equal(path_remove_tree(scratch_fd, ".", NULL), -1);
	assert_int_equal(path_remove_tree(scratch_fd, "..", NULL), -1);
	assert_int_equal(path_remove_tree(scratch_fd, "", NULL), -1);
}

static void links_are_not_followed(void **state)
{
	assert_int_equal(path_mkdirs(scratch_fd, "precious/deep", 0755, NULL), 0);
	assert_int_equal(scratch_file("precious/file", "kept"), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "tree/sub", 0755, NULL), 0);
	assert_int_equal(symlinkat("../../precious", scratch_fd, "tree/sub/link"), 0);
	assert_int_equal(symlinkat("/", scratch_fd, "tree/root"), 0);
	assert_int_equal(symlinkat("precious", scratch_fd, "link"), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "tree", NULL), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "link", NULL), 0);
	assert_false(scratch_has("tree"));
	assert_false(scratch_has("link"));
	assert_true(scratch_has("precious/file"));
	assert_true(scratch_has("precious/deep"));
}

static void wide_trees(void **state)
{
	char name[64];
	int before = scratch_count_fds();

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof name, "tree/d%d/e", i);
		assert_int_equal(path_mkdirs(scratch_fd, name, 0755, NULL), 0);
		for (int j = 0; j < 60; j++) {
			snprintf(name, sizeof name, "tree/d%d/e/some-longer-file-name-%d", i, j);
			assert_int_equal(scratch_file(name, ""), 0);
		}
	}
	assert_int_equal(path_remove_tree(scratch_fd, "tree", NULL), 0);
	assert_false(scratch_has("tree"));
	assert_int_equal(scratch_count_fds(), before);
}

/* 10,000 levels, two names in each, with 100 descriptors allowed. */
static void deep_trees(void **state)
{
	enum { DEPTH = 10000 };
	struct rlimit old, few = { 100, 100 };
	auto_close int at = dup(scratch_fd);

	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		assert_int_equal(symlinkat("x", at, "e"), 0);
		if (i % 100 == 0)
			assert_int_equal(mkdirat(at, "f", 0755), 0);
		next = openat(at, "d", O_PATH | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(take_fd(&at)); /* held, it would keep every removed directory above it in the kernel's cache */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "d", NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_false(scratch_has("d"));
}

static void mounts_are_not_crossed(void **state)
{
	auto_err struct err err = ERR_INIT;
	char at[128];

	assert_int_equal(path_mkdirs(scratch_fd, "tree/a/mnt", 0755, NULL), 0);
	snprintf(at, sizeof at, "%s/tree/a/mnt", scratch_path);
	assert_int_equal(mount("none", at, "tmpfs", 0, NULL), 0);
	assert_int_equal(scratch_file("tree/a/mnt/precious", ""), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "tree", &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_string_equal(err_msg(&err), "remove 'tree/a/mnt': something is mounted there");
	assert_int_equal(path_remove_tree(scratch_fd, "tree/a/mnt", &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_true(scratch_has("tree/a/mnt/precious"));
	assert_int_equal(umount2(at, MNT_DETACH), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "tree", &err), 0);
}

/* The same file system bound into the tree: only the mount differs. */
static void bind_mounts_are_not_crossed(void **state)
{
	auto_err struct err err = ERR_INIT;
	char from[128], at[128];

	assert_int_equal(path_mkdirs(scratch_fd, "tree/mnt", 0755, NULL), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "precious/x", 0755, NULL), 0);
	snprintf(from, sizeof from, "%s/precious", scratch_path);
	snprintf(at, sizeof at, "%s/tree/mnt", scratch_path);
	assert_int_equal(mount(from, at, NULL, MS_BIND, NULL), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "tree", &err), -1);
	assert_string_equal(err_msg(&err), "remove 'tree/mnt': something is mounted there");
	assert_true(scratch_has("precious/x"));
	assert_int_equal(umount2(at, MNT_DETACH), 0);
	/* and a file */
	assert_int_equal(scratch_file("tree/file", ""), 0);
	assert_int_equal(scratch_file("precious/file", "kept"), 0);
	snprintf(from, sizeof from, "%s/precious/file", scratch_path);
	snprintf(at, sizeof at, "%s/tree/file", scratch_path);
	assert_int_equal(mount(from, at, NULL, MS_BIND, NULL), 0);
	assert_int_equal(path_remove_tree(scratch_fd, "tree", &err), -1);
	assert_string_equal(err_msg(&err), "remove 'tree/file': something is mounted there");
	assert_int_equal(umount2(at, MNT_DETACH), 0);
	assert_true(scratch_has("precious/file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(files_links_and_what_is_absent),
		scratch_test(links_are_not_followed),
		scratch_test(wide_trees),
		scratch_test(deep_trees),
		scratch_test(mounts_are_not_crossed),
		scratch_test(bind_mounts_are_not_crossed),
	};

	return cmocka_run_group_tests(tests, own_tmp, NULL);
}
