/* The command line's end. The socket does not block; every wait is a poll() with a deadline. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "../util/version.h"
#include "ctl.h"
#include "sock.h"

enum { CONNECT_MS = 2000, AGAIN_MS = 10, SEND_MS = 10000, ID_BYTES = 8 };

struct ctl {
	int fd;
	struct ctl_in in;
};

/* Milliseconds to a deadline, rounded up; -1 (for ever) when end_ns is. */
static int left_ms(int64_t end_ns)
{
	int64_t left = end_ns - clock_mono_ns();

	if (end_ns < 0)
		return -1;
	return left > 0 ? (int)((left + MS_NS - 1) / MS_NS) : 0;
}

/* 1: ready, 0: the deadline passed, -1. */
static int wait_for(int fd, short events, int64_t end_ns)
{
	for (;;) {
		int ms = left_ms(end_ns);
		struct pollfd p = { .fd = fd, .events = events };
		int n = poll(&p, 1, ms);

		if (n > 0)
			return 1;
		if (n == 0 && ms == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

int ctl_connect(int run_fd, struct ctl **ret, struct err *err)
{
	struct sockaddr_un addr = sock_addr(run_fd, SOCK_NAME);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t end_ns = clock_mono_ns() + CONNECT_MS * MS_NS;

	if (fd < 0)
		return err_sys(err, errno, "connect to the supervisor");
	while (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, ERR_NOT_FOUND, "no supervisor is running");
		if (errno != EAGAIN && errno != EINTR)
			return err_sys(err, errno, "connect to the supervisor");
		/* Its queue is full. Nothing tells when there is room again, so look now and then. */
		if (left_ms(end_ns) == 0)
			return err_set(err, ERR_TIMEOUT, "the supervisor did not answer within %d s",
				CONNECT_MS / 1000);
		poll(NULL, 0, AGAIN_MS);
	}
	*ret = xcalloc(1, sizeof **ret);
	(*ret)->fd = take_fd(&fd);
	return 0;
}

void ctl_close(struct ctl *c)
{
	if (!c)
		return;
	close(c->fd);
	ctl_in_done(&c->in);
	free(c);
}

int ctl_fd(const struct ctl *c)
{
	return c->fd;
}

int ctl_take_fd(struct ctl *c)
{
	return ctl_in_take_fd(&c->in);
}

static int went_away(struct err *err)
{
	return err_set(err, ERR_FAIL, "the supervisor went away");
}

static void sign(json_t *req)
{
	char id[2 * ID_BYTES + 1];

	jx_set_int(req, "v", davit_version.wire);
	jx_set_int(req, "v_oldest", davit_version.wire_oldest);
	if (jx_str(req, "id"))
		return;
	hash_random_hex(ID_BYTES, id);
	jx_set_str(req, "id", id);
}

int ctl_send(struct ctl *c, json_t *req, struct err *err)
{
	int64_t end_ns = clock_mono_ns() + SEND_MS * MS_NS;
	auto_free char *frame = NULL;
	size_t len, done = 0;

	sign(req);
	frame = ctl_frame(req, &len);
	if (!frame)
		return err_set(err, ERR_INPUT, "the request is larger than %d bytes", CTL_MAX);
	while (done < len) {
		ssize_t n = send(c->fd, frame + done, len - done, MSG_NOSIGNAL);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return went_away(err);
		} else if (errno != EAGAIN && errno != EINTR) {
			return err_sys(err, errno, "send to the supervisor");
		} else if (wait_for(c->fd, POLLOUT, end_ns) == 0) {
			return err_set(err, ERR_TIMEOUT, "the supervisor took no request within %d s",
				SEND_MS / 1000);
		}
	}
	return 0;
}

int ctl_recv(struct ctl *c, int timeout_ms, json_t **ret, struct err *err)
{
	int64_t end_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + timeout_ms * MS_NS;

	for (;;) {
		int r = ctl_parse(&c->in, ret, err);

		if (r != 0)
			return r;
		r = ctl_fill(&c->in, c->fd, err);
		if (r < 0)
			return -1;
		if (r == 2)
			return went_away(err);
		if (r == 0) {
			r = wait_for(c->fd, POLLIN, end_ns);
			if (r < 0)
				return err_sys(err, errno, "wait for the supervisor");
			if (r == 0)
				return 0;
		}
	}
}

int ctl_error(const json_t *event, struct err *err)
{
	const char *msg = jx_str(event, "msg");
	const char *hint = jx_str(event, "hint");

	err_set(err, err_kind_parse(jx_str(event, "kind")), "%s",
		msg ? msg : "the supervisor failed and did not say why");
	if (hint)
		err_hint(err, "%s", hint);
	return -1;
}

bool ctl_understands(const json_t *said)
{
	int64_t newest = jx_int(said, "v", 0), oldest = jx_int(said, "v_oldest", newest);

	return newest >= davit_version.wire_oldest && oldest <= davit_version.wire;
}

bool ctl_too_old(const json_t *event)
{
	return str_eq(jx_str(event, "kind"), err_kind_str(ERR_PROTO)) && jx_int(event, "v", 1) < davit_version.wire_oldest;
}
