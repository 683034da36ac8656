/* same.h - whether two unpacked layers are the same: names, kinds, modes, owners, sizes, contents, times of what is no directory (those that
 * an archive does not list have the time at which they were made), devices, links, and the attributes that layers may have. */
#pragma once

#include "../util/err.h"

/* 0: they are; SAME_NOT and *ret_why (malloc'ed): "'etc/passwd' has 5 bytes instead of 7", seen from have; -1: one cannot be read. */
enum { SAME_NOT = 1 };
int same_trees(int have_fd, int want_fd, char **ret_why, struct err *err);
