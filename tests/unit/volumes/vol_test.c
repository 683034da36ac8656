#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../../src/util/auto.h"
#include "../../../src/util/buf.h"
#include "../../../src/util/fd.h"
#include "../../../src/util/json.h"
#include "../../../src/util/path.h"
#include "../../../src/util/str.h"
#include "../../../volumes/vol.h"

static char place[64];
static int place_fd, root_fd; /* root: what an image has */
static struct vol_store *store;

static int place_up(void **state)
{
	snprintf(place, sizeof place, "/tmp/vol-test-XXXXXX");
	if (!mkdtemp(place))
		return -1;
	place_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mkdirat(place_fd, "root", 0755);
	root_fd = openat(place_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return vol_open(place, &store, NULL);
}

static int place_down(void **state)
{
	vol_close(store);
	close(root_fd);
	close(place_fd);
	return path_remove_tree(AT_FDCWD, place, NULL);
}

/* Mounts of these tests are seen by nobody else. */
static int own_mounts(void **state)
{
	umask(022);
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0;
}

static int create(const char *name, const char *project, const char *key, const json_t *options,
	char **foreign, struct err *err)
{
	struct vol_spec spec = {.name = name, .project = project, .key = key, .driver_opts = options};
	char *whose = NULL;
	int rc = vol_create(store, &spec, &whose, err);

	if (foreign)
		*foreign = whose;
	else
		free(whose);
	return rc;
}

static void must_create(const char *name, const json_t *options)
{
	assert_int_equal(create(name, "demo", "data", options, NULL, NULL), 0);
}

static int data_fd(const char *name)
{
	auto_free char *path = vol_path(store, name);
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	assert_true(fd >= 0);
	return fd;
}

static void put(int dir, const char *name, const char *text)
{
	auto_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void expect_text(int dir, const char *name, const char *want)
{
	auto_buf struct buf b = BUF_INIT;

	assert_int_equal(path_read(dir, name, 1 << 20, &b, NULL), 0);
	assert_string_equal(b.p ? b.p : "", want);
}

static struct stat look(int dir, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), 0);
	return st;
}

static size_t n_entries(int dir)
{
	DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* ------------------------------------------------------------------ the store */

static void test_names(void **state)
{
	static const char *const good[] = {"a", "demo_data", "0", "A.b-c_d", "x.."};
	static const char *const bad[] = {"", ".", "..", ".lock", "-a", "_a", "a/b", "a b", "ä", "a\n"};
	char longest[258];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(create(good[i], "demo", "k", NULL, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(create(bad[i], "demo", "k", NULL, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		err_done(&err);
		assert_int_equal(vol_remove(store, bad[i], NULL), -1);
		assert_null(vol_path(store, bad[i]));
	}
	memset(longest, 'x', sizeof longest);
	longest[255] = '\0';
	assert_int_equal(create(longest, "demo", "k", NULL, NULL, NULL), 0);
	assert_int_equal(vol_remove(store, longest, NULL), 0);
	longest[255] = 'x';
	longest[256] = '\0';
	assert_int_equal(create(longest, "demo", "k", NULL, NULL, NULL), -1);
}

static void test_create_is_idempotent_and_says_whose_it_is(void **state)
{
	char *foreign;
	struct vol_spec spec = {.name = "demo_data", .external = true};

	assert_int_equal(create("demo_data", "demo", "data", NULL, &foreign, NULL), 0);
	assert_null(foreign);
	assert_int_equal(create("demo_data", "demo", "data", NULL, &foreign, NULL), VOL_EXISTS);
	assert_null(foreign);
	assert_int_equal(create("demo_data", "other", "data", NULL, &foreign, NULL), VOL_EXISTS);
	assert_string_equal(foreign, "demo");
	free(foreign);
	assert_int_equal(vol_create(store, &spec, &foreign, NULL), VOL_EXISTS);
	assert_null(foreign);
}

static void test_external_and_absent(void **state)
{
	struct vol_spec spec = {.name = "nobodys", .external = true};
	auto_err struct err err = ERR_INIT;
	char *foreign;

	assert_int_equal(vol_create(store, &spec, &foreign, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(err.hint);
	assert_null(vol_path(store, "nobodys"));
}

static void test_drivers_and_options_that_are_not_known(void **state)
{
	struct vol_spec spec = {.name = "a", .driver = "rexray"};
	auto_json json_t *size = json_pack("{s:s, s:s}", "device", "x", "size", "1g");
	auto_json json_t *no_device = json_pack("{s:s}", "type", "tmpfs");
	auto_json json_t *number = json_pack("{s:i}", "device", 1);
	char *foreign;

	assert_int_equal(vol_create(store, &spec, &foreign, NULL), -1);
	assert_int_equal(create("a", "demo", "k", size, NULL, NULL), -1);
	assert_int_equal(create("a", "demo", "k", no_device, NULL, NULL), -1);
	assert_int_equal(create("a", "demo", "k", number, NULL, NULL), -1);
	assert_null(vol_path(store, "a"));
	spec.driver = "local";
	assert_int_equal(vol_create(store, &spec, &foreign, NULL), 0);
}

static void test_list(void **state)
{
	auto_json json_t *labels = json_pack("{s:s}", "k", "v"), *all = NULL, *mine = NULL;
	struct vol_spec spec = {.name = "b", .project = "two", .key = NULL, .labels = labels};
	char *foreign;
	json_t *o;

	must_create("z", NULL);
	assert_int_equal(vol_create(store, &spec, &foreign, NULL), 0);
	mkdirat(place_fd, "volumes/no-volume", 0700);
	all = vol_list(store, NULL);
	assert_int_equal(json_array_size(all), 2);
	o = json_array_get(all, 0);
	assert_string_equal(jx_str(o, "name"), "b");
	assert_string_equal(jx_str(o, "project"), "two");
	assert_null(jx_str(o, "key"));
	assert_string_equal(jx_str(o, "driver"), "local");
	assert_int_equal(strlen(jx_str(o, "created")), 30);
	assert_string_equal(jx_str(jx_obj(o, "labels"), "k"), "v");
	assert_true(str_ends(jx_str(o, "mountpoint"), "/volumes/b/_data"));
	mine = vol_list(store, "demo");
	assert_int_equal(json_array_size(mine), 1);
}

static void test_remove(void **state)
{
	int fd;

	must_create("a", NULL);
	fd = data_fd("a");
	put(fd, "file", "x");
	close(fd);
	assert_int_equal(vol_remove(store, "a", NULL), 0);
	assert_null(vol_path(store, "a"));
	assert_int_equal(vol_remove(store, "a", NULL), 0);
	mkdirat(place_fd, "volumes/.gone-0011", 0700); /* left by a crash */
	assert_int_equal(vol_remove(store, "a", NULL), 0);
	fd = openat(place_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(n_entries(fd), 1); /* .lock */
	close(fd);
}

static void test_data_put_there_by_hand_is_kept(void **state)
{
	int fd;

	mkdirat(place_fd, "volumes/restored", 0755);
	mkdirat(place_fd, "volumes/restored/_data", 0700);
	put(place_fd, "volumes/restored/_data/file", "precious");
	assert_null(vol_path(store, "restored"));
	must_create("restored", NULL);
	fd = data_fd("restored");
	expect_text(fd, "file", "precious");
	close(fd);
	put(place_fd, "volumes/restored/meta.json", "{"); /* whose it is cannot be told any more */
	assert_int_equal(create("restored", "demo", "data", NULL, NULL, NULL), -1);
}

/* Many at once: exactly one makes it. */
static void test_create_race(void **state)
{
	int made = 0, there = 0;

	for (int i = 0; i < 16; i++)
		if (fork() == 0) {
			char project[16];
			struct vol_store *s;
			struct vol_spec spec = {.name = "shared", .project = project};
			char *foreign;

			snprintf(project, sizeof project, "p%d", i);
			_exit(vol_open(place, &s, NULL) < 0
					? 9
					: (unsigned)vol_create(s, &spec, &foreign, NULL) & 7);
		}
	for (int i = 0; i < 16; i++) {
		int status = -1;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		made += WEXITSTATUS(status) == 0;
		there += WEXITSTATUS(status) == VOL_EXISTS;
	}
	assert_int_equal(made, 1);
	assert_int_equal(there, 15);
}

/* ------------------------------------------------------------------ copy-up */

static void chmod_at(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid, time_t mtime)
{
	struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime, .tv_nsec = 5}};

	assert_int_equal(fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW), 0);
	if (mode)
		assert_int_equal(fchmodat(dir, name, mode, 0), 0);
	assert_int_equal(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void copyup(const char *name, const char *target)
{
	auto_err struct err err = ERR_INIT;
	int rc = vol_copyup(store, name, root_fd, target, &err);

	if (rc < 0)
		print_error("%s\n", err_msg(&err));
	assert_int_equal(rc, 0);
}

/* VFS_CAP_REVISION_2 with CAP_NET_BIND_SERVICE, as setcap writes it. */
static const unsigned char cap_net_bind[20] = {1, 0, 0, 2, 0, 4};

static void furnish_image(void)
{
	auto_close int fd = -1;

	mkdirat(root_fd, "data", 0755);
	mkdirat(root_fd, "data/sub", 0755);
	put(root_fd, "data/sub/file", "hello");
	fd = openat(root_fd, "data/sub/file", O_RDWR | O_CLOEXEC);
	assert_int_equal(fchown(fd, 33, 34), 0);
	assert_int_equal(fsetxattr(fd, "user.note", "kept", 4, 0), 0);
	chmod_at(root_fd, "data/sub/file", 0, 33, 34, 1000000);
	put(root_fd, "data/suid", "#!");
	chmod_at(root_fd, "data/suid", 04755, 1, 1, 5);
	assert_int_equal(linkat(root_fd, "data/sub/file", root_fd, "data/other-name", 0), 0);
	assert_int_equal(fsetxattr(fd, "security.capability", cap_net_bind, sizeof cap_net_bind, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", root_fd, "data/link"), 0);
	chmod_at(root_fd, "data/link", 0, 5, 6, 77);
	assert_int_equal(mknodat(root_fd, "data/fifo", S_IFIFO | 0640, 0), 0);
	assert_int_equal(mknodat(root_fd, "data/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	chmod_at(root_fd, "data/null", 0666, 0, 0, 5);
	chmod_at(root_fd, "data/sub", 0750, 33, 33, 2000000);
	chmod_at(root_fd, "data", 01777, 7, 8, 3000000);
}

static void test_copyup_copies_everything(void **state)
{
	auto_close int fd = -1, file = -1;
	unsigned char cap[64];
	char text[64] = "";
	struct stat a, b;

	furnish_image();
	must_create("v", NULL);
	copyup("v", "/data");
	fd = data_fd("v");
	assert_int_equal(n_entries(fd), 6);
	a = look(fd, "");
	assert_int_equal(a.st_mode, S_IFDIR | 01777);
	assert_int_equal(a.st_uid, 7);
	assert_int_equal(a.st_gid, 8);
	assert_int_equal(a.st_mtim.tv_sec, 3000000);
	a = look(fd, "sub");
	assert_int_equal(a.st_mode, S_IFDIR | 0750);
	assert_int_equal(a.st_mtim.tv_sec, 2000000);
	expect_text(fd, "sub/file", "hello");
	a = look(fd, "sub/file");
	b = look(fd, "other-name");
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_nlink, 2);
	assert_int_equal(a.st_uid, 33);
	assert_int_equal(a.st_gid, 34);
	assert_int_equal(a.st_mtim.tv_sec, 1000000);
	assert_int_equal(a.st_mtim.tv_nsec, 5);
	file = openat(fd, "sub/file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(file, "security.capability", cap, sizeof cap), sizeof cap_net_bind);
	assert_memory_equal(cap, cap_net_bind, sizeof cap_net_bind);
	assert_int_equal(fgetxattr(file, "user.note", text, sizeof text), 4);
	a = look(fd, "suid");
	assert_int_equal(a.st_mode, S_IFREG | 04755);
	memset(text, 0, sizeof text);
	assert_int_equal(readlinkat(fd, "link", text, sizeof text), 11);
	assert_string_equal(text, "/etc/passwd");
	a = look(fd, "link");
	assert_int_equal(a.st_uid, 5);
	assert_int_equal(a.st_mtim.tv_sec, 77);
	a = look(fd, "fifo");
	assert_int_equal(a.st_mode, S_IFIFO | 0640);
	a = look(fd, "null");
	assert_int_equal(a.st_mode, S_IFCHR | 0666);
	assert_int_equal(a.st_rdev, makedev(1, 3));
}

static void test_copyup_only_into_an_empty_volume(void **state)
{
	auto_close int fd = -1;

	furnish_image();
	must_create("v", NULL);
	fd = data_fd("v");
	put(fd, "mine", "x");
	copyup("v", "/data");
	assert_int_equal(n_entries(fd), 1);
	assert_int_equal(look(fd, "").st_uid, 0);
}

static void test_copyup_starts_over_after_a_crash(void **state)
{
	auto_close int fd = -1;

	furnish_image();
	must_create("v", NULL);
	fd = data_fd("v");
	mkdirat(fd, "sub", 0700);
	put(fd, "sub/half", "writ");
	put(place_fd, "volumes/v/filling", "");
	copyup("v", "data");
	assert_int_equal(n_entries(fd), 6);
	expect_text(fd, "sub/file", "hello");
	assert_int_equal(faccessat(fd, "sub/half", F_OK, 0), -1);
	assert_int_equal(faccessat(place_fd, "volumes/v/filling", F_OK, 0), -1);
}

static void test_copyup_stays_in_the_root(void **state)
{
	auto_close int fd = -1;

	furnish_image();
	mkdirat(root_fd, "var", 0755);
	assert_int_equal(symlinkat("/../../data", root_fd, "var/lib"), 0);
	must_create("v", NULL);
	copyup("v", "/var/lib");
	fd = data_fd("v");
	assert_int_equal(n_entries(fd), 6);
}

static void test_copyup_without_a_target(void **state)
{
	auto_close int fd = -1;

	put(root_fd, "file", "x");
	must_create("v", NULL);
	copyup("v", "/nowhere");
	copyup("v", "/file");
	fd = data_fd("v");
	assert_int_equal(n_entries(fd), 0);
	assert_int_equal(look(fd, "").st_mode, S_IFDIR | 0755);
}

static void test_copyup_of_what_is_too_deep_is_an_error(void **state)
{
	auto_err struct err err = ERR_INIT;
	int dir = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 300; i++) {
		int next;

		assert_int_equal(mkdirat(dir, "d", 0755), 0);
		next = openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	close(dir);
	must_create("v", NULL);
	assert_int_equal(vol_copyup(store, "v", root_fd, "/d", &err), -1);
	assert_non_null(strstr(err_msg(&err), "deep"));
}

/* ------------------------------------------------------------------ mounts */

static void test_bind_option(void **state)
{
	char device[96];
	auto_json json_t *options = NULL;
	auto_close int fd = -1;

	snprintf(device, sizeof device, "%s/host", place);
	mkdirat(place_fd, "host", 0755);
	put(place_fd, "host/file", "from the host");
	options = json_pack("{s:s, s:s, s:s}", "type", "none", "o", "bind,ro", "device", device);
	must_create("v", options);
	assert_int_equal(vol_mount(store, "v", NULL), 0);
	assert_int_equal(vol_mount(store, "v", NULL), 0);
	fd = data_fd("v");
	expect_text(fd, "file", "from the host");
	assert_int_equal(openat(fd, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644), -1);
	assert_int_equal(errno, EROFS);
	close(take_fd(&fd));
	assert_int_equal(vol_remove(store, "v", NULL), 0); /* unmounts it once: what is the host's stays */
	expect_text(place_fd, "host/file", "from the host");
}

static void test_tmpfs_option(void **state)
{
	auto_json json_t *options = json_pack(
		"{s:s, s:s, s:s}", "type", "tmpfs", "o", "size=64k,uid=1000,noexec", "device", "tmpfs");
	auto_close int fd = -1;

	must_create("v", options);
	assert_int_equal(vol_mount(store, "v", NULL), 0);
	fd = data_fd("v");
	assert_int_equal(look(fd, "").st_uid, 1000);
	close(take_fd(&fd));
	assert_int_equal(vol_remove(store, "v", NULL), 0);
}

static void test_mounts_that_cannot_be(void **state)
{
	static const char *const cases[][3] = {
		{"none", "bind", "/nowhere/at/all"},
		{"none", "bind", "relative"},
		{"nofs", "", "x"},
		{"tmpfs", "size=x", "tmpfs"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *options = json_pack(
			"{s:s, s:s, s:s}", "type", cases[i][0], "o", cases[i][1], "device", cases[i][2]);
		auto_err struct err err = ERR_INIT;

		must_create("v", options);
		assert_int_equal(vol_mount(store, "v", &err), -1);
		assert_true(str_starts(err_msg(&err), "volume 'v': "));
		assert_int_equal(vol_remove(store, "v", NULL), 0);
	}
	must_create("plain", NULL);
	assert_int_equal(vol_mount(store, "plain", NULL), 0);
}

static void test_a_foreign_mount_is_not_removed(void **state)
{
	auto_free char *path = NULL;
	auto_err struct err err = ERR_INIT;

	must_create("v", NULL);
	path = vol_path(store, "v");
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, NULL), 0);
	assert_int_equal(vol_remove(store, "v", &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(umount2(path, 0), 0);
	assert_int_equal(vol_remove(store, "v", NULL), 0);
}

static void test_secrets(void **state)
{
	struct stat st;

	assert_int_equal(secret_write(place_fd, "token", "s3cret", 6, 1000, 1001, 0400, NULL), 0);
	st = look(place_fd, "token");
	assert_int_equal(st.st_mode, S_IFREG | 0400);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1001);
	assert_int_equal(secret_write(place_fd, "token", "", 0, 0, 0, 0444, NULL), 0);
	expect_text(place_fd, "token", "");
	assert_int_equal(secret_write(place_fd, "../token", "x", 1, 0, 0, 0444, NULL), -1);
	assert_int_equal(secret_write(place_fd, "..", "x", 1, 0, 0, 0444, NULL), -1);
	assert_int_equal(secret_write(place_fd, "root", "x", 1, 0, 0, 0444, NULL), -1);
	assert_int_equal(n_entries(place_fd), 3); /* root, token, volumes */
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_names),
		PLACED(test_create_is_idempotent_and_says_whose_it_is),
		PLACED(test_external_and_absent),
		PLACED(test_drivers_and_options_that_are_not_known),
		PLACED(test_list),
		PLACED(test_remove),
		PLACED(test_data_put_there_by_hand_is_kept),
		PLACED(test_create_race),
		PLACED(test_copyup_copies_everything),
		PLACED(test_copyup_only_into_an_empty_volume),
		PLACED(test_copyup_starts_over_after_a_crash),
		PLACED(test_copyup_stays_in_the_root),
		PLACED(test_copyup_without_a_target),
		PLACED(test_copyup_of_what_is_too_deep_is_an_error),
		PLACED(test_bind_option),
		PLACED(test_tmpfs_option),
		PLACED(test_mounts_that_cannot_be),
		PLACED(test_a_foreign_mount_is_not_removed),
		PLACED(test_secrets),
	};

	return cmocka_run_group_tests(tests, own_mounts, NULL);
}
