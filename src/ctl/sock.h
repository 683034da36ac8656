/* sock.h - within ctl only: where the socket is. */
#pragma once

#include <sys/un.h>

#define SOCK_NAME "sock"

/* The address of run_fd/name. sun_path has room for 108 bytes, a run directory's path may be longer: by way of the descriptor it
 * is always short. */
struct sockaddr_un sock_addr(int run_fd, const char *name);
