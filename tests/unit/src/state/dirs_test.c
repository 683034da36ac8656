#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../../src/state/dirs.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

static char place[64];

static int place_up(void **state)
{
	snprintf(place, sizeof place, "/tmp/dirs-test-XXXXXX");
	unsetenv("DAVIT_STATE_DIR");
	unsetenv("DAVIT_RUN_DIR");
	return mkdtemp(place) ? 0 : -1;
}

static int place_down(void **state)
{
	return path_remove_tree(AT_FDCWD, place, NULL);
}

static struct dirs dirs_here(void)
{
	struct dirs d;
	char a[96], b[96];

	snprintf(a, sizeof a, "%s/state", place);
	snprintf(b, sizeof b, "%s/deeper/run", place);
	assert_int_equal(dirs_init(a, b, &d, NULL), 0);
	return d;
}

static void expect_dirs(
	const char *state_opt, const char *run_opt, const char *want_state, const char *want_run)
{
	struct dirs d;

	assert_int_equal(dirs_init(state_opt, run_opt, &d, NULL), 0);
	assert_string_equal(d.state, want_state);
	assert_string_equal(d.run, want_run);
	assert_int_equal(dirs_usual(&d), STREQ(want_state, "/var/lib/davit") && STREQ(want_run, "/run/davit"));
	dirs_done(&d);
}

static void test_options_win_over_variables_over_defaults(void **state)
{
	expect_dirs(NULL, NULL, "/var/lib/davit", "/run/davit");
	setenv("DAVIT_STATE_DIR", "/env/state", 1);
	setenv("DAVIT_RUN_DIR", "", 1);
	expect_dirs(NULL, NULL, "/env/state", "/run/davit");
	expect_dirs("/opt//state/", NULL, "/opt/state", "/run/davit");
	assert_int_equal(chdir(place), 0);
	setenv("DAVIT_RUN_DIR", "sub/../run", 1);
	char want[96];
	snprintf(want, sizeof want, "%s/run", place);
	expect_dirs("/s", NULL, "/s", want);
	assert_int_equal(chdir("/"), 0);
}

/* In a child, because there is no way back from another user. */
static void test_not_root_means_xdg(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct dirs d;
		struct err err = ERR_INIT;
		int wrong = 0;

		if (setresuid(4711, 4711, 4711) < 0)
			_exit(90);
		setenv("HOME", "/home/me", 1);
		unsetenv("XDG_DATA_HOME");
		unsetenv("XDG_RUNTIME_DIR");
		wrong += dirs_init(NULL, NULL, &d, NULL) < 0 ||
			 !STREQ(d.state, "/home/me/.local/share/davit") ||
			 !STREQ(d.run, "/run/user/4711/davit");
		dirs_done(&d);
		setenv("XDG_DATA_HOME", "/data", 1);
		setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
		wrong += dirs_init(NULL, NULL, &d, NULL) < 0 || !STREQ(d.state, "/data/davit") ||
			 !STREQ(d.run, "/run/user/4711/davit");
		dirs_done(&d);
		unsetenv("XDG_DATA_HOME");
		unsetenv("HOME");
		wrong += dirs_init(NULL, NULL, &d, &err) != -1 || !err.hint;
		err_done(&err);
		_exit(wrong);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_opening_makes_only_when_told(void **state)
{
	struct dirs d = dirs_here();
	struct pdirs p;
	struct stat st;

	assert_int_equal(pdirs_open(&d, "demo", false, &p, NULL), 0);
	assert_int_equal(p.state_fd, -1);
	assert_int_equal(p.run_fd, -1);
	pdirs_done(&p);
	umask(077);
	assert_int_equal(pdirs_open(&d, "demo", true, &p, NULL), 0);
	umask(022);
	assert_true(p.state_fd >= 0 && p.run_fd >= 0);
	assert_int_equal(stat(d.run, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_equal(fstat(p.state_fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	pdirs_done(&p);
	assert_int_equal(pdirs_open(&d, "../demo", true, &p, NULL), -1);
	assert_int_equal(pdirs_open(&d, "", true, &p, NULL), -1);
	assert_int_equal(pdirs_open(&d, "Demo", true, &p, NULL), -1);
	dirs_done(&d);
}

static void test_projects_are_those_of_either_root(void **state)
{
	struct dirs d = dirs_here();
	struct pdirs p;
	char path[128], **list;

	assert_int_equal(dirs_projects(&d, &list, NULL), 0);
	assert_null(list[0]);
	free(list);
	assert_int_equal(pdirs_open(&d, "zebra", true, &p, NULL), 0);
	pdirs_done(&p);
	assert_int_equal(pdirs_open(&d, "ant-1", true, &p, NULL), 0);
	pdirs_done(&p);
	snprintf(path, sizeof path, "%s/projects/zebra", d.state);
	rmdir(path);
	snprintf(path, sizeof path, "%s/projects/.junk", d.state);
	mkdir(path, 0700);
	assert_int_equal(dirs_projects(&d, &list, NULL), 0);
	assert_string_equal(list[0], "ant-1");
	assert_string_equal(list[1], "zebra");
	assert_null(list[2]);
	for (char **s = list; *s; s++)
		free(*s);
	free(list);
	dirs_done(&d);
}

static void test_one_lock_per_project(void **state)
{
	struct dirs d = dirs_here();
	struct pdirs p;
	struct err err = ERR_INIT;
	int first, second;

	assert_int_equal(pdirs_open(&d, "demo", false, &p, NULL), 0);
	assert_int_equal(lock_take(&p, &first, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	err_done(&err);
	assert_false(lock_held(&p));
	pdirs_done(&p);
	assert_int_equal(pdirs_open(&d, "demo", true, &p, NULL), 0);
	assert_false(lock_held(&p));
	assert_int_equal(faccessat(p.run_fd, "lock", F_OK, 0), -1);
	assert_int_equal(lock_take(&p, &first, NULL), 0);
	assert_true(lock_held(&p));
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(lock_take(&p, &second, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	err_done(&err);
	/* the holder removes it at its end: the next one gets a new file, not the lock on the removed one */
	assert_int_equal(unlinkat(p.run_fd, "lock", 0), 0);
	assert_int_equal(lock_take(&p, &second, NULL), 0);
	close(first);
	close(second);
	assert_false(lock_held(&p));
	assert_int_equal(lock_take(&p, &second, NULL), 0);
	close(second);
	pdirs_done(&p);
	dirs_done(&d);
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_options_win_over_variables_over_defaults),
		PLACED(test_not_root_means_xdg),
		PLACED(test_opening_makes_only_when_told),
		PLACED(test_projects_are_those_of_either_root),
		PLACED(test_one_lock_per_project),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
