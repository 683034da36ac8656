/* extract.h - a foreign archive into a directory of a foreign tree: what `cp - SERVICE:DIR` does.
 *
 * Unlike a layer (tree.h) it goes where things are already, and through the tree's links, which lead nowhere out of it; and whoever lives in
 * the tree may change it meanwhile. What is replaced, and what is not, is said in src/copy/copy.h. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

struct extract {
	int fd;              /* the archive: plain, gzip or zstd; borrowed */
	int root_fd;         /* borrowed */
	const char *target;  /* a directory in it */
	bool keep_owner;
};
/* Confines this process (confine.h, CONFINE_EXTRACT) before it reads the first byte: for who does nothing else. On failure what was unpacked
 * before stays. */
int extract(const struct extract *what, struct err *err);

/* The same in a process that is confined already, or that tests it: root_fd is the tree's root. */
int extract_here(const struct extract *what, struct err *err);
