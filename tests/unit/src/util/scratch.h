/* scratch.h - a directory of its own for each test: CMUnitTest setup and teardown; *state is its descriptor.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/util/path.h"

static char scratch_path[64];
static int scratch_fd = -1;

static inline int scratch_make(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(scratch_path, sizeof scratch_path, "%s/davit-test-XXXXXX",
		tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	if (!mkdtemp(scratch_path))
		return -1;
	scratch_fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &scratch_fd;
	return scratch_fd < 0 ? -1 : 0;
}

static inline int scratch_remove(void **state)
{
	close(scratch_fd);
	scratch_fd = -1;
	return path_remove_tree(AT_FDCWD, scratch_path, NULL);
}

static inline int scratch_file(const char *name, const char *text)
{
	int fd = openat(scratch_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static inline int scratch_has(const char *name)
{
	return faccessat(scratch_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many descriptors this process holds. */
static inline int scratch_count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
