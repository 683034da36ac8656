/* filter.h - which images are meant by `--filter`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/str.h"

struct image;

struct image_filter {
	enum { FILTER_ANY, FILTER_DANGLING, FILTER_NAMED } names;
	struct strs labels, not_labels; /* "key" or "key=value" */
	struct strs references;		/* patterns as of fnmatch(3): "redis", "redis:7", "*:7" */
	int64_t before_ns, since_ns;	/* created before, after; 0: whenever */
};
/* ref: the normalised name it is listed by, "" for none. */
bool image_filter_takes(const struct image_filter *f, const struct image *img, const char *ref);
void image_filter_done(struct image_filter *f);
/* "docker.io/library/redis:7" → "redis" and "7"; "<none>" for what is missing. Malloc'ed. */
void image_name_split(const char *ref, char **ret_repository, char **ret_tag);
