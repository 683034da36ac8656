#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "scratch.h"

static void write_then_read(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	struct stat st;
	DIR *d;
	int n = 0;

	umask(077);
	assert_int_equal(path_write(scratch_fd, "model", "one", 3, 0644, PATH_SYNC, &err), 0);
	assert_int_equal(path_write(scratch_fd, "model", "second", 6, 0640, 0, &err), 0);
	umask(022);
	assert_int_equal(fstatat(scratch_fd, "model", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	buf_str(&b, "> ");
	assert_int_equal(path_read(scratch_fd, "model", 6, &b, &err), 0);
	assert_string_equal(b.p, "> second");
	/* nothing is left beside it */
	d = fdopendir(dup(scratch_fd));
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
	closedir(d);
	assert_int_equal(n, 1);
}

static void write_into_a_directory_below(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(mkdirat(scratch_fd, "sub", 0755), 0);
	assert_int_equal(path_write(scratch_fd, "sub/file", "x", 1, 0600, 0, NULL), 0);
	assert_int_equal(path_read(scratch_fd, "sub/file", 10, &b, NULL), 0);
	assert_string_equal(b.p, "x");
}

static void failed_write_leaves_nothing(void **state)
{
	auto_err struct err err = ERR_INIT;
	struct dirent *e;
	DIR *d;

	assert_int_equal(mkdirat(scratch_fd, "dir", 0755), 0);
	assert_int_equal(path_write(scratch_fd, "dir", "x", 1, 0600, 0, &err), -1);
	assert_string_equal(err_msg(&err), "write 'dir': Is a directory");
	assert_int_equal(path_write(scratch_fd, "none/file", "x", 1, 0600, 0, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(path_write(scratch_fd, "dir/..", "x", 1, 0600, 0, NULL), -1);
	d = fdopendir(dup(scratch_fd));
	while ((e = readdir(d)))
		assert_false(strncmp(e->d_name, ".tmp", 4) == 0);
	closedir(d);
}

static void read_is_bounded(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	assert_int_equal(scratch_file("f", "0123456789"), 0);
	buf_str(&b, "kept");
	assert_int_equal(path_read(scratch_fd, "f", 9, &b, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err_msg(&err), "read 'f': it is larger than 9 bytes");
	assert_string_equal(b.p, "kept");
	assert_int_equal(path_read(scratch_fd, "absent", 9, &b, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(path_read(scratch_fd, ".", 9, &b, &err), -1);
	assert_int_equal(err.errnum, EISDIR);
}

static void read_an_endless_file(void **state)
{
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	assert_int_equal(path_read(AT_FDCWD, "/dev/zero", 1 << 20, &b, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void empty_file_is_a_string(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(scratch_file("f", ""), 0);
	assert_int_equal(path_read(scratch_fd, "f", 9, &b, NULL), 0);
	assert_string_equal(b.p, "");
}

static int is_same(int fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(scratch_fd, name, &b, 0) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static void links_stay_in_the_root(void **state)
{
	auto_close int root = -1, a = -1, b = -1, c = -1;

	assert_int_equal(path_mkdirs(scratch_fd, "root/etc", 0755, NULL), 0);
	assert_int_equal(scratch_file("root/etc/passwd", "inside"), 0);
	assert_int_equal(scratch_file("passwd", "outside"), 0);
	assert_int_equal(symlinkat("/etc/passwd", scratch_fd, "root/absolute"), 0);
	assert_int_equal(symlinkat("../../../../etc/passwd", scratch_fd, "root/etc/up"), 0);
	assert_int_equal(symlinkat("loop", scratch_fd, "root/loop"), 0);
	root = openat(scratch_fd, "root", O_PATH | O_CLOEXEC);
	a = path_open_in_root(root, "absolute", O_RDONLY, 0);
	assert_true(is_same(a, "root/etc/passwd"));
	assert_true(fcntl(a, F_GETFD) & FD_CLOEXEC);
	b = path_open_in_root(root, "/etc/up", O_RDONLY, 0);
	assert_true(is_same(b, "root/etc/passwd"));
	c = path_open_in_root(root, "../../etc/passwd", O_RDONLY, 0);
	assert_true(is_same(c, "root/etc/passwd"));
	assert_int_equal(path_open_in_root(root, "loop", O_RDONLY, 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(path_open_in_root(root, "absent", O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOENT);
}

static void create_in_root(void **state)
{
	auto_close int fd = path_open_in_root(scratch_fd, "/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstatat(scratch_fd, "new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static int fd_in_root(const char *path)
{
	auto_close int root = openat(scratch_fd, "root", O_PATH | O_CLOEXEC);

	return path_mkdirs_in_root(root, path, 01777);
}

static void mkdirs_in_root(void **state)
{
	static const struct {
		const char *path, *is;
	} rows[] = {
		{ "/", "root" },
		{ "a/b//c/", "root/a/b/c" },
		{ "/a/b/../d", "root/a/b/../d" },
		{ "dangling/x", "root/made/later/x" },
		{ "sub/relative/y", "root/beside/y" },
		{ "escape/z", "root/outside/z" },
		{ "exists/e", "root/sub/e" },
		{ "chain/end", "root/far/end" },
	};
	struct stat st;

	assert_int_equal(path_mkdirs(scratch_fd, "root/sub", 0755, NULL), 0);
	assert_int_equal(symlinkat("/made/later", scratch_fd, "root/dangling"), 0);
	assert_int_equal(symlinkat("../beside", scratch_fd, "root/sub/relative"), 0);
	assert_int_equal(symlinkat("../../../../../outside", scratch_fd, "root/escape"), 0);
	assert_int_equal(symlinkat("sub", scratch_fd, "root/exists"), 0);
	assert_int_equal(symlinkat("chain2", scratch_fd, "root/chain"), 0);
	assert_int_equal(symlinkat("/far", scratch_fd, "root/chain2"), 0);
	assert_int_equal(symlinkat("loop2", scratch_fd, "root/loop"), 0);
	assert_int_equal(symlinkat("loop", scratch_fd, "root/loop2"), 0);
	umask(077);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_close int fd = fd_in_root(rows[i].path);

		if (fd < 0 || !is_same(fd, rows[i].is))
			fail_msg("'%s' is not '%s': %s", rows[i].path, rows[i].is, strerror(errno));
	}
	umask(022);
	assert_false(scratch_has("outside"));
	assert_int_equal(fstatat(scratch_fd, "root/a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fstatat(scratch_fd, "root/a/b/c", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 01777);
	assert_int_equal(fd_in_root("loop/x"), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(scratch_file("root/file", ""), 0);
	assert_int_equal(fd_in_root("file/x"), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void mkdirs_and_open(void **state)
{
	auto_err struct err err = ERR_INIT;
	auto_close int fd = -1, again = -1;

	assert_int_equal(path_open_dir(scratch_fd, "a/b/c", 0700, &fd, &err), 0);
	assert_true(is_same(fd, "a/b/c"));
	assert_int_equal(path_open_dir(scratch_fd, "a/b/c/", 0700, &again, &err), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "a//b/", 0700, &err), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "", 0700, &err), 0);
	assert_int_equal(path_mkdirs(AT_FDCWD, "/proc/self", 0700, &err), 0);
	assert_int_equal(scratch_file("file", ""), 0);
	assert_int_equal(path_mkdirs(scratch_fd, "file", 0700, &err), -1);
	assert_int_equal(err.errnum, ENOTDIR);
	assert_int_equal(path_mkdirs(scratch_fd, "file/x", 0700, &err), -1);
}

static void join_is_textual(void **state)
{
	static const struct {
		const char *base, *path, *is;
	} rows[] = {
		{ "/srv", "app", "/srv/app" },
		{ "/srv", "/app", "/app" },
		{ "/srv", "./a/./b/../c", "/srv/a/c" },
		{ "/srv/app", "..", "/srv" },
		{ "/", "../../x", "/x" },
		{ "/srv", ".", "/srv" },
		{ NULL, "a//b/", "a/b" },
		{ "", "a/..", "." },
		{ "x", "../../y", "../y" },
		{ NULL, "../../a/../b", "../../b" },
		{ NULL, "", "." },
		{ "/a", "", "/a" },
		{ NULL, "...", "..." },
		{ NULL, "/", "/" },
		{ "/srv", "../..", "/" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_free char *p = path_join(rows[i].base, rows[i].path);

		assert_string_equal(p, rows[i].is);
	}
}

static void relative_is_the_way(void **state)
{
	static const struct {
		const char *from, *to, *is;
	} rows[] = {
		{ "/a", "/a", "." },
		{ "/a", "/a/b/c", "b/c" },
		{ "/a/b/c", "/a", "../.." },
		{ "/a/b", "/a/c", "../c" },
		{ "/a/b", "/a/bc", "../bc" },
		{ "/a/bc", "/a/b", "../b" },
		{ "/", "/a", "a" },
		{ "/a", "/", ".." },
		{ "/", "/", "." },
		{ "/x/y", "/a/b", "../../a/b" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		auto_free char *p = path_relative(rows[i].from, rows[i].to);

		assert_string_equal(p, rows[i].is);
	}
}

static void sweeping_takes_halves_only(void **state)
{
	(void)state;
	assert_int_equal(path_write(scratch_fd, "model", "one", 3, 0644, 0, NULL), 0);
	assert_int_equal(path_write(scratch_fd, ".tmp-0123456789abcdef", "half", 4, 0600, 0, NULL), 0);
	assert_int_equal(path_write(scratch_fd, ".tmp", "other", 5, 0600, 0, NULL), 0);
	path_sweep(scratch_fd);
	assert_int_equal(faccessat(scratch_fd, "model", F_OK, 0), 0);
	assert_int_equal(faccessat(scratch_fd, ".tmp", F_OK, 0), 0);
	assert_int_equal(faccessat(scratch_fd, ".tmp-0123456789abcdef", F_OK, 0), -1);
}

static void bytes_of_a_tree_are_counted_in_time(void **state)
{
	char path[96];
	bool more = true;

	snprintf(path, sizeof path, "%s/tree", scratch_path);
	assert_int_equal(path_mkdirs(scratch_fd, "tree/sub", 0755, NULL), 0);
	assert_int_equal(path_write(scratch_fd, "tree/one", "123", 3, 0600, 0, NULL), 0);
	assert_int_equal(path_write(scratch_fd, "tree/sub/two", "12345", 5, 0600, 0, NULL), 0);
	assert_int_equal(linkat(scratch_fd, "tree/one", scratch_fd, "tree/sub/again", 0), 0);
	assert_int_equal(symlinkat("one", scratch_fd, "tree/link"), 0);
	assert_int_equal(path_tree_bytes(path), 8);
	assert_int_equal(path_tree_bytes_within(path, 60000, &more), 8);
	assert_false(more);
	assert_int_equal(path_tree_bytes_within(path, 0, &more), 0);
	assert_true(more);
	assert_int_equal(path_tree_bytes_within("/no/such/tree", 1000, &more), 0);
	assert_false(more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(write_then_read),
		scratch_test(write_into_a_directory_below),
		scratch_test(failed_write_leaves_nothing),
		scratch_test(sweeping_takes_halves_only),
		scratch_test(bytes_of_a_tree_are_counted_in_time),
		scratch_test(read_is_bounded),
		cmocka_unit_test(read_an_endless_file),
		scratch_test(empty_file_is_a_string),
		scratch_test(links_stay_in_the_root),
		scratch_test(create_in_root),
		scratch_test(mkdirs_in_root),
		scratch_test(mkdirs_and_open),
		cmocka_unit_test(join_is_textual),
		cmocka_unit_test(relative_is_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
