/* syscalls.h - what who unpacks foreign bytes never asks the kernel for is refused to it.
 *
 * A filter (seccomp(2), Linux 3.5) over what confine.h leaves: a hole in a decompressor is worth the less, the less of the kernel is within
 * reach of who came in through it. Files, memory and time stay as they are, so that the libraries of any distribution do. */
#pragma once

#include "../util/err.h"

/* For the rest of this process' life; no_new_privs has to be set. What is refused fails with EPERM (clone3 with ENOSYS: libc has another way
 * then); calls by another architecture's numbers end the process. A kernel that has no such filters is no error. */
int syscalls_limit(struct err *err);
