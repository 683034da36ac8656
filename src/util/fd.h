/* fd.h - descriptors: flags, whole writes, passing over a Unix socket. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "err.h"

int fd_nonblock(int fd);                                     /* 0 or -1 with errno */
int fd_cloexec(int fd, int on);
/* Whoever started us with standard input, output or error closed: what is opened next must not be taken for one of them. They become
 * descriptors from which nothing comes, and to which nothing can be written, as before. The first thing in main(). */
void fd_fill_standard(void);
/* Writes all of it or fails with errno; for descriptors that block. */
int fd_write_all(int fd, const void *data, size_t n);
/* Sends data and up to FD_MAX_PASS descriptors in one message (SCM_RIGHTS). Bytes sent or -1 with errno. */
enum { FD_MAX_PASS = 16 };
ssize_t fd_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds);
/* Receives; *n_fds says how many fit into fds on entry, how many came on return. Received descriptors are close-on-exec; those
 * that do not fit are closed. */
ssize_t fd_recv(int sock, void *data, size_t n, int *fds, size_t *n_fds);
/* Closes everything from lowest up except keep[] (sorted upwards, n of them). Used before each exec. */
void fd_close_from(int lowest, const int *keep, size_t n);
/* This process may have as many as it is allowed to ask for. */
void fd_raise_limit(void);
