#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum verdict { THERE, ABSENT, NOT_EXECUTABLE };

/* What cannot be looked at (permissions, odd links) is left to the runtime. */
static enum verdict look(int root_fd, const char *cwd, const char *path)
{
	auto_free char *whole = path_join(cwd, path);
	auto_close int fd = path_open_in_root(root_fd, whole, O_PATH, 0);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ABSENT : THERE;
	if (fstat(fd, &st) < 0)
		return THERE;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? THERE : NOT_EXECUTABLE;
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

static enum verdict search(int root_fd, const char *cwd, const char *dirs, const char *command)
{
	enum verdict best = ABSENT;

	for (;; dirs++) {
		size_t n = strcspn(dirs, ":");
		auto_free char *path = xasprintf("%.*s/%s", (int)n, n ? dirs : ".", command);
		enum verdict v = look(root_fd, cwd, n ? path : command);

		if (v == THERE)
			return THERE;
		if (v == NOT_EXECUTABLE)
			best = v;
		dirs += n;
		if (!*dirs)
			return best;
	}
}

int lookup_command(int root_fd, const json_t *process, struct err *err)
{
	const char *command = json_string_value(json_array_get(jx_arr(process, "args"), 0));
	const char *cwd = jx_str(process, "cwd") ? jx_str(process, "cwd") : "/";
	enum verdict v;

	if (!command || !*command)
		return 0;
	v = strchr(command, '/') ? look(root_fd, cwd, command)
				 : search(root_fd, cwd, search_path(process), command);
	if (v == ABSENT)
		return err_set(err, ERR_CMD_NOT_FOUND, "command '%s' does not exist in the container",
			       command);
	if (v == NOT_EXECUTABLE)
		return err_set(err, ERR_CMD_NOT_EXEC, "command '%s' is not executable", command);
	return 0;
}
