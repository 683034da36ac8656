/* watch.h - hears when the project's journal changes, without asking the supervisor. */
#pragma once

#include <stdbool.h>

#include "../state/dirs.h"
#include "../util/err.h"

/* An inotify descriptor for the project's state directory, readable after each change. 0 with *ret_fd; -1
 * when there is no directory. */
int watch_open(const struct pdirs *p, int *ret_fd, struct err *err);
/* Reads what there is. True: the journal changed, or the project is gone. */
bool watch_take(int fd);
