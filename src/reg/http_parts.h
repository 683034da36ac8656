/* http_parts.h - within http*.c only: a request from its start to its end, and how it failed. */
#pragma once

#include <curl/curl.h>
#include <sys/queue.h>

#include "http.h"

enum http_state {
	REQ_WAITING, /* for a connection to its host */
	REQ_RUNNING, /* libcurl has it */
	REQ_ENDED,   /* on_done is to be called */
	REQ_DEAD,    /* cancelled while libcurl was calling us: it goes when that has returned */
};
struct http_req {
	TAILQ_ENTRY(http_req) link;
	struct http *h;
	const struct http_conf *conf; /* of h */
	enum http_state state;
	struct http_want want; /* without url and fields */
	char *origin;
	CURL *easy;
	struct curl_slist *fields;
	const char *proxy_from; /* the variable that names the proxy; static; NULL: there is none */
	char why[CURL_ERROR_SIZE];
	uint64_t sent;

	struct event *pace; /* the end of a window of time; NULL: none has begun */
	uint64_t moved;	    /* bytes before it */
	unsigned windows;   /* that were good */

	struct http_answer answer;
	size_t head_bytes;
	bool head_told;
	enum http_fault fault;
	struct err err;
};

/* Ends it, with r->fault and r->err as they are; not from within libcurl. */
void http_end(struct http_req *r);
/* Something goes, or comes: from now on it has to be fast enough. */
void http_pace_begin(struct http_req *r);
void http_pace_done(struct http_req *r);
/* Sets r->proxy_from and the proxy of r->easy. */
void http_proxy_set(struct http_req *r, const struct url *url);
/* Says in r->err that it is the proxy which failed, if it is; r->fault and r->err are set. */
void http_proxy_why(struct http_req *r);
/* Fills in r->easy by what is wanted. */
void http_set_up(struct http_req *r, const struct http_conf *conf, const struct url *url);
/* Sets r->fault and r->err by what libcurl says. */
void http_judge(struct http_req *r, const struct http_conf *conf, CURLcode code);
/* What is wrong with the certificate that was shown, ERR_PERM with a hint; curl_says: for what only it knows. */
int http_cert_why(CURL *easy, const char *curl_says, struct err *err);
