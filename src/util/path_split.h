/* path_split.h - within path*.c only: the directory that holds what a path names. */
#pragma once

/* Opens what lies before the last slash of path ("." when there is none); *ret_base is what follows it, borrowed from path.
 * -1 with errno; EINVAL when that is "", "." or "..". */
int path_open_parent(int dir_fd, const char *path, int *ret_fd, const char **ret_base);
