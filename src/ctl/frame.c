/* Framing, for both ends: 4 bytes of length, little-endian, and that many bytes of JSON. */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/fd.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "ctl.h"

enum { HEAD = 4, LEAST_ROOM = 4096, KEEP_ROOM = 1 << 20 };

/* Moves what is not taken yet to the front, and gives back what a large message needed. */
static void compact(struct ctl_in *in)
{
	if (in->at > 0) {
		memmove(in->p, in->p + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	if (in->len == 0 && in->cap > KEEP_ROOM) {
		free(in->p);
		in->p = NULL;
		in->cap = 0;
	}
}

int ctl_parse(struct ctl_in *in, json_t **ret, struct err *err)
{
	size_t have = in->len - in->at;
	json_t *msg = NULL;
	uint32_t len;

	if (have < HEAD)
		return 0;
	memcpy(&len, in->p + in->at, HEAD);
	len = le32toh(len);
	if (len > CTL_MAX)
		return err_set(err, ERR_PROTO, "a message of %u bytes is too long", len);
	if (have - HEAD < len)
		return 0;
	if (jx_parse(in->p + in->at + HEAD, len, &msg, err) < 0) {
		if (err)
			err->kind = ERR_PROTO;
		return err_wrap(err, "message");
	}
	if (!json_is_object(msg)) {
		json_decref(msg);
		return err_set(err, ERR_PROTO, "a message is not an object");
	}
	in->at += HEAD + len;
	*ret = msg;
	return 1;
}

static ssize_t receive(struct ctl_in *in, int fd)
{
	int passed = -1;
	size_t n_fds = 1;
	ssize_t n = fd_recv(fd, in->p + in->len, in->cap - in->len, &passed, &n_fds);

	if (n < 0 || !n_fds)
		return n;
	if (in->passed)
		close(in->passed - 1);
	in->passed = passed + 1;
	return n;
}

int ctl_in_take_fd(struct ctl_in *in)
{
	int fd = in->passed - 1;

	in->passed = 0;
	return fd;
}

int ctl_fill(struct ctl_in *in, int fd, struct err *err)
{
	ssize_t n;

	compact(in);
	if (in->len > HEAD + (size_t)CTL_MAX)
		return err_set(err, ERR_PROTO, "more came than was taken");
	if (in->cap - in->len < LEAST_ROOM) {
		/* twice what came, whatever was announced */
		in->cap = in->cap ? in->cap * 2 : LEAST_ROOM;
		in->p = xrealloc_array(in->p, in->cap, 1);
	}
	do
		n = receive(in, fd);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* ECONNRESET: it closed without having read everything; what it said last was read before this. */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 2;
	if (n < 0)
		return err_sys(err, errno, "read a message");
	in->len += (size_t)n;
	return 1;
}

void ctl_in_done(struct ctl_in *in)
{
	free(in->p);
	if (in->passed)
		close(in->passed - 1);
	*in = (struct ctl_in){ 0 };
}

char *ctl_frame(const json_t *msg, size_t *ret_len)
{
	size_t len = json_dumpb(msg, NULL, 0, JSON_COMPACT);
	uint32_t head = htole32((uint32_t)len);
	char *frame;

	if (len == 0 || len > CTL_MAX)
		return NULL;
	frame = xmalloc(HEAD + len);
	memcpy(frame, &head, HEAD);
	json_dumpb(msg, frame + HEAD, len, JSON_COMPACT);
	*ret_len = HEAD + len;
	return frame;
}
