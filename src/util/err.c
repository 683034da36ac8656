#include "err.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "mem.h"

static const char *const kind_str[] = {
	[ERR_NONE] = "none",
	[ERR_FAIL] = "fail",
	[ERR_USAGE] = "usage",
	[ERR_INPUT] = "input",
	[ERR_NOT_FOUND] = "not-found",
	[ERR_EXISTS] = "exists",
	[ERR_BUSY] = "busy",
	[ERR_PERM] = "perm",
	[ERR_TIMEOUT] = "timeout",
	[ERR_PROTO] = "proto",
	[ERR_CMD_NOT_FOUND] = "cmd-not-found",
	[ERR_CMD_NOT_EXEC] = "cmd-not-exec",
};
static_assert(ARRAY_LEN(kind_str) == ERR_NKINDS, "a word for every kind");

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ESRCH:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	case EBUSY:
	case EAGAIN:
	case EADDRINUSE:
	case ETXTBSY:
		return ERR_BUSY;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERM;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EPROTO:
	case EBADMSG:
		return ERR_PROTO;
	default:
		return ERR_FAIL;
	}
}

static __attribute__((format(printf, 1, 0))) char *text(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		return xstrdup(fmt);
	return s;
}

/* The arguments of a new message may come from the old one, so that one is released last. */
static void fill(struct err *err, enum err_kind kind, int errnum, char *msg)
{
	struct err old = *err;

	*err = (struct err){ .kind = kind, .errnum = errnum, .msg = msg };
	err_done(&old);
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	fill(err, kind, 0, text(fmt, ap));
	va_end(ap);
	return -1;
}

static bool is_full(int errnum)
{
	return errnum == ENOSPC || errnum == EDQUOT;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	auto_free char *what = NULL;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	what = text(fmt, ap);
	va_end(ap);
	fill(err, kind_of_errno(errnum), errnum, xasprintf("%s: %s", what, strerror(errnum)));
	if (is_full(errnum))
		err_hint(err, "make room there and try again; what runs is not touched ('davit doctor' says which disks are full)");
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	auto_free char *what = NULL;
	auto_free char *old = NULL;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	what = text(fmt, ap);
	va_end(ap);
	if (err->kind == ERR_NONE)
		err->kind = ERR_FAIL;
	old = err->msg;
	err->msg = old ? xasprintf("%s: %s", what, old) : take(what);
	return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->hint)
		return -1;
	va_start(ap, fmt);
	err->hint = text(fmt, ap);
	va_end(ap);
	return -1;
}

void err_hint_room(struct err *err, const char *where)
{
	if (!err || !is_full(err->errnum))
		return;
	free(err->hint);
	err->hint = xasprintf("make room in '%s': 'davit system df' shows what takes it, 'davit image prune' removes images that nothing uses",
		where);
}

int err_move(struct err *to, struct err *from)
{
	if (to && to != from) {
		err_done(to);
		*to = *from;
		*from = ERR_INIT;
	} else if (!to) {
		err_done(from);
	}
	return -1;
}

int err_copy(struct err *to, const struct err *from)
{
	if (!to)
		return -1;
	fill(to, from->kind, from->errnum, xstrdup(err_msg(from)));
	return from->hint ? err_hint(to, "%s", from->hint) : -1;
}

void err_done(struct err *err)
{
	if (!err)
		return;
	free(err->msg);
	free(err->hint);
	*err = ERR_INIT;
}

const char *err_msg(const struct err *err)
{
	return err && err->msg ? err->msg : "unknown error";
}

const char *err_kind_str(enum err_kind kind)
{
	return (unsigned)kind < ERR_NKINDS ? kind_str[kind] : kind_str[ERR_FAIL];
}

enum err_kind err_kind_parse(const char *word)
{
	for (size_t i = 0; word && i < ERR_NKINDS; i++)
		if (strcmp(word, kind_str[i]) == 0)
			return (enum err_kind)i;
	return ERR_FAIL;
}

int err_exit_status(const struct err *err)
{
	switch (err ? err->kind : ERR_FAIL) {
	case ERR_CMD_NOT_FOUND:
		return 127;
	case ERR_CMD_NOT_EXEC:
		return 126;
	default:
		return 1;
	}
}
