#include "program.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/mem.h"
#include "../util/str.h"

char *program_self(void)
{
	static const char gone[] = " (deleted)";
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n <= 0)
		return xstrdup("/usr/local/bin/davit");
	self[n] = 0;
	if (str_ends(self, gone))                /* replaced by a newer one while we ran */
		self[n - (ssize_t)strlen(gone)] = 0;
	return xstrdup(self);
}

char *program_helper(const char *davit, const char *name)
{
	const char *slash = strrchr(davit, '/');
	int n = slash ? (int)(slash - davit) : 0;
	char *path = xasprintf("%.*s/%s", n, davit, name);

	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xasprintf("%.*s/../libexec/davit/%s", n, davit, name);
}

char *program_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	return xasprintf("%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
}
