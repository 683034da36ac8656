/* cp.h - within cmd_cp.c and cp_*.c: one `cp`, as it was asked for. */
#pragma once

#include "../copy/copy.h"
#include "cli.h"
#include "container_root.h"

struct cp {
	struct cli *c;
	bool archive, follow;
	const char *source, *target; /* paths; "-": a tar stream */
};

/* cp_stdin.c: standard input is a tar archive, which is unpacked into the directory `target` of the container by a confined davit-image. */
int cp_from_stdin(const struct cp *cp, const struct container_root *root, struct err *err);
