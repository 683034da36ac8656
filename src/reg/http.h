/* http.h - within src/reg: one request over HTTP at a time, many of them at once; libcurl's multi interface on libevent.
 *
 * No redirect is followed, nothing is tried again, no credentials are added here (exchange.h does). HTTP/1.1 with connections that
 * are kept: six layers over one HTTP/2 connection on loopback took as long, and a tenth more of the processor. Nothing is spoken but
 * http and https. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/str.h"
#include "url.h"

struct event_base;
struct http;
struct http_req;

enum { HTTP_FIELDS_MAX = 200, HTTP_HEAD_MAX = 128 << 10 };

struct http_conf {
	struct event_base *base; /* borrowed */
	unsigned connect_s, idle_s, per_host;
	unsigned window_ms; /* in which a document has to bring enough; a blob has a few of them (http_pace.c) */
};
int http_new(const struct http_conf *conf, struct http **ret, struct err *err);
void http_free(struct http *h); /* and all its requests, without a word; not from within a callback */

struct http_answer {
	int status;	    /* 0: none came */
	struct strs fields; /* "Name: value", as they came; bounded by HTTP_FIELDS_MAX and HTTP_HEAD_MAX */
};
/* The value of the n-th field of that name, counted from 0; NULL: there are not so many. Borrowed. */
const char *http_field(const struct http_answer *a, const char *name, size_t n);
/* Content-Length; -1: none that could be read. */
int64_t http_length(const struct http_answer *a);

enum http_fault {
	HTTP_WHOLE,	/* an answer came, whatever it says */
	HTTP_UNREACHED, /* no address, no connection */
	HTTP_NO_TLS,	/* a connection, but what is there does not speak TLS as we do */
	HTTP_UNTRUSTED, /* its certificate */
	HTTP_BROKEN,	/* the connection ended, or nothing came for idle_s, or too little after it had been fast enough */
	HTTP_SLOW,	/* it was too slow from the beginning */
	HTTP_STOPPED,	/* head or body said so */
	HTTP_NONSENSE,	/* it does not speak HTTP, its head is too large, or we cannot ask */
};

struct http_tls {		/* borrowed texts */
	bool unverified;
	const char *ca_file;	/* NULL: what libcurl was made to use */
	const char *cert, *key; /* with which we show who we are; NULL: we do not */
};
struct http_body {
	const char *text; /* or, when NULL: */
	int fd;		  /* read by offset, from its beginning */
	uint64_t size;
};
struct http_want {		    /* copied, but for what is borrowed until it has ended: body, tls' texts */
	const char *method;	    /* of static duration */
	const struct url *url;
	const struct strs *fields;  /* "Name: value" */
	struct http_tls tls;
	const struct http_body *body; /* NULL: none, and none is announced */
	unsigned connect_s;	    /* less than that of http_conf; 0: that */
	bool bulk;		    /* a blob: it may take long, and need not be as fast as a document (http_pace.c) */

	/* All called from the loop. Head: every field is there; body: so much more of it; -1 ends the request with this err. */
	int (*on_head)(void *arg, const struct http_answer *a, struct err *err);
	int (*on_body)(void *arg, const void *p, size_t n, struct err *err);
	void (*on_sent)(void *arg, uint64_t bytes); /* of the request's body; may be NULL */
	/* The last one; the request is gone when it returns. err: NULL for HTTP_WHOLE. */
	void (*on_done)(void *arg, const struct http_answer *a, enum http_fault fault, const struct err *err);
	void *arg;
};
/* Never fails here: what cannot be done is told to on_done. */
struct http_req *http_start(struct http *h, const struct http_want *want);
/* Without a further callback, and from within any of them. NULL is fine. */
void http_cancel(struct http_req *r);
