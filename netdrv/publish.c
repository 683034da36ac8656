/* A published port is reserved by a socket that is bound and never listens: packets for the port are
 * translated before they would reach it, and nobody else can bind the port any more. It has no SO_REUSEADDR,
 * since a server that has (all do) could bind beside it otherwise. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "../src/util/auto.h"
#include "holder.h"
#include "net.h"

static int reuse(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

/* A connection that another server closed lately stays in TIME_WAIT and would refuse us the port for a
 * minute. With SO_REUSEADDR such remnants do not count, and living listeners still do; it is taken back at
 * once, since it is looked at whenever another binds. */
static int bind_past_remnants(int fd, const struct sockaddr_in *a)
{
	if (bind(fd, (const struct sockaddr *)a, sizeof *a) == 0)
		return 0;
	if (errno != EADDRINUSE || reuse(fd, 1) < 0)
		return -1;
	int r = bind(fd, (const struct sockaddr *)a, sizeof *a);
	int keep = errno;
	reuse(fd, 0);
	errno = keep;
	return r;
}

/* 0, 1: the port is taken, -1. */
static int try_port(
	uint32_t host_addr, unsigned port, bool udp, int *ret_fd, unsigned *ret_port, struct err *err)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(host_addr)
	};
	socklen_t len = sizeof a;
	auto_close int fd =
		socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "open a socket");
	/* a datagram socket has no remnants, and SO_REUSEADDR would let two bind one port */
	int r = udp ? bind(fd, (struct sockaddr *)&a, sizeof a) : bind_past_remnants(fd, &a);
	if (r < 0 && errno == EADDRINUSE)
		return 1;
	if (r < 0 || getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		char text[16];
		net_addr_format(host_addr, text);
		err_sys(err, errno, "reserve host port %u (%s) at address '%s'", port, udp ? "udp" : "tcp",
			text);
		return errno == EADDRNOTAVAIL ? err_hint(err, "this host has no such address") : -1;
	}
	*ret_fd = take_fd(&fd);
	*ret_port = ntohs(a.sin_port);
	return 0;
}

static int all_taken(uint32_t host_addr, unsigned min, unsigned max, bool udp, struct err *err)
{
	const char *proto = udp ? "udp" : "tcp";
	char who[256];
	if (min != max) {
		err_set(err, ERR_BUSY, "all host ports from %u to %u (%s) are taken", min, max, proto);
		return err_hint(err, "each container takes one of them: give a wider range, or scale the service down");
	}
	if (!min)
		return err_set(err, ERR_BUSY, "no free host port (%s) is left", proto);
	if (holder_find(host_addr, min, udp, who, sizeof who))
		err_set(err, ERR_BUSY, "host port %u (%s) is taken by %s", min, proto, who);
	else
		err_set(err, ERR_BUSY, "host port %u (%s) is taken", min, proto);
	return -1;
}

int publish_reserve(uint32_t host_addr, unsigned min, unsigned max, bool udp, int *ret_fd, unsigned *ret_port,
	struct err *err)
{
	if (max > 65535 || min > max)
		return err_set(err, ERR_INPUT, "host ports %u-%u are not a range within 1-65535", min, max);
	for (unsigned port = min; port <= max; port++) {
		int r = try_port(host_addr, port, udp, ret_fd, ret_port, err);
		if (r <= 0)
			return r;
	}
	return all_taken(host_addr, min, max, udp, err);
}
