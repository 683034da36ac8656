/* stdio.c - the pipes and terminals between a container and whoever keeps its logs.
 *
 * How it works: the container's descriptor of a FIFO is O_RDWR, so the FIFO always has a reader and a
 * writer: no SIGPIPE, no end of file and no lost byte when the supervisor dies; a full pipe only makes the
 * container wait. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "oci.h"

enum {
	PIPE_BYTES = 1024 * 1024,
	CONSOLE_MSG_MAX = 4096, /* the runtime sends the pty's name with the descriptor */
	CONSOLE_WAIT_MS = 500,
};

static int open_fifo(int dir_fd, const char *name, int flags, int *ret_fd, struct err *err)
{
	auto_close int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open log pipe '%s'", name);
	if (!S_ISFIFO(st.st_mode))
		return err_set(err, ERR_EXISTS, "log pipe '%s' is another kind of file", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

int stdio_make_fifo(int dir_fd, const char *name, struct err *err)
{
	auto_close int fd = -1;
	if (mkfifoat(dir_fd, name, 0600) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make log pipe '%s'", name);
	/* Never blocks and never waits for a peer: this end is both. */
	return open_fifo(dir_fd, name, O_RDWR | O_NONBLOCK, &fd, err);
}

/* The size belongs to the pipe, which lives only while somebody has it open: so it is set at every
 * opening. A smaller pipe works as well, therefore a refusal (a user's limit of pipe pages) is no failure. */
static void enlarge(int fd)
{
	if (fcntl(fd, F_GETPIPE_SZ) < PIPE_BYTES)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
}

int stdio_open_container(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	int fd = -1;
	if (open_fifo(dir_fd, name, O_RDWR, &fd, err) < 0)
		return -1;
	enlarge(fd);
	*ret_fd = fd;
	return 0;
}

int stdio_open_reader(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	int fd = -1;
	if (open_fifo(dir_fd, name, O_RDONLY | O_NONBLOCK, &fd, err) < 0)
		return -1;
	enlarge(fd);
	*ret_fd = fd;
	return 0;
}

int stdio_console_listen(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	if (n >= sizeof addr.sun_path)
		return err_set(err, ERR_INPUT,
			"the path of the console socket is too long (%zu bytes, at most %zu): '%s'", n,
			sizeof addr.sun_path - 1, path);
	memcpy(addr.sun_path, path, n + 1);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove old console socket '%s'", path);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "make console socket");
	/* On Linux the mode of the socket's inode makes the file's: nobody else may connect, whatever the
	 * umask is. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 4) < 0)
		return err_sys(err, errno, "listen on console socket '%s'", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int stdio_console_receive(int listen_fd, int *ret_master, struct err *err)
{
	auto_close int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return err_set(err, ERR_BUSY, "the container's terminal has not come yet");
		return err_sys(err, errno, "accept on console socket");
	}
	/* The runtime sends in the instruction after it connected; the wait is for a starved machine only. */
	struct pollfd p = {.fd = conn, .events = POLLIN};
	if (poll(&p, 1, CONSOLE_WAIT_MS) <= 0)
		return err_set(
			err, ERR_TIMEOUT, "the runtime connected to the console socket and sent nothing");
	char data[CONSOLE_MSG_MAX];
	int fds[FD_MAX_PASS];
	size_t n_fds = ARRAY_LEN(fds);
	if (fd_recv(conn, data, sizeof data, fds, &n_fds) < 0)
		return err_sys(err, errno, "receive the container's terminal");
	for (size_t i = 1; i < n_fds; i++)
		close(fds[i]);
	if (n_fds == 0)
		return err_set(err, ERR_PROTO, "the runtime's message has no terminal in it");
	if (!isatty(fds[0])) {
		close(fds[0]);
		return err_set(err, ERR_PROTO, "what the runtime sent is no terminal");
	}
	*ret_master = fds[0];
	return 0;
}
