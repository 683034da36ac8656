/* scope_call.c - one D-Bus call: StartTransientUnit, written by hand (a library would cost every start of davit more than this file).
 *
 * Little-endian; every value is aligned to its size from the message's beginning; the length of an array does not count the padding
 * before its first element. Sources: D-Bus specification 0.38 (marshalling, SASL EXTERNAL), org.freedesktop.systemd1(5). On systemd's
 * private socket there is no bus: no Hello, and signals come unasked. */
#include "scope.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../util/buf.h"
#include "../util/clock.h"

enum { REPLY_MAX = 256 * 1024, REPLY_MS = 5000, HEADER = 16, METHOD_CALL = 1, METHOD_RETURN = 2, ERROR = 3, LITTLE = 'l' };
enum { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_DESTINATION = 6, FIELD_SIGNATURE = 8 };
#define SYSTEMD_NAME "org.freedesktop.systemd1"

/* ------------------------------------------------------------------ writing */

static void align(struct buf *b, size_t to)
{
	while (b->len % to)
		buf_char(b, 0);
}

static void put_u32(struct buf *b, uint32_t v)
{
	align(b, 4);
	buf_add(b, &v, sizeof v);
}

static void put_u64(struct buf *b, uint64_t v)
{
	align(b, 8);
	buf_add(b, &v, sizeof v);
}

static void put_str(struct buf *b, const char *s)
{
	put_u32(b, (uint32_t)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

static void put_signature(struct buf *b, const char *s)
{
	buf_char(b, (char)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

/* Where its elements begin; array_end() puts the length `skipped` bytes before that. */
static size_t array_begin(struct buf *b, size_t element, size_t *ret_length)
{
	put_u32(b, 0);
	*ret_length = b->len - 4;
	align(b, element);
	return b->len;
}

static void array_end(struct buf *b, size_t begin, size_t length)
{
	uint32_t n = (uint32_t)(b->len - begin);

	memcpy(b->p + length, &n, sizeof n);
}

static void property(struct buf *b, const char *name, const char *signature)
{
	align(b, 8);
	put_str(b, name);
	put_signature(b, signature);
}

static void strings(struct buf *b, const char *const *list)
{
	size_t length, begin = array_begin(b, 4, &length);

	for (; *list; list++)
		put_str(b, *list);
	array_end(b, begin, length);
}

/* What a scope of ours is. It stops by a signal that no program minds unless it asked for it; the supervisor did, and stops the
 * containers in their order (boot.c). */
static void properties(struct buf *b, uint32_t pid, const char *description)
{
	/* their networks and mounts go down after the containers have */
	static const char *const after[] = { "network.target", "remote-fs.target", "local-fs.target", NULL };
	size_t length, begin;

	property(b, "PIDs", "au");
	begin = array_begin(b, 4, &length);
	put_u32(b, pid);
	array_end(b, begin, length);
	property(b, "Description", "s");
	put_str(b, description);
	property(b, "Delegate", "b");
	put_u32(b, 1);
	property(b, "Slice", "s");
	put_str(b, "system.slice");
	property(b, "CollectMode", "s");
	put_str(b, "inactive-or-failed");
	property(b, "KillSignal", "i");
	put_u32(b, SIGURG);
	property(b, "TimeoutStopUSec", "t");
	put_u64(b, SCOPE_STOP_S * 1000000ULL);
	property(b, "TasksMax", "t");
	put_u64(b, UINT64_MAX);
	property(b, "After", "as");
	strings(b, after);
}

static void put_body(struct buf *b, const char *unit, uint32_t pid, const char *description)
{
	size_t length, begin;

	put_str(b, unit);
	put_str(b, "fail");
	begin = array_begin(b, 8, &length);
	properties(b, pid, description);
	array_end(b, begin, length);
	begin = array_begin(b, 8, &length);      /* no further units */
	array_end(b, begin, length);
}

static void field(struct buf *b, char code, const char *signature, const char *value)
{
	align(b, 8);
	buf_char(b, code);
	put_signature(b, signature);
	if (*signature == 'g')
		put_signature(b, value);
	else
		put_str(b, value);
}

void scope_message(struct buf *b, const char *unit, uint32_t pid, const char *description)
{
	const char head[] = { LITTLE, METHOD_CALL, 0, 1 };
	auto_buf struct buf body = BUF_INIT;
	size_t length, begin;

	put_body(&body, unit, pid, description);
	buf_add(b, head, sizeof head);
	put_u32(b, (uint32_t)body.len);
	put_u32(b, 1);                   /* serial */
	begin = array_begin(b, 8, &length);
	field(b, FIELD_PATH, "o", "/org/freedesktop/systemd1");
	field(b, FIELD_INTERFACE, "s", SYSTEMD_NAME ".Manager");
	field(b, FIELD_MEMBER, "s", "StartTransientUnit");
	field(b, FIELD_DESTINATION, "s", SYSTEMD_NAME);
	field(b, FIELD_SIGNATURE, "g", "ssa(sv)a(sa(sv))");
	array_end(b, begin, length);
	align(b, 8);
	buf_add(b, body.p, body.len);
}

/* ------------------------------------------------------------------ asking */

static uint32_t u32_at(const struct buf *b, size_t at)
{
	uint32_t v;

	memcpy(&v, b->p + at, sizeof v);
	return v;
}

/* Adds what has come. -1: an end, a failure or the deadline. */
static int more(int fd, struct buf *in, int64_t deadline, struct err *err)
{
	int64_t left_ms = (deadline - clock_mono_ns()) / MS_NS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
		return err_set(err, ERR_TIMEOUT, "systemd gave no answer within %d s", REPLY_MS / 1000);
	n = recv(fd, buf_room(in, 4096), 4096, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || in->len + (size_t)n > REPLY_MAX)
		return err_set(err, ERR_PROTO, "systemd broke the conversation off");
	in->len += (size_t)n;
	return 0;
}

/* "OK GUID\r\n" comes before the messages. 1: it is taken, 0: not there yet. */
static int take_greeting(struct buf *in, struct err *err)
{
	char *end = in->len ? memmem(in->p, in->len, "\r\n", 2) : NULL;

	if (!end)
		return 0;
	if (strncmp(in->p, "OK", 2) != 0)
		return err_set(err, ERR_PERM, "systemd does not take us for root");
	buf_consume(in, (size_t)(end - in->p) + 2);
	return 1;
}

/* 1: the answer was yes, SCOPE_EXISTS, -1; 0: it is not there yet. What else is said (signals) is skipped. */
static int take_answer(struct buf *in, struct err *err)
{
	while (in->len >= HEADER) {
		size_t fields = u32_at(in, 12), body = u32_at(in, 4), whole;

		if (in->p[0] != LITTLE || fields > REPLY_MAX || body > REPLY_MAX)
			return err_set(err, ERR_PROTO, "systemd's answer cannot be read");
		whole = HEADER + (fields + 7) / 8 * 8 + body;
		if (in->len < whole)
			return 0;
		if (in->p[1] == METHOD_RETURN)
			return 1;
		if (in->p[1] == ERROR && memmem(in->p, whole, SYSTEMD_NAME ".UnitExists", strlen(SYSTEMD_NAME ".UnitExists")))
			return SCOPE_EXISTS;
		if (in->p[1] == ERROR)   /* its body is a string */
			return err_set(err, ERR_FAIL, "systemd refuses: %.*s", body > 5 ? (int)body - 5 : 0,
				       in->p + whole - body + 4);
		buf_consume(in, whole);
	}
	return 0;
}

int scope_ask(int fd, const char *unit, uint32_t pid, const char *description, struct err *err)
{
	/* EXTERNAL: who we are, in hex, is "0"; the kernel vouches for it */
	static const char hello[] = "\0AUTH EXTERNAL 30\r\nBEGIN\r\n";
	int64_t deadline = clock_mono_ns() + REPLY_MS * MS_NS;
	auto_buf struct buf out = BUF_INIT, in = BUF_INIT;
	int r = 0;

	buf_add(&out, hello, sizeof hello - 1);
	auto_buf struct buf message = BUF_INIT;
	scope_message(&message, unit, pid, description);
	buf_add(&out, message.p, message.len);
	if (send(fd, out.p, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
		return err_sys(err, errno, "ask systemd");
	while ((r = take_greeting(&in, err)) == 0)
		if (more(fd, &in, deadline, err) < 0)
			return -1;
	while (r > 0 && (r = take_answer(&in, err)) == 0)
		if (more(fd, &in, deadline, err) < 0)
			return -1;
	return r < 0 ? -1 : r == SCOPE_EXISTS ? SCOPE_EXISTS : 0;
}
