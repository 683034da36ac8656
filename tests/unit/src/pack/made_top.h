/* made_top.h - a directory of its own for each test. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../../src/image/image.h"
#include "../../../../src/util/path.h"

static char top[64];
static int top_fd;

static inline int set_up(void **state)
{
	snprintf(top, sizeof top, "/tmp/%s-XXXXXX", program_invocation_short_name);
	if (!mkdtemp(top))
		return -1;
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static inline int tear_down(void **state)
{
	close(top_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

/* The image of that name in its store, NULL when it is not there, or not unpacked. */
static inline struct image *top_find(const char *name)
{
	struct image_store *s;
	struct image *i = NULL;

	if (image_store_open(top, &s, NULL) < 0)
		abort();
	image_find(s, name, NULL, &i, NULL);
	image_store_close(s);
	return i;
}
