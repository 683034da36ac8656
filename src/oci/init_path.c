/* init_path.c - where the program is that `init: true` puts into a container. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "oci.h"

static const char init_name[] = "davit-init";

/* The directory of the running program, or NULL. */
static char *own_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return NULL;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	return slash ? xstrndup(path, (size_t)(slash - path)) : NULL;
}

int oci_init_path(char **ret, struct err *err)
{
	auto_free char *dir = own_dir();
	static const char *const places[] = {"", "../libexec/", "../libexec/davit/"};
	for (size_t i = 0; dir && i < ARRAY_LEN(places); i++) {
		auto_free char *path = xasprintf("%s/%s%s", dir, places[i], init_name);
		if (access(path, X_OK) != 0)
			continue;
		*ret = realpath(path, NULL);
		if (*ret)
			return 0;
	}
	err_set(err, ERR_NOT_FOUND, "'%s' is not installed beside davit", init_name);
	return err_hint(err, "install davit again, or leave 'init: true' out");
}
