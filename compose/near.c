#include "near.h"

#include <dirent.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"

enum { ENTRIES_MAX = 1000, DISTANCE_MAX = 4 };

const char *near_names(struct arena *a, const char *dir, const char *const *names)
{
	auto_closedir DIR *d = opendir(dir);
	unsigned least = DISTANCE_MAX + 1;
	const char *best = NULL;
	struct dirent *e;

	for (int i = 0; d && i < ENTRIES_MAX && (e = readdir(d)); i++) {
		const char *hit = e->d_type == DT_DIR ? NULL : str_nearest(e->d_name, names);
		unsigned distance;

		if (!hit)
			continue;
		distance = str_distance(e->d_name, hit);

		/* of those that are as near the first by name: the order of directories is chance */
		if (distance > least || (distance == least && (!best || strcmp(e->d_name, best) >= 0)))
			continue;
		least = distance;
		best = arena_strdup(a, e->d_name);
	}
	return best;
}

const char *near_file(struct arena *a, const char *path)
{
	auto_free char *dir = path_join(path, "..");
	const char *slash = strrchr(path, '/');
	const char *const names[] = { slash ? slash + 1 : path, NULL };
	const char *hit = near_names(a, dir, names);

	if (!hit || !slash)
		return hit;
	return arena_printf(a, "%.*s%s", (int)(slash + 1 - path), path, hit);
}
