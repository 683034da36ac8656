#include "origin.h"

#include <errno.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/str.h"

static bool same_inode(const json_t *a, const json_t *b)
{
	int64_t ino = jx_int(a, "ino", 0);

	return ino && ino == jx_int(b, "ino", 0) && jx_int(a, "dev", 0) == jx_int(b, "dev", 0);
}

static void set_inode(json_t *o, const struct stat *st)
{
	jx_set_int(o, "dev", (int64_t)st->st_dev);
	jx_set_int(o, "ino", (int64_t)st->st_ino);
}

enum origin_is origin_compare(const json_t *line, const char *dir)
{
	const char *before = line ? jx_str(line, "working_dir") : NULL;
	auto_json json_t *here = json_object();
	struct stat ours, theirs;

	if (!before || str_eq(before, dir) || stat(dir, &ours) < 0)
		return ORIGIN_SAME;
	set_inode(here, &ours);
	if (same_inode(line, here))
		return ORIGIN_SAME;
	if (stat(before, &theirs) < 0)
		return errno == ENOENT || errno == ENOTDIR ? ORIGIN_GONE : ORIGIN_OTHER;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino ? ORIGIN_SAME : ORIGIN_OTHER;
}

json_t *origin_of(const char *dir, const json_t *line)
{
	json_t *o = json_object();
	struct stat st;

	jx_set_str(o, "dir", dir);
	if (stat(dir, &st) == 0)
		set_inode(o, &st);
	jx_set_str(o, "seen", line ? jx_str(line, "working_dir") : NULL);
	return o;
}

bool origin_holds(const json_t *line, const json_t *origin)
{
	const char *dir = line ? jx_str(line, "working_dir") : NULL;

	return !dir || !origin || str_eq(dir, jx_str(origin, "dir")) || str_eq(dir, jx_str(origin, "seen")) || same_inode(line, origin);
}

void origin_note(json_t *line, const json_t *origin)
{
	static const char *const keys[] = { "dev", "ino" };

	for (size_t i = 0; origin && i < ARRAY_LEN(keys); i++)
		if (jx_int(origin, keys[i], 0))
			jx_set_int(line, keys[i], jx_int(origin, keys[i], 0));
}
