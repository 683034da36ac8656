/* The supervisor's end: listening and accepting. What is said is the supervisor's own matter. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/log.h"
#include "ctl.h"
#include "sock.h"

struct sockaddr_un sock_addr(int run_fd, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", run_fd, name);
	return addr;
}

int ctl_listen(int run_fd, int *ret_fd, struct err *err)
{
	static const char beside[] = SOCK_NAME ".new";
	struct sockaddr_un addr = sock_addr(run_fd, beside);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, errno, "make the control socket");
	if (unlinkat(run_fd, beside, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove an old control socket");
	/* The socket's own mode is what bind() gives the file, so there is no moment in which others may
	 * connect. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return err_sys(err, errno, "bind the control socket");
	if (listen(fd, SOMAXCONN) < 0 || renameat(run_fd, beside, run_fd, SOCK_NAME) < 0)
		return err_sys(err, errno, "listen on the control socket");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	if (peer.uid == geteuid() || peer.uid == 0)
		return 1;
	log_warn("user %u may not talk to us (pid %d)", peer.uid, (int)peer.pid);
	return 0;
}

int ctl_accept(int listen_fd, int *ret_fd, struct err *err)
{
	auto_close int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "accept on the control socket");
	if (!is_allowed(fd))
		return 0;
	*ret_fd = take_fd(&fd);
	return 1;
}
