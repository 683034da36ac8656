/* shipaddr.h - where a syslog server is, and a socket to it. Nothing here waits. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "../util/err.h"

struct ship_addr {
	int family;                      /* AF_UNIX; AF_UNSPEC: a host, to be resolved */
	int type;                        /* SOCK_STREAM or SOCK_DGRAM */
	char *path;                      /* of AF_UNIX, NULL: where syslog daemons have theirs */
	char *host;
	char port[6];
};

/* "udp://host[:port]", "tcp://host[:port]", "unix://path", "unixgram://path"; NULL: the daemon of this host. -1 with what is wrong, also for
 * tcp+tls. */
int ship_addr_parse(const char *text, struct ship_addr *ret, struct err *err);
void ship_addr_done(struct ship_addr *a);
/* A socket that connects to a local path: 0, or -1 with errno (ENOENT, ECONNREFUSED: nobody is there now). Non-blocking. */
int ship_connect_unix(const char *path, int type, int *ret_fd);
/* The same to an address; a stream is connected when it becomes writable. */
int ship_connect_inet(const struct sockaddr *to, socklen_t len, int type, int *ret_fd);
