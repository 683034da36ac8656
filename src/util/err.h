/* err.h - why something failed.
 *
 * Three ways to return (STYLE 3.2): 0 done; >0 an answer documented at the function and handled by the caller; -1 failed, *err
 * says why, and every level adds what it was doing with err_wrap(). Messages are lower case, what failed first, the user's words
 * in single quotes, no full stop. A hint says what to do about it; there is one at most, the innermost wins.
 *
 * `err` may be NULL everywhere: the failure is then only the return value. An err is filled once; err_done() empties it. */
#pragma once

#include <stdarg.h>

enum err_kind {
	ERR_NONE,
	ERR_FAIL,        /* anything without a kind of its own */
	ERR_USAGE,       /* wrong words on the command line */
	ERR_INPUT,       /* the user's file is wrong */
	ERR_NOT_FOUND,   /* what was named is not there */
	ERR_EXISTS,      /* it is there already, and another's */
	ERR_BUSY,        /* somebody else holds it */
	ERR_PERM,        /* not allowed */
	ERR_TIMEOUT,     /* a deadline passed; the message names who was waited for */
	ERR_PROTO,       /* the peer speaks nonsense or another version */
	ERR_CMD_NOT_FOUND, /* the container's command does not exist: exit status 127 */
	ERR_CMD_NOT_EXEC,  /* the container's command cannot be executed: exit status 126 */
	ERR_NKINDS
};

struct err {
	enum err_kind kind;
	int errnum;      /* errno where a system call was the reason, else 0 */
	char *msg;       /* owned */
	char *hint;      /* owned, may be NULL */
};

#define ERR_INIT ((struct err){ 0 })

/* All return -1, so that `return err_set(...)` is the idiom. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds ": " and the text of errnum; the kind follows from it (ENOENT: ERR_NOT_FOUND, EACCES, EPERM: ERR_PERM, …). */
int err_sys(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "what: " before the message there is. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says what to do; ignored when there is a hint already. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says in whose place room is to be made, when want of it was the reason (ENOSPC, EDQUOT), instead of any hint there is; else does nothing. */
void err_hint_room(struct err *err, const char *where);

/* Moves from into to (which must be empty) and empties from; returns -1. */
int err_move(struct err *to, struct err *from);
/* Makes `to` (which must be empty) say the same as from, hint and all; returns -1. */
int err_copy(struct err *to, const struct err *from);
void err_done(struct err *err);
/* The message, never NULL. */
const char *err_msg(const struct err *err);
/* "fail", "not-found", … the name used on the wire, and back (ERR_FAIL when unknown). */
const char *err_kind_str(enum err_kind kind);
enum err_kind err_kind_parse(const char *word);
/* The exit status that the command line gives for it: 127, 126, 130 (none here) or 1. */
int err_exit_status(const struct err *err);

#define auto_err __attribute__((cleanup(err_done)))
