/* confine.h - a child that reads foreign bytes sees one directory and nothing else. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

enum confine_caps {
	CONFINE_NO_CAPS, /* only writes files of its own */
	CONFINE_UNPACK,	 /* owners, modes, device nodes, file capabilities */
	CONFINE_EXTRACT, /* the same in a directory that may be of another mount namespace, a container's, where it cannot be mounted anew */
};

/* For a worker (util/proc.h) that has just begun, or a process that does nothing else. From here on its root is the directory `name` below dir_fd,
 * mounted nodev, nosuid and noexec in a mount namespace of its own (a device node it makes cannot be opened; not with CONFINE_EXTRACT),
 * without network and System V IPC; it cannot gain privileges, may take 256 MiB more memory, and dies with its parent. It is of no user that
 * has processes, so that it can neither signal nor trace any, and cannot have children; what it makes is root's nevertheless. Of its
 * descriptors those of keep[] (n of them), standard error and the one that its result goes to stay open: it has inherited the terminal's,
 * connections to registries, and files and directories that are others'. What of the kernel it has no need of is refused to it (syscalls.h). */
int confine(int dir_fd, const char *name, enum confine_caps caps, const int *keep, size_t n, struct err *err);
