#include "path.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "auto.h"
#include "clock.h"
#include "map.h"
#include "mem.h"

/* Several names of one file are one file. */
static bool seen(struct map *inodes, const struct stat *st)
{
	auto_free char *key = NULL;

	if (st->st_nlink < 2)
		return false;
	key = xasprintf("%llu", (unsigned long long)st->st_ino);
	if (map_has(inodes, key))
		return true;
	map_set(inodes, key, inodes);
	return false;
}

int64_t path_tree_bytes_within(const char *path, int limit_ms, bool *ret_more)
{
	char *const roots[] = { (char *)path, NULL };
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_XDEV, NULL);
	int64_t until_ns = clock_mono_ns() + limit_ms * MS_NS;
	struct map inodes = MAP_INIT;
	bool late = false;
	int64_t bytes = 0;
	FTSENT *e;

	while (f && (e = fts_read(f))) {
		late = limit_ms >= 0 && clock_mono_ns() > until_ns;
		if (late)
			break;
		if (e->fts_info == FTS_F && !seen(&inodes, e->fts_statp))
			bytes += e->fts_statp->st_size;
	}
	if (f)
		fts_close(f);
	map_done(&inodes, NULL);
	if (ret_more)
		*ret_more = late;
	return bytes;
}

int64_t path_tree_bytes(const char *path)
{
	return path_tree_bytes_within(path, -1, NULL);
}
