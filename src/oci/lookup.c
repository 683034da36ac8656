#include "lookup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "program.h"

/* What cannot be looked at for other reasons (odd links, a network's file system) is left to the runtime. */
static bool is_known(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ENOEXEC;
}

static const char *search_path(const json_t *process)
{
	const char *found = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	json_t *env = jx_arr(process, "env"), *e;
	size_t i;

	json_array_foreach(env, i, e)
		if (json_is_string(e) && str_starts(json_string_value(e), "PATH="))
			found = json_string_value(e) + strlen("PATH=");
	return found;
}

/* As execvp() and the runtimes do: the first that may be executed is it, whatever becomes of that. -1 with errno, ENOEXEC when the best was
 * none. */
static int search(int root_fd, const char *cwd, const char *dirs, const char *command)
{
	int why = ENOENT;

	for (;; dirs++) {
		size_t n = strcspn(dirs, ":");
		auto_free char *path = xasprintf("%.*s/%s", (int)n, n ? dirs : ".", command);
		int fd = program_open(root_fd, cwd, n ? path : command);

		if (fd >= 0 || !is_known(errno))
			return fd;
		if (errno == ENOEXEC)
			why = ENOEXEC;
		dirs += n;
		if (!*dirs)
			break;
	}
	errno = why;
	return -1;
}

static int judge(int root_fd, const char *cwd, const char *command, int fd, struct err *err)
{
	auto_free char *interpreter = NULL;

	switch (program_look(root_fd, cwd, fd, &interpreter)) {
	case PROGRAM_RUNS:
		break;
	case PROGRAM_NO_INTERPRETER:
		return err_set(err, ERR_CMD_NOT_FOUND, "command '%s' cannot run: its interpreter or loader '%s' does not exist in the container",
			       command, interpreter);
	case PROGRAM_BAD_INTERPRETER:
		return err_set(err, ERR_CMD_NOT_EXEC, "command '%s' cannot run: its interpreter or loader '%s' is not executable", command,
			       interpreter);
	case PROGRAM_FOREIGN:
		return err_set(err, ERR_CMD_NOT_EXEC,
			       "command '%s' is no program for this machine (another architecture, or no '#!' line)", command);
	}
	return 0;
}

int lookup_command(int root_fd, const json_t *process, struct err *err)
{
	const char *command = json_string_value(json_array_get(jx_arr(process, "args"), 0));
	const char *cwd = jx_str(process, "cwd") ? jx_str(process, "cwd") : "/";
	auto_close int fd = -1;

	if (!command || !*command)
		return 0;
	fd = strchr(command, '/') ? program_open(root_fd, cwd, command) : search(root_fd, cwd, search_path(process), command);
	if (fd >= 0)
		return judge(root_fd, cwd, command, fd, err);
	if (!is_known(errno))
		return 0;
	if (errno == ENOEXEC)
		return err_set(err, ERR_CMD_NOT_EXEC, "command '%s' is not executable", command);
	return err_set(err, ERR_CMD_NOT_FOUND, "command '%s' does not exist in the container", command);
}
