#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../../../src/image/image.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/path.h"

static char root[] = "/tmp/user-test-XXXXXX";
static int root_fd;

static void put(const char *name, const char *text)
{
	auto_err struct err err = ERR_INIT;

	assert_int_equal(path_mkdirs(root_fd, "etc", 0755, &err), 0);
	if (path_write(root_fd, name, text, strlen(text), 0644, 0, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static int set_up(void **state)
{
	if (!mkdtemp(root))
		return -1;
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n# comment\n\nbroken\napp:x:1000:1001::/home/app:\n"
			  "twin:x:1000:55::/twin:\nnohome:x:77:78:::\nhuge:x:99999999999:1::/:\n");
	put("etc/group",
		"root:x:0:\napp:x:1001:\nwheel:x:10:root,app\nvideo:x:44:app,other\nonly:x:45:other\n");
	return 0;
}

static int tear_down(void **state)
{
	close(root_fd);
	return path_remove_tree(AT_FDCWD, root, NULL);
}

/* "uid:gid home groups", so that a case is one line. */
static char *look_up(const char *user, const char *const *extra)
{
	auto_err struct err err = ERR_INIT;
	struct image_user u;
	char text[512];
	size_t n;

	if (image_user(root_fd, user, extra, &u, &err) < 0)
		return strdup(err_msg(&err));
	n = (size_t)snprintf(text, sizeof text, "%u:%u %s", u.uid, u.gid, u.home);
	for (size_t i = 0; i < u.n_groups; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%c%u", i ? ',' : ' ', u.groups[i]);
	image_user_done(&u);
	return strdup(text);
}

static void check(const char *user, const char *const *extra, const char *want)
{
	auto_free char *have = look_up(user, extra);

	assert_string_equal(have, want);
}

static void test_users(void **state)
{
	check("", NULL, "0:0 /root 0,10");
	check("root", NULL, "0:0 /root 0,10");
	check("app", NULL, "1000:1001 /home/app 1001,10,44");
	check("1000", NULL, "1000:1001 /home/app 1001,10,44");
	check("app:wheel", NULL, "1000:10 /home/app 10");
	check("app:7", NULL, "1000:7 /home/app 7");
	check("4242", NULL, "4242:0 / 0");
	check("4242:4343", NULL, "4242:4343 / 4343");
	check("0:0", NULL, "0:0 /root 0");
	check("app:", NULL, "1000:1001 /home/app 1001,10,44");
	check(":wheel", NULL, "0:10 /root 10");
	check("nohome", NULL, "77:78 / 78");
}

static void test_extra_groups(void **state)
{
	const char *const extra[] = { "only", "9000", "video", NULL };
	const char *const bad[] = { "nowhere", NULL };

	check("app", extra, "1000:1001 /home/app 1001,10,44,45,9000");
	check("app:wheel", extra, "1000:10 /home/app 10,45,9000,44");
	check("app", bad, "unable to find group 'nowhere' in the image's /etc/group");
}

static void test_unknown(void **state)
{
	check("nobody", NULL, "unable to find user 'nobody' in the image's /etc/passwd");
	check("huge", NULL, "unable to find user 'huge' in the image's /etc/passwd");
	check("-1", NULL, "unable to find user '-1' in the image's /etc/passwd");
	check("4294967295", NULL, "unable to find user '4294967295' in the image's /etc/passwd");
	check("app:nowhere", NULL, "unable to find group 'nowhere' in the image's /etc/group");
}

static void test_names_are_words_not_numbers(void **state)
{
	struct image_user u;

	assert_int_equal(image_user(root_fd, "app", NULL, &u, NULL), 0);
	assert_string_equal(u.name, "app");
	image_user_done(&u);
	assert_int_equal(image_user(root_fd, "4242", NULL, &u, NULL), 0);
	assert_null(u.name);
	image_user_done(&u);
}

static void test_hostile_files(void **state)
{
	auto_err struct err err = ERR_INIT;
	struct image_user u;

	assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);
	check("1000", NULL, "1000:0 / 0");
	check("root", NULL, "unable to find user 'root' in the image's /etc/passwd");

	/* a link out of the root stays in it; so this one leads to the image's own file */
	put("etc/real", "linked:x:5:6::/l:\n");
	assert_int_equal(symlinkat("/../../etc/real", root_fd, "etc/passwd"), 0);
	check("linked", NULL, "5:6 /l 6");
	assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);

	/* a fifo must not block */
	assert_int_equal(mkfifoat(root_fd, "etc/passwd", 0644), 0);
	assert_int_equal(image_user(root_fd, "root", NULL, &u, &err), -1);
	assert_non_null(strstr(err_msg(&err), "is not a regular file"));
	assert_int_equal(unlinkat(root_fd, "etc/passwd", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_extra_groups),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_names_are_words_not_numbers),
		cmocka_unit_test(test_hostile_files),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
