/* outside.h - what targets share that unpack archives: a directory beside the one that is unpacked into, which nothing may change, and headers
 * whose checksums are put right, so that their contents are looked at. */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/util/path.h"
#include "fuzz.h"

enum { BLOCK = 512, CHECKSUM = 148, MAGIC = 257 };

static int top_fd = -1, out_fd, victim_fd;
static struct stat out_was, victim_was;

static char top[] = "/tmp/archive-fuzz-XXXXXX";

static void remove_places(void)
{
	path_remove_tree(AT_FDCWD, top, NULL);
}

/* top/out is what something in top/in would reach by "../out". */
static void make_places(void)
{
	umask(0);
	require(mkdtemp(top) != NULL && atexit(remove_places) == 0);
	top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(mkdirat(top_fd, "out", 0755) == 0);
	out_fd = openat(top_fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	victim_fd = openat(out_fd, "victim", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	require(victim_fd >= 0 && fstat(out_fd, &out_was) == 0 && fstat(victim_fd, &victim_was) == 0);
}

static bool same(int fd, const struct stat *was)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_mode == was->st_mode && now.st_uid == was->st_uid && now.st_size == was->st_size &&
	       now.st_nlink == was->st_nlink && now.st_ctim.tv_sec == was->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == was->st_ctim.tv_nsec;
}

static void mend(unsigned char *p, size_t n)
{
	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		unsigned sum = 0;
		char text[8];
		if (memcmp(p + MAGIC, "ustar", 5) != 0)
			continue;
		memset(p + CHECKSUM, ' ', 8);
		for (size_t i = 0; i < BLOCK; i++)
			sum += p[i];
		snprintf(text, sizeof text, "%06o", sum);
		memcpy(p + CHECKSUM, text, 7);
	}
}
