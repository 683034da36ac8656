#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/cli/lookup.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/path.h"

static char top[] = "/tmp/davit-lookup-XXXXXX";
static int root_fd;

static void make(const char *name, mode_t mode)
{
	auto_close int fd = openat(root_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static int set_up(void **state)
{
	if (!mkdtemp(top))
		return -1;
	root_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	path_mkdirs(root_fd, "usr/bin", 0755, NULL);
	path_mkdirs(root_fd, "srv/tool", 0755, NULL);
	make("usr/bin/sh", 0755);
	make("usr/bin/data", 0644);
	make("srv/run", 0755);
	if (symlinkat("/usr/bin", root_fd, "bin") < 0 || symlinkat("/nowhere", root_fd, "usr/bin/gone") < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	close(root_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static void assert_found(const char *command, const char *cwd, const char *path, enum err_kind kind)
{
	auto_json json_t *process =
		json_pack("{s:[s],s:[s,s],s:s}", "args", command, "env", "A=b", path, "cwd", cwd);
	auto_err struct err err = ERR_INIT;

	assert_int_equal(lookup_command(root_fd, process, &err), kind ? -1 : 0);
	assert_int_equal(err.kind, kind);
	if (kind)
		assert_non_null(strstr(err_msg(&err), command));
}

static void looks_as_exec_does(void **state)
{
	assert_found("sh", "/", "PATH=/nowhere:/bin", ERR_NONE);
	assert_found("sh", "/", "B=c", ERR_NONE);
	assert_found("sh", "/usr", "PATH=bin", ERR_NONE);
	assert_found("run", "/srv", "PATH=", ERR_NONE);
	assert_found("/bin/sh", "/", "PATH=/x", ERR_NONE);
	assert_found("./run", "/srv", "PATH=/x", ERR_NONE);
	assert_found("nonesuch", "/", "PATH=/bin:/usr/bin", ERR_CMD_NOT_FOUND);
	assert_found("./nonesuch", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("gone", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("/usr/bin/sh/x", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("data", "/", "PATH=/bin", ERR_CMD_NOT_EXEC);
	assert_found("/srv/tool", "/", "PATH=/bin", ERR_CMD_NOT_EXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(looks_as_exec_does) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
