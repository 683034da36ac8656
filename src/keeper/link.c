/* link.c - this end of the socket to the supervisor: what it is told, and what it hands over.
 *
 * Nothing waits for the supervisor: what its socket cannot take now is owed (two flags, one cursor) until it can. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parts.h"

enum { SEND_AGAIN_MS = 100 }; /* for what failed for want of something */

static struct {
	int sock; /* -1: none */
	bool owe_notice, owe_end;
	unsigned handed;       /* kept descriptors below this were sent to this supervisor */
	int64_t send_again_ms; /* 0: when the socket is writable */
} l = {.sock = -1};

int link_sock(void)
{
	return l.sock;
}

void link_open(int sock)
{
	l.sock = sock;
	l.handed = 0;
	l.owe_end = true;
	l.owe_notice = false;
}

void link_open_feed(int sock)
{
	l.sock = sock;
}

void link_owe_notice(void)
{
	l.owe_notice = l.sock >= 0;
}

bool link_owes(void)
{
	return l.owe_end || l.owe_notice;
}

int64_t link_again_ms(void)
{
	return l.send_again_ms;
}

void link_hang_up(void)
{
	if (l.sock >= 0)
		close(l.sock);
	l.sock = -1;
	l.owe_notice = l.owe_end = false;
	l.send_again_ms = 0;
}

/* Sends one message. False: not now (or never: then nothing is owed any more). */
static bool send_one(char type, const char *name, int fd)
{
	char text[1 + KEEPER_NAME_MAX];
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = {.buf = {0}};
	size_t len = strnlen(name, KEEPER_NAME_MAX);
	struct iovec iov = {text, 1 + len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	text[0] = type;
	memcpy(text + 1, name, len);
	if (fd >= 0) {
		struct cmsghdr *h;

		msg.msg_control = c.buf;
		msg.msg_controllen = sizeof c.buf;
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	if (sendmsg(l.sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	/* ECONNRESET, EPIPE: nobody to owe to, but what it said last is still to be received. ETOOMANYREFS,
	 * ENOBUFS: the socket may be writable all the same, so time decides. */
	if (errno == EPIPE || errno == ECONNRESET)
		l.owe_notice = l.owe_end = false;
	else if (errno != EAGAIN && errno != EINTR)
		l.send_again_ms = keeper_now_ms() + SEND_AGAIN_MS;
	return false;
}

/* The kept descriptors, their end, then the notice. */
void link_pay(void)
{
	l.send_again_ms = 0;
	for (const struct kept *e; l.sock >= 0 && l.owe_end && (e = kept_at(l.handed)); l.handed++)
		if (e->fd >= 0 && !send_one(KEEPER_FD_IS, e->name, e->fd))
			return;
	if (l.sock >= 0 && l.owe_end) {
		const char knows[] = {KEEPER_TRIES, program_went_back() ? KEEPER_BACK : 0, 0};

		if (!send_one(KEEPER_FD_END, knows, -1))
			return;
		l.owe_end = false;
	}
	if (l.sock >= 0 && l.owe_notice && send_one(KEEPER_EXIT, "", -1))
		l.owe_notice = false;
}

/* The first descriptor of a message; others are closed. -1: none. */
static int passed_fd(struct msghdr *msg)
{
	int first = -1;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (first < 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

/* text is what follows the type; fd, -1 for none, is taken. */
static void take_message(char type, const char *text, int fd)
{
	size_t n = strlen(text);

	if (type == KEEPER_FD_IS && fd >= 0 && n > 0 && n <= KEEPER_NAME_MAX) {
		kept_add(text, fd);
		return;
	}
	if (type == KEEPER_WELL) {
		program_well(fd);
		return;
	}
	if (type == KEEPER_FD_DROP && n > 0)
		kept_drop(text);
	else if (type == KEEPER_NEXT && text[0] == '/')
		program_next(text);
	if (fd >= 0)
		close(fd);
}

bool link_receive(void)
{
	char text[1 + KEEPER_PATH_MAX + 1];
	union {
		char buf[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} c;
	struct iovec iov = {text, sizeof text - 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf, .msg_controllen = sizeof c.buf};
	ssize_t n;

	if (l.sock < 0)
		return false;
	n = recvmsg(l.sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0 && errno == ECONNRESET) /* it left something unread of ours; its own messages follow */
		return true;
	if (n <= 0) {
		link_hang_up();
		return false;
	}
	text[n] = '\0';
	take_message(msg.msg_flags & MSG_TRUNC ? 0 : text[0], text + 1, passed_fd(&msg));
	return true;
}
