/* tree.h - writes the entries of a layer below one directory.
 *
 * Names are never handed to the kernel whole by chance: each parent is opened with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS) or made, and the last part is used relative to that descriptor without following it.
 * What is there already is replaced: the later entry wins. Whiteouts become overlayfs': a character device
 * 0:0; opaque directories are only collected, because the trusted.* attribute needs a privilege that the
 * confined process has given up. */
#pragma once

#include "../util/map.h"
#include "../util/str.h"
#include "pack.h"
#include "stream.h"

struct tree {
	int root_fd; /* borrowed */
	struct pack_limits limits;
	bool no_devices;	 /* inside a user namespace: device nodes are left out */
	uint64_t entries, bytes; /* so far; bytes of file content */
	struct map opaque;	 /* clean names of opaque directories */
	size_t opaque_bytes;
	struct map dirs; /* clean name → malloc'ed struct timespec, set at the end */
	char *parent;	 /* the directory that was used last, and its descriptor */
	int parent_fd;
};
void tree_init(struct tree *t, int root_fd, const struct pack_limits *limits);
void tree_done(struct tree *t);
/* Writes one entry, its content taken from the stream. */
int tree_add(struct tree *t, struct stream *s, struct archive_entry *e, struct err *err);
/* Directory times, which every entry below would have changed. */
int tree_finish(struct tree *t, struct err *err);

/* meta.c: owner, mode, times and attributes of what was just made at base below parent_fd. fd: of a regular
 * file, else -1. */
int meta_apply(int parent_fd, const char *base, int fd, struct archive_entry *e, struct err *err);
