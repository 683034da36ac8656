#include "groups.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/str.h"

#define ROOT "/sys/fs/cgroup"
#define PARENT "davit-build"

enum { DYING_MS = 5000, STEP_MS = 10 };

char *groups_path(const char *session, const char *job)
{
	return xasprintf("/" PARENT "/%s-%s", session, job);
}

static void remove_group(const char *path, int64_t until_ns)
{
	while (rmdir(path) < 0 && errno != ENOENT) {
		if (errno != EBUSY || clock_mono_ns() > until_ns) {
			log_warn("control group '%s' of a build stays: %s", path, strerror(errno));
			return;
		}
		poll(NULL, 0, STEP_MS);
	}
}

/* Those in one hierarchy. */
static void remove_in(const char *hierarchy, const char *session, int64_t until_ns)
{
	auto_free char *dir = xasprintf("%s/" PARENT, hierarchy);
	auto_closedir DIR *d = opendir(dir);
	size_t n = strlen(session);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		auto_free char *path = xasprintf("%s/%s", dir, e->d_name);

		if (e->d_type == DT_DIR && strncmp(e->d_name, session, n) == 0 && e->d_name[n] == '-')
			remove_group(path, until_ns);
	}
	if (d)
		rmdir(dir);              /* unless somebody else builds */
}

void groups_remove(const char *session)
{
	int64_t until_ns = clock_mono_ns() + DYING_MS * MS_NS;
	auto_closedir DIR *d = opendir(ROOT);
	struct dirent *e;

	remove_in(ROOT, session, until_ns);
	while (d && (e = readdir(d))) {
		auto_free char *hierarchy = xasprintf(ROOT "/%s", e->d_name);

		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			remove_in(hierarchy, session, until_ns);
	}
}
