/* made_top.h - a directory of its own for each test. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
