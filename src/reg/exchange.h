/* exchange.h - within src/reg: one request to a registry as often as it takes, with tokens, redirects, and further attempts. reg.h says
 * what the rules are.
 *
 * An exchange is part of what its owner allocates. Its owner fills in the first part, and exchange_start()s it; it ends with
 * ops->done, or with exchange_stop(), which may be called at any time, in a callback of its own, too. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/buf.h"
#include "../util/err.h"
#include "../util/str.h"
#include "http.h"

struct event;
struct exchange;
struct reg;
struct site;
struct token_wait;

enum {
	EX_DONE = 0,  /* that was it */
	EX_NEXT = 1,  /* the exchange has become another request, which is sent now */
	EX_AGAIN = 2, /* *err says why it has to be tried again: as if the connection had ended */
};
struct exchange_ops {
	/* Fields of the request; called for each attempt. May be NULL. */
	void (*fields)(struct exchange *x, struct strs *fields);
	/* A 2xx answer: its head, its body piece by piece, its end. -1 with *err ends the exchange; head() may return EX_AGAIN, too, and
	 * whole() any of them. All may be NULL. A piece that brings us further sets x->progressed. */
	int (*head)(struct exchange *x, const struct http_answer *a, struct err *err);
	int (*body)(struct exchange *x, const void *p, size_t n, struct err *err);
	int (*whole)(struct exchange *x, const struct http_answer *a, struct err *err);
	/* An answer that is an error: true: the exchange has become another request, which is sent instead. May be NULL. */
	bool (*refused)(struct exchange *x, int status);
	/* There will be another attempt after a failure: what has to begin anew? May be NULL. */
	void (*again)(struct exchange *x);
	void (*sent)(struct exchange *x, uint64_t bytes); /* of the request's body; may be NULL */
	/* The last call; err: NULL: done. It may free the exchange, after exchange_stop(). */
	void (*done)(struct exchange *x, const struct err *err);
};

struct exchange {
	/* filled in by its owner, who may change it in whole(), refused() and again() */
	struct reg *r;
	struct site *site;
	const struct exchange_ops *ops;
	char *what;	      /* "get the manifest of 'x/y:1' from host", which errors begin with; owned */
	const char *method;   /* static */
	char *path;	      /* "/v2/…" there, or NULL and: */
	char *url;	      /* an absolute one; both owned */
	struct http_body body;
	bool has_body;
	struct strs scopes;   /* what a token has to be good for; owned */
	bool for_manifest;    /* a 404 is about a name or a tag */
	bool bulk;	      /* it is a blob that is sent, or comes: minutes may be what it takes */
	bool for_token;	      /* it asks a realm for one: no redirect is followed, and Authorization is: */
	const char *fixed;    /* borrowed; NULL: none */
	bool progressed;

	/* its own */
	struct url home;      /* the place itself: what is sent its credentials */
	struct url at;	      /* where it is now, after redirects */
	unsigned redirects, attempts;
	bool renewed, widened; /* there was a 401, and one that named a further scope, since the last good answer */
	bool refusing;	      /* the body of this answer says why not */
	bool unfit;	      /* head() wants another one */
	bool slow;	      /* the last answer came too slowly to be waited for */
	char *sent_auth;      /* the Authorization that this request has; owned */
	struct buf said;
	struct err https_why; /* why it is spoken to without TLS */
	struct http_req *req;
	struct token_wait *wait;
	struct event *timer;
};
void exchange_start(struct exchange *x);
void exchange_stop(struct exchange *x); /* releases all that it owns */

/* --- within exchange*.c --- */
void exchange_attempt(struct exchange *x);
void exchange_send(struct exchange *x); /* to x->at */
/* Takes err. */
void exchange_fail(struct exchange *x, struct err *err);
/* Tries again after a while, unless it was tried often enough. retry_after: the field's value or NULL. Takes err. */
void exchange_again(struct exchange *x, struct err *err, const char *retry_after);
void exchange_redirect(struct exchange *x, const struct http_answer *a);
/* Sets x->sent_auth. 1: go on; 0: a token is waited for, exchange_attempt() follows. */
int exchange_authorize(struct exchange *x);
void exchange_unauthorized(struct exchange *x, const struct http_answer *a);
/* "404 Not Found: manifest unknown", kind and hint. */
int exchange_status_err(const struct exchange *x, const struct http_answer *a, struct err *err);
