/* tree_dirs.h - the directories on the way to a layer's entries; shared by tree_dirs.c and tree.c. */
#pragma once

#include <sys/stat.h>

#include "tree.h"

enum { TREE_THERE = 1 }; /* something stands where the entry is to be made */

/* Below a directory, through directories only; "" is that itself. A descriptor (O_PATH), or -1 with errno. */
int tree_open_dir(int dir_fd, const char *path);
/* Opens path's parent as t->parent_fd (kept for the next entry, which is mostly its neighbour), making what is missing; *ret_base is the
 * last part of path. */
int tree_open_parent(struct tree *t, const char *path, const char **ret_base, struct err *err);
void tree_forget_parent(struct tree *t);
/* A directory that takes the place of a whiteout or of a file hides what the layers below have in it, as these did.
 * TREE_THERE: it is one already. */
int tree_make_dir(
	struct tree *t, int parent_fd, const char *base, const char *path, mode_t mode, struct err *err);
/* Fails when there are more entries, with directories made on the way, than the limit lets be. */
int tree_count(const struct tree *t, struct err *err);
/* The directory is not one that was only made on the way. */
void tree_has_entry(struct tree *t, const char *path);
/* What stands at base goes; a directory with all that is in it. */
int tree_clear(int parent_fd, const char *base, struct err *err);
int tree_mark_opaque(struct tree *t, const char *path, struct err *err);
bool tree_is_whiteout(const struct stat *st);
