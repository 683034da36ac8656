/* dir.h - within src/copy and the unpacking verb: things made in one directory, whatever is there already. */
#pragma once

#include "copy.h"

/* How something is made under a name that nothing has. 0; -1 with errno in *ret_errno EEXIST when the name is taken, or with *err. */
typedef int make_fn(void *arg, int dir_fd, const char *name, int *ret_errno, struct err *err);
/* Makes it; what has its name, but a directory, is replaced by a rename. */
int dir_put(int dir_fd, const char *name, make_fn *make, void *arg, struct err *err);
/* A directory of that name, made when there is none; *ret_fd is for reading. A link or a file there is an error. */
int dir_enter(int dir_fd, const char *name, int *ret_fd, struct err *err);
/* What failed where a name was made or replaced, in words. */
int dir_why(int errnum, const char *what, struct err *err);
