/* name.h - names inside archives. */
#pragma once

#include "../util/err.h"

enum { NAME_PATH_MAX = 4095, NAME_PART_MAX = 255, NAME_DEPTH_MAX = 256 };

/* "./a//b/" and "/a/b" → "a/b"; the top directory is "". A ".." or what is too long or too deep is refused by
 * name. ret is malloc'ed. */
int name_clean(const char *raw, char **ret, struct err *err);
/* For messages: what could steer a terminal and what is not UTF-8 is written out (visible.h), the end of a long name is cut.
 * malloc'ed. */
char *name_show(const char *raw);
