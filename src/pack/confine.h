/* confine.h - a child that reads foreign bytes sees one directory and nothing else. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

enum confine_caps {
	CONFINE_NO_CAPS, /* only writes files of its own */
	CONFINE_UNPACK,	 /* owners, modes, device nodes, file capabilities */
};

/* For a freshly forked, single-threaded child. From here on its root is the directory `name` below dir_fd,
 * mounted nodev, nosuid and noexec in a mount namespace of its own (a device node it makes cannot be opened),
 * without network and System V IPC; it cannot gain privileges, may take 256 MiB more memory, and dies with its parent. Every descriptor of a
 * directory is closed: one would be a way out. */
int confine(int dir_fd, const char *name, enum confine_caps caps, struct err *err);
/* Before it, for a child that reads from no socket: closes those that it has inherited, its parent's connections to registries. */
int confine_sockets(struct err *err);
