#include "fd.h"

#include <sys/resource.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "str.h"

int fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return flags & O_NONBLOCK ? 0 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int fd_cloexec(int fd, int on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

void fd_fill_standard(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDONLY)) >= 0 && fd <= STDERR_FILENO) /* inherited by whom we start, hence without O_CLOEXEC */
		;
	if (fd >= 0)
		close(fd);
}

int fd_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(FD_MAX_PASS * sizeof(int))];
};

ssize_t fd_send(int sock, const void *data, size_t n, const int *fds, size_t n_fds)
{
	union control ctl = { 0 };
	struct iovec iov = { (void *)data, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (n_fds > FD_MAX_PASS) {
		errno = E2BIG;
		return -1;
	}
	if (n_fds > 0) {
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		ctl.head.cmsg_level = SOL_SOCKET;
		ctl.head.cmsg_type = SCM_RIGHTS;
		ctl.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&ctl.head), fds, n_fds * sizeof(int));
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

/* Takes the descriptors out of one control message; those beyond room are closed. */
static size_t take_rights(const struct cmsghdr *c, int *fds, size_t have, size_t room)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
		if (have < room)
			fds[have++] = fd;
		else
			close(fd);
	}
	return have;
}

ssize_t fd_recv(int sock, void *data, size_t n, int *fds, size_t *n_fds)
{
	union control ctl;
	struct iovec iov = { data, n };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof ctl
	};
	size_t have = 0;
	ssize_t got;

	do
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			have = take_rights(c, fds, have, *n_fds);
	*n_fds = have;
	return got;
}

static int is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return 1;
	return 0;
}

/* Where a sandbox refuses close_range(2): what must not leak is closed one by one. */
static void close_listed(int lowest, const int *keep, size_t n)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned fd;

	if (!d)
		abort(); /* going on would hand our descriptors to a foreign program */
	while ((e = readdir(d)))
		if (str_uint(e->d_name, (unsigned)lowest, INT_MAX, &fd) == 0 && (int)fd != dirfd(d) &&
			!is_kept((int)fd, keep, n))
			close((int)fd);
	closedir(d);
}

void fd_close_from(int lowest, const int *keep, size_t n)
{
	unsigned from = (unsigned)lowest;

	for (size_t i = 0; i <= n; i++) {
		unsigned to = i < n ? (unsigned)keep[i] : UINT_MAX;

		if (i < n && keep[i] < (int)from)
			continue;
		if ((i == n || to > from) && close_range(from, i < n ? to - 1 : to, 0) < 0) {
			close_listed(lowest, keep, n);
			return;
		}
		from = to + 1;
	}
}

void fd_raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}
