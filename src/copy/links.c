#include "links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util/mem.h"

enum { BYTES_MAX = 64 << 20, COST = 64 };        /* of a note beside its path, about */

const char *links_meet(struct links *l, const struct stat *st, const char *path)
{
	char key[48];
	const char *before;

	snprintf(key, sizeof key, "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	before = map_get(&l->paths, key);
	if (before || l->bytes > BYTES_MAX)
		return before;
	map_set(&l->paths, key, xstrdup(path));
	l->bytes += strlen(path) + COST;
	return NULL;
}

void links_done(struct links *l)
{
	map_done(&l->paths, free);
}
