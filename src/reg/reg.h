/* reg.h - a client of registries: OCI Distribution Specification 1.1, and Docker Registry HTTP API V2 where older ones differ.
 *
 * Everything happens on the caller's event loop; nothing here blocks it, but for reg_prepare(), which says so. A call that can be
 * under way for long is a struct reg_call: its callback is called exactly once, from the loop, never from within the function that
 * started it, and the call is gone when it returns; reg_cancel() ends it before that, without a callback, also from within
 * `progress` and the callbacks of other calls. A function that returns -1 started nothing.
 *
 * A call is made of as many requests as it takes: a token where one is asked for (Docker's "Token Authentication"), further attempts
 * after what may pass (connection lost, 408, 429, 500, 502 to 504: back-off 0.5 s doubling to 10 s with jitter, at least
 * Retry-After, which may be 5 minutes at most and holds for all calls to that place, REG_ATTEMPTS of them without a byte of
 * progress; fewer when the host was never reached), redirects (at most 10; another host, port or scheme is never sent credentials,
 * a redirect from https to http is refused, and to plain http anywhere but on this machine, unless the
 * place need not be verified). Each request has limits: 30 s to connect, 60 s without a byte, and
 * from the first byte on at least 4 KiB a second in each 60 s for a document, 100 bytes a second in each 5 minutes for a blob; what is slower
 * from the beginning is tried twice. At most REG_PER_HOST
 * requests are under way to one host, others wait for their turn.
 *
 * Errors name the host, what was asked for, the status and what the registry says ("errors" of the specification), and what to do
 * about it. Kinds: ERR_NOT_FOUND (404), ERR_PERM (401, 403, a certificate that is not trusted), ERR_TIMEOUT, ERR_BUSY (429),
 * ERR_PROTO (the registry is wrong: a digest, a size, a header, nonsense), ERR_FAIL.
 *
 * Certificates: the system's authorities ($SSL_CERT_FILE, as other tools take it), and those that certs.h finds.
 * Proxies: http_proxy, https_proxy, no_proxy of the environment, as curl reads them, and HTTP_PROXY but in a CGI program; never for
 * loopback. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"

struct event_base;
struct reg;
struct reg_call;
struct reg_creds;   /* creds.h */
struct reg_env;     /* env.h */
struct sha256_ctx;  /* nettle */
struct reg_place;   /* places.h: says, too, what may be spoken to without TLS, and whose certificate is not looked at */

enum { REG_ATTEMPTS = 6, REG_PER_HOST = 4 };

struct reg_opts {
	struct event_base *base;         /* borrowed; needs nothing but sockets and timers */
	/* Something takes longer than it should, and why: "registry.example: 429 Too Many Requests: trying again in 30 s". May be NULL. */
	void (*told)(void *arg, const char *text);
	void *arg;
	unsigned connect_s, idle_s, window_ms, backoff_ms; /* 0: 30, 60, as long as idle_s, 500 */
};
int reg_new(const struct reg_opts *opts, struct reg **ret, struct err *err);
void reg_free(struct reg *r);            /* cancels what is under way; not from within a callback */
void reg_cancel(struct reg_call *c);     /* NULL is fine */

/* Finds out who we are there and which certificates count there besides the system's (creds.h, certs.h). Blocks (a credential helper may
 * ask a person), so it is called for every place before the loop starts; a place without it is asked anonymously. */
int reg_prepare(struct reg *r, const struct reg_env *env, const struct reg_place *at, struct err *err);
/* These credentials from now on (login); copied. Before any call there, and before reg_prepare(), which then looks for no others. */
void reg_use_creds(struct reg *r, const struct reg_place *at, const struct reg_creds *creds);

/* --- documents: manifests, indexes --- */
enum { REG_DOC_MAX = 8 << 20 };
struct reg_doc {	                 /* borrowed for the callback */
	const char *text;                /* NUL-terminated */
	size_t size;
	const char *type;                /* media type as the registry says it, without parameters; "": it says none */
	char hex[65];                    /* SHA-256 of text, as it was received */
};
/* err: NULL on success (else doc is NULL); borrowed for the callback. ERR_NOT_FOUND: the registry does not have it. */
typedef void reg_doc_fn(void *arg, const struct reg_doc *doc, const struct err *err);
/* what: a tag, or "sha256:…", which the content is then compared with. At most REG_DOC_MAX bytes. `at` is borrowed until the call has
 * ended, here and everywhere below. */
int reg_get_manifest(struct reg *r, const struct reg_place *at, const char *what, reg_doc_fn *fn, void *arg, struct reg_call **ret,
		     struct err *err);
/* Its digest alone, by HEAD, where the registry tells it (doc->text is NULL, hex is set); else by GET. */
int reg_head_manifest(struct reg *r, const struct reg_place *at, const char *what, reg_doc_fn *fn, void *arg, struct reg_call **ret,
		      struct err *err);

/* --- blobs --- */
struct reg_blob {
	const struct reg_place *at;      /* borrowed until the call has ended, as is all that is pointed to; the struct itself is copied */
	const char *digest;              /* "sha256:…" */
	uint64_t size;                   /* by its descriptor: one byte more or less is an error */
	int fd;                          /* a file, written (get) or read (put) by offset from its beginning; borrowed */
	uint64_t have;                   /* so many of its bytes are in the file already (get; fewer than size), */
	bool document;                   /* a config: as fast as a manifest has to come (get) */
	const struct sha256_ctx *hashed; /* and this is their hash; borrowed for the call of the function only */
	/* So many bytes are in the file (get), or were sent (put, where a further attempt begins at 0 again); never less than before in
	 * a get. They are not checked before `done` says so. May be NULL. */
	void (*progress)(void *arg, uint64_t bytes);
	/* err: NULL when all bytes are there and their hash is right. */
	void (*done)(void *arg, const struct err *err);
	void *arg;
};
/* Resumes by Range where it broke off, or behind what is in the file, if the registry can; else begins anew and skips what is there (its hash
 * is kept, so a content that has changed is found). */
int reg_get_blob(struct reg *r, const struct reg_blob *what, struct reg_call **ret, struct err *err);

/* --- push --- */
typedef void reg_done_fn(void *arg, const struct err *err);
/* Whether it is there (HEAD): err NULL: yes; ERR_NOT_FOUND: no. */
int reg_has_blob(struct reg *r, const struct reg_place *at, const char *digest, reg_done_fn *fn, void *arg, struct reg_call **ret,
		 struct err *err);
/* Sends it, in one piece; whether it is there already was asked before. from: another repository of the same registry to mount it from,
 * borrowed as `what` is; may be NULL. */
int reg_put_blob(struct reg *r, const struct reg_blob *what, const char *from, struct reg_call **ret, struct err *err);
/* tag: or a digest. text is copied. */
int reg_put_manifest(struct reg *r, const struct reg_place *at, const char *tag, const char *type, const char *text, size_t size,
		     reg_done_fn *fn, void *arg, struct reg_call **ret, struct err *err);

/* --- login --- */
/* Whether the place takes the credentials that it was prepared with or told to use (GET /v2/, with a token where one is asked for). */
int reg_try_login(struct reg *r, const struct reg_place *at, reg_done_fn *fn, void *arg, struct reg_call **ret, struct err *err);
