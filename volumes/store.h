/* store.h - the volume store's inside, for the files of this folder. */
#pragma once

#include "vol.h"

struct vol_store {
	char *path; /* STATE/volumes */
	int fd;
};

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes: what may stand in the store's directory. */
int vol_name_check(const char *name, struct err *err);
/* Opens the directory of a volume. -1 with errno. */
int vol_dir(const struct vol_store *s, const char *name);
/* Its meta.json. 0, or -1: there is none that can be read. */
int vol_meta(int vol_fd, json_t **ret, struct err *err);
/* flock with a bound; *ret_fd is a descriptor of its own. file NULL: the directory dir_fd itself. */
int vol_lock(int dir_fd, const char *file, int timeout_ms, const char *what, int *ret_fd, struct err *err);

/* --- mount.c --- */
/* Refuses options that the local driver does not know. */
int vol_options_check(const json_t *options, struct err *err);
/* Unmounts what vol_mount() mounted; something else on _data is ERR_BUSY. */
int vol_unmount(struct vol_store *s, const char *name, int vol_fd, const json_t *options, struct err *err);

/* --- tree.c --- */
/* Copies what is in the directory src_fd into the empty directory dst_fd, and its own owner, mode and times.
 */
int tree_copy(int src_fd, int dst_fd, struct err *err);
