/* links.h - within src/copy: files that were met before under another name. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "../util/map.h"

struct links {
	struct map paths;    /* "DEV:INO" → malloc'ed path */
	size_t bytes;
};
/* The path under which this file was met before, borrowed; NULL: it is noted, for as long as there is room. */
const char *links_meet(struct links *l, const struct stat *st, const char *path);
void links_done(struct links *l);
