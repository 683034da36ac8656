/* socket.c - a socket in somebody else's network: made there, used from here. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../src/util/auto.h"
#include "net.h"
#include "netns.h"

int net_ns_open(const char *netns_path, int *ret_fd, struct err *err)
{
	int r = netns_open(netns_path, ret_fd, err);
	if (r > 0)
		return err_set(err, ERR_NOT_FOUND, "there is no network namespace at '%s'", netns_path);
	return r;
}

static int make(int *ret_fd)
{
	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *ret_fd < 0 ? errno : 0;
}

int net_tcp_socket(int ns_fd, int *ret_fd, struct err *err)
{
	static int home = -1; /* the way back is always the same one, and asked for often */
	int why;

	if (ns_fd >= 0 && home < 0)
		home = netns_here(err);
	if (ns_fd >= 0 && (home < 0 || netns_enter(ns_fd, err) < 0))
		return -1;
	why = make(ret_fd);
	if (ns_fd >= 0)
		netns_back(home);
	return why ? err_sys(err, why, "make a socket") : 0;
}
