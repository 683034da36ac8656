/* path.h - files, by descriptor.
 *
 * Everything in a tree that is not ours (rootfs, volume, build context) is reached through path_open_in_root(); nothing there
 * is ever used by name again. Descriptors are close-on-exec. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct buf;

/* openat2(RESOLVE_IN_ROOT): symbolic links, also absolute ones, stay below root_fd. Linux 5.6. -1 with errno set on failure. */
int path_open_in_root(int root_fd, const char *path, int flags, mode_t mode);
/* The same, and makes missing directories on the way (mode 0755, never through a link out of the root). Returns an O_PATH or
 * O_DIRECTORY descriptor of the directory. */
int path_mkdirs_in_root(int root_fd, const char *path, mode_t mode);

/* mkdir -p relative to dir_fd (AT_FDCWD is fine). 0 or -1. */
int path_mkdirs(int dir_fd, const char *path, mode_t mode, struct err *err);
/* Opens a directory, making it (with parents) when absent. */
int path_open_dir(int dir_fd, const char *path, mode_t mode, int *ret_fd, struct err *err);

/* Reads a whole file of at most max bytes. 0, or -1 (a larger file is ERR_INPUT). */
int path_read(int dir_fd, const char *name, size_t max, struct buf *ret, struct err *err);
int path_read_fd(int fd, size_t max, struct buf *ret, struct err *err);

/* Writes beside and renames, so that a reader sees the old or the new. PATH_SYNC: file and directory are fsynced first. */
enum { PATH_SYNC = 1 };
int path_write(int dir_fd, const char *name, const void *data, size_t n, mode_t mode, unsigned flags, struct err *err);

/* Removes from the directory what path_write() left beside when its process was killed. Only for who knows that nobody is writing there now. */
void path_sweep(int dir_fd);

/* Removes a file or a whole tree, without following links and without leaving the file system it is on (a mount point below is
 * an error that names it). An absent one is fine. Depth is bounded by descriptors, not by the stack. */
int path_remove_tree(int dir_fd, const char *name, struct err *err);

/* Bytes of all files below a path, each counted once, without following links or leaving the file system it is on; 0 when it is absent. What
 * cannot be read does not count. For the command line: the working directory changes meanwhile. */
int64_t path_tree_bytes(const char *path);
/* The same for at most so long (-1: no limit); *ret_more, which may be NULL: there was more to count. */
int64_t path_tree_bytes_within(const char *path, int limit_ms, bool *ret_more);

/* Normalises "a/./b/../c" textually; the result is malloc'ed. base is put before a relative path. */
char *path_join(const char *base, const char *path);
/* The way from directory `from` to `to`, both absolute and as path_join() writes them: "../x", "." for the same. malloc. */
char *path_relative(const char *from, const char *to);
