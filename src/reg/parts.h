/* parts.h - within src/reg: the client itself, and what all its calls have. */
#pragma once

#include <sys/queue.h>

#include "exchange.h"
#include "http.h"
#include "reg.h"
#include "site.h"

struct reg_call { /* the first member of each call's own struct */
	TAILQ_ENTRY(reg_call) link;
	struct exchange x;
	void (*release)(struct reg_call *c); /* frees its own struct, after the exchange was stopped */
};
struct reg {
	struct reg_opts opts;
	struct http *http;
	struct sites sites;
	TAILQ_HEAD(, reg_call) calls;
};
#define CALL_OF(exchange) ((struct reg_call *)((char *)(exchange) - offsetof(struct reg_call, x)))

/* Makes it one of r's and starts it. size: of its own struct, zeroed. */
void *call_new(struct reg *r, const struct reg_place *at, size_t size, const struct exchange_ops *ops);
void call_start(struct reg_call *c, struct reg_call **ret);
/* At the end: the call is no longer one of r's and its exchange has stopped; then its callback is called, then call_free(). */
void call_close(struct reg_call *c);
void call_free(struct reg_call *c);
void call_scope(struct reg_call *c, const char *repository, const char *actions);

/* Whether they can stand in an address as they are. ERR_INPUT. */
int check_digest(const char *digest, struct err *err);	 /* "sha256:" and 64 hex digits in lower case */
int check_reference(const char *text, struct err *err); /* a tag or such a digest */
int check_name(const char *text, struct err *err);	 /* of a repository */

__attribute__((format(printf, 2, 3))) void reg_tell(struct reg *r, const char *fmt, ...);
