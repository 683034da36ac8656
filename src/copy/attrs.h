/* attrs.h - within src/copy and the unpacking verb: owner, mode, extended attributes and times of what was just made. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "copy.h"

/* st: what it was like where it comes from. The order is the caller's: owner and mode, attributes, and times last of all. */
int attrs_own(int fd, const struct stat *st, const struct copy_rules *rules, struct err *err);
int attrs_times(int fd, const struct stat *st, struct err *err);
/* The mode that it is to have. */
mode_t attrs_mode(const struct stat *st, const struct copy_rules *rules);
/* Owner and times of what has no descriptor of its own, links, devices and fifos: these are made with their mode, the umask being 0. */
int attrs_named(int dir_fd, const char *name, const struct stat *st, const struct copy_rules *rules, struct err *err);
/* The user's own attributes, and capabilities and ACLs where the rules keep them. from: O_PATH will do. What the file system cannot hold is
 * left out. room: ATTRS_ROOM bytes. */
enum { ATTRS_ROOM = 128 << 10 };
int attrs_extended(int from, int to, const struct copy_rules *rules, char *room, struct err *err);
bool attrs_allowed(const char *name, const struct copy_rules *rules);
/* Calls what for each one that is allowed; value is in room. */
int attrs_each(int from, const struct copy_rules *rules, char *room,
	       int (*what)(void *arg, const char *name, const void *value, size_t n, struct err *err), void *arg, struct err *err);
