/* Paths by docker's rules, inside a root that nothing leads out of, and trees that are copied below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../../../../src/copy/copy.h"
#include "../../../../src/copy/links.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

static char top[64];
static int root_fd;

static void put(const char *path, const char *text)
{
	auto_close int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static char *text_of(const char *path)
{
	struct buf b = BUF_INIT;

	if (path_read(root_fd, path, 1 << 20, &b, NULL) < 0)
		return xstrdup("(none)");
	return buf_take(&b);
}

/* root/ is the container's; outside is what must not be reached. */
static int set_up(void **state)
{
	int fd;

	snprintf(top, sizeof top, "/tmp/copy-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(fd, "root", 0755) < 0)
		return -1;
	root_fd = fd;
	put("outside", "outside");
	root_fd = openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(fd);
	return root_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	close(root_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static struct copy_root root(void)
{
	return (struct copy_root){ .fd = root_fd, .name = "c:" };
}

/* 0 or the kind of the failure. */
static enum err_kind copy(const char *from, const char *to)
{
	const struct copy_root in = root();
	const struct copy_rules rules = { .keep_owner = true, .keep_privilege = true };
	struct copy_count count = { 0 };
	struct copy_source s = { .fd = -1 };
	struct copy_place p = { .dir_fd = -1 };
	struct err err = ERR_INIT;
	enum err_kind kind;

	if (copy_source_open(&in, from, false, &s, &err) == 0 && copy_place_open(&in, to, &s, &p, &err) == 0)
		copy_tree(&s, &p, &rules, &count, &err);
	copy_source_done(&s);
	copy_place_done(&p);
	kind = err.kind;
	err_done(&err);
	return kind;
}

static void is(const char *path, const char *text)
{
	auto_free char *now = text_of(path);

	assert_string_equal(now, text);
}

static void test_names(void **state)
{
	static const struct { const char *path, *name; bool dir; } cases[] = {
		{ "/d", "d", true }, { "d", "d", true }, { "d/", "d", true }, { "/d/.", NULL, true }, { "/x/../d", "d", true },
		{ "/", NULL, true }, { ".", NULL, true }, { "/d/f", "f", false }, { "/../../d/f", "f", false }, { "/l", "l", false },
		{ "/l/", "l", true }, { "/l/.", NULL, true }, { "/l/f", "f", false },
	};
	const struct copy_root in = root();

	mkdirat(root_fd, "d", 0755);
	put("d/f", "f");
	assert_int_equal(symlinkat("/d", root_fd, "l"), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct copy_source s;

		assert_int_equal(copy_source_open(&in, cases[i].path, false, &s, NULL), 0);
		assert_true(str_eq(s.name, cases[i].name));
		assert_int_equal(S_ISDIR(s.st.st_mode), cases[i].dir);
		copy_source_done(&s);
	}
}

static void test_source_refused(void **state)
{
	static const char *const paths[] = { "/none", "/f/", "/f/.", "/f/x", "/up/outside", "/loop/x" };
	const struct copy_root in = root();

	put("f", "f");
	assert_int_equal(symlinkat("../../../../../../../../../..", root_fd, "up"), 0);
	assert_int_equal(symlinkat("loop", root_fd, "loop"), 0);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct copy_source s;

		assert_int_equal(copy_source_open(&in, paths[i], true, &s, NULL), -1);
		copy_source_done(&s);
	}
}

static void test_links_at_the_target(void **state)
{
	put("f", "new");
	put("target", "old");
	assert_int_equal(symlinkat("target", root_fd, "to-file"), 0);
	assert_int_equal(symlinkat("not/yet", root_fd, "to-nothing"), 0);
	assert_int_equal(symlinkat("made", root_fd, "to-new"), 0);
	assert_int_equal(symlinkat("../outside", root_fd, "up"), 0);
	assert_int_equal(symlinkat("/..", root_fd, "root"), 0);
	assert_int_equal(symlinkat("self", root_fd, "self"), 0);
	assert_int_equal(copy("/f", "/to-file"), 0);
	is("target", "new");
	assert_int_equal(copy("/f", "/to-nothing"), ERR_NOT_FOUND);
	assert_int_equal(copy("/f", "/to-new"), 0);
	is("made", "new");
	assert_int_equal(copy("/f", "/up"), 0);          /* up to the root, and no further */
	is("outside", "new");
	is("../outside", "outside");
	assert_int_equal(copy("/target", "/root"), 0);
	assert_int_not_equal(copy("/f", "/self"), 0);
	assert_int_equal(faccessat(root_fd, "../target", F_OK, 0), -1);
}

static void test_into_itself(void **state)
{
	mkdirat(root_fd, "d", 0755);
	put("d/f", "f");
	assert_int_equal(copy("/d", "/d/e"), ERR_INPUT);
	assert_int_equal(copy("/d/.", "/d"), ERR_INPUT);
	assert_int_equal(copy("/d/f", "/d/f"), 0);
	is("d/f", "f");
}

static void test_replaced(void **state)
{
	struct stat was, now;

	mkdirat(root_fd, "d", 0755);
	mkdirat(root_fd, "d/x", 0700);
	put("x", "file");
	put("y", "new");
	put("d/y", "old");
	assert_int_equal(copy("/x", "/d"), ERR_EXISTS);          /* a directory is in its place */
	mkdirat(root_fd, "y-dir", 0755);
	assert_int_equal(copy("/y-dir", "/d/y"), ERR_INPUT);
	assert_int_equal(fstatat(root_fd, "d/y", &was, 0), 0);
	assert_int_equal(copy("/y", "/d"), 0);
	assert_int_equal(fstatat(root_fd, "d/y", &now, 0), 0);
	assert_int_not_equal(was.st_ino, now.st_ino);
	is("d/y", "new");
	assert_int_equal(linkat(root_fd, "y", root_fd, "same", 0), 0);
	mkdirat(root_fd, "twice", 0755);
	assert_int_equal(copy("/.", "/twice"), ERR_INPUT);
}

static void test_links_noted(void **state)
{
	struct links l = { 0 };
	struct stat a = { .st_dev = 1, .st_ino = 2 }, b = { .st_dev = 2, .st_ino = 1 };

	assert_null(links_meet(&l, &a, "one"));
	assert_null(links_meet(&l, &b, "two"));
	assert_string_equal(links_meet(&l, &a, "three"), "one");
	assert_string_equal(links_meet(&l, &b, "four"), "two");
	links_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_source_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links_at_the_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_into_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replaced, set_up, tear_down),
		cmocka_unit_test(test_links_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
