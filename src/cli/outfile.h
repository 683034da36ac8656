/* outfile.h - where an archive goes: a file with -o, else standard output. */
#pragma once

#include "../util/err.h"

/* Calls write with a descriptor of it. A regular file is whole or not there: it is written beside, and renamed; what is there already and no
 * such file (a pipe, a device) is written to. path NULL or "-": standard output; a terminal is refused (ERR_USAGE). */
int outfile_write(const char *path, int (*write)(void *arg, int fd, struct err *err), void *arg, struct err *err);
