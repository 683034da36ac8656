/* walk.h - within src/copy and its users that are sinks: a tree, entry by entry. */
#pragma once

#include "copy.h"

struct copy_entry {
	const char *name;    /* its last part */
	const char *path;    /* from the top on, without a slash at either end */
	int fd;              /* O_PATH */
	struct stat st;
	const char *link;    /* of a symbolic link: what it says */
	const char *same_as; /* the path of an earlier entry that is the same file; NULL: there is none */
};

struct copy_sink {
	void *arg;
	/* Each entry, directories before what is in them; then leave() with the same entry when that is over. */
	int (*entry)(void *arg, const struct copy_entry *e, struct err *err);
	int (*leave)(void *arg, const struct copy_entry *e, struct err *err);
	const struct stat *never;    /* this directory is not entered: it is what is being written; st_ino 0: none */
};

/* top: what the source is called in paths; NULL: the entries are what is in it, and it is none itself. */
int copy_walk(const struct copy_source *from, const char *top, const struct copy_sink *sink, struct copy_count *count, struct err *err);

/* Whether the file system at fd is one of the kernel's views of itself. */
bool copy_is_kernels(int fd);

/* A descriptor for reading what the O_PATH one is; -1 with errno. Never blocks, takes no terminal. */
int copy_reopen(int fd, int flags);
