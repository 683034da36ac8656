/* room.h - a network namespace and a directory of the test's own, which vanish with the process. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../../netdrv/net.h"
#include "../../../netdrv/netns.h"
#include "../../../src/util/auto.h"
#include "../../../src/util/err.h"
#include "../../../src/util/str.h"

#define ROOM  "/tmp" /* a tmpfs over it, seen by this process only */
#define NETNS ROOM "/run/projects/demo/netns"

static inline void link_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_flags = IFF_UP };
	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
}

static inline int room_make(void **state)
{
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("room", ROOM, "tmpfs", 0, NULL), 0);
	assert_int_equal(mount("sysfs", "/sys", "sysfs", 0, NULL), 0);
	link_up("lo");
	return 0;
}

#define must(call)                                                                                           \
	do {                                                                                                 \
		struct err must_err_ = ERR_INIT;                                                             \
		struct err *err = &must_err_;                                                                \
		if ((call) < 0)                                                                              \
			fail_msg("%s: %s", #call, err_msg(err));                                             \
	} while (0)

static inline double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Moves into the pinned namespace; returns where the thread was. */
static inline int visit(const char *pin)
{
	int ns = -1, home = netns_here(NULL);
	assert_int_equal(netns_open(pin, &ns, NULL), 0);
	assert_int_equal(netns_enter(ns, NULL), 0);
	close(ns);
	return home;
}

static inline void leave(int home)
{
	netns_back(home);
	close(home);
}

static inline struct sockaddr_in at(const char *ip, unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

static inline int sock(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 2 };
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

static inline int bound(int type, const char *ip, unsigned port)
{
	int fd = sock(type), on = 1;
	struct sockaddr_in a = at(ip, port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || (type == SOCK_STREAM && listen(fd, 8) < 0)) {
		int keep = errno;
		close(fd);
		errno = keep;
		return -1;
	}
	return fd;
}

/* Whether a packet from here to ip:port arrives at the listening socket, and from whom. Patience in ms for
 * those that must not. */
static inline bool reaches(
	int type, const char *ip, unsigned port, int listener, struct sockaddr_in *from, int patience_ms)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = at(ip, port);
	connect(fd, (struct sockaddr *)&a, sizeof a);
	if (type == SOCK_DGRAM && write(fd, "?", 1) < 0) {
		close(fd);
		return false;
	}
	struct pollfd p = { .fd = listener, .events = POLLIN };
	bool there = poll(&p, 1, patience_ms) == 1;
	if (there && type == SOCK_STREAM) {
		socklen_t len = sizeof *from;
		int c = accept4(listener, (struct sockaddr *)from, from ? &len : NULL, SOCK_CLOEXEC);
		struct pollfd out = { .fd = fd, .events = POLLOUT };
		int error = 0;
		socklen_t elen = sizeof error;
		there = c >= 0 && poll(&out, 1, patience_ms) == 1 &&
		        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &elen) == 0 && error == 0;
		close(c);
	} else if (there) {
		char byte;
		struct sockaddr_in who;
		socklen_t len = sizeof who;
		there = recvfrom(listener, &byte, 1, 0, (struct sockaddr *)&who, &len) == 1;
		if (there && from)
			*from = who;
		/* the answer must find its way back, and seem to come from where the question went */
		struct pollfd in = { .fd = fd, .events = POLLIN };
		there = there && sendto(listener, "!", 1, 0, (struct sockaddr *)&who, len) == 1 &&
		        poll(&in, 1, patience_ms) == 1 && read(fd, &byte, 1) == 1;
	}
	close(fd);
	return there;
}
