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
	uint64_t entries, bytes; /* so far, with directories that no entry names; bytes of file content */
	struct map opaque;	 /* clean names of opaque directories */
	size_t opaque_bytes;
	struct map implied; /* clean names of directories that were made on the way; without a value: they have an entry, too */
	size_t implied_bytes;
	struct map dirs; /* clean name → malloc'ed struct timespec, set at the end */
	size_t dir_bytes;
	char *parent; /* the directory that was used last, and its descriptor */
	int parent_fd;
	bool parent_plain; /* what is made in it is born as root's, with the mode it was asked for */
	bool plain;	   /* no directory is known to have a default ACL, and we are root */
	bool aufs_links;   /* the directory of AUFS' hard links has to go in the end */
	char *last;	   /* the entry that was added last, for messages */
};
/* root_fd is of an empty directory, readable. The umask has to be 0. */
int tree_init(struct tree *t, int root_fd, const struct pack_limits *limits, struct err *err);
void tree_done(struct tree *t);
/* Writes one entry, its content taken from the stream. */
int tree_add(struct tree *t, struct stream *s, struct archive_entry *e, struct err *err);
/* Directory times, which every entry below would have changed. */
int tree_finish(struct tree *t, struct err *err);

/* meta.c: owner, mode, attributes and time of what was just made, as its entry says. Not a directory's time. */
struct made {
	int parent_fd;
	const char *base;
	int fd;	    /* of a regular file, else -1 */
	mode_t type; /* S_IFREG, … */
	bool born;  /* it is root's and has its mode, but for the upper three bits */
};
int meta_apply(const struct made *m, struct archive_entry *e, struct err *err);
