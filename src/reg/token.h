/* token.h - within src/reg: tokens that a registry's realm gives out, one per place and what it is good for (Docker's "Token
 * Authentication", RFC 6750; with an identity token OAuth2, RFC 6749).
 *
 * Our credentials go to the realm that the registry itself named, and only over TLS, to loopback, or for a place that need not be
 * verified (site_may_ask()). Whoever wants the same token while it is being asked for waits for that one. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "../util/err.h"
#include "../util/str.h"

struct reg;
struct site;
struct token;
struct token_wait;

TAILQ_HEAD(token_list, token);
struct tokens {
	struct token_list list;
};
void tokens_init(struct tokens *t);
void tokens_done(struct tokens *t); /* nobody waits any more */

/* Called once, from the loop: err NULL: it is there, ask again; else why there is none. */
typedef void token_fn(void *arg, const struct err *err);
/* 1 and *ret, borrowed until the loop goes on: there is one; 0: it is asked for, *ret_wait is to be cancelled or called back. */
int token_get(struct reg *r, struct site *s, const struct strs *scopes, token_fn *fn, void *arg, const char **ret,
	struct token_wait **ret_wait);
void token_cancel(struct token_wait *w); /* NULL is fine */
/* The registry does not take it: it is forgotten, unless another has come in its place. */
void token_refused(struct site *s, const struct strs *scopes, const char *value);
