/* socket.c - a socket in somebody else's network: made there, used from here. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../src/util/auto.h"
#include "net.h"
#include "netns.h"

static int make(int *ret_fd)
{
	*ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return *ret_fd < 0 ? -1 : 0;
}

int net_tcp_socket(const char *netns_path, int *ret_fd, struct err *err)
{
	auto_close int ns = -1, home = -1;
	int r, why;

	if (!netns_path)
		return make(ret_fd) < 0 ? err_sys(err, errno, "make a socket") : 0;
	home = netns_here(err);
	if (home < 0)
		return -1;
	r = netns_open(netns_path, &ns, err);
	if (r > 0)
		return err_set(err, ERR_NOT_FOUND, "there is no network namespace at '%s'", netns_path);
	if (r < 0 || netns_enter(ns, err) < 0)
		return -1;
	r = make(ret_fd);
	why = errno;
	netns_back(home);
	return r < 0 ? err_sys(err, why, "make a socket") : 0;
}
