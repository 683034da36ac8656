/* http_request.c - what libcurl is told of a request, and what it tells us while it is under way. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../util/mem.h"
#include "../util/version.h"
#include "http_parts.h"

enum { RECEIVE_BYTES = 256 << 10, SEND_BYTES = 256 << 10 };

/* Returning this from any of libcurl's callbacks for data ends the transfer. */
static size_t stop(struct http_req *r)
{
	r->fault = HTTP_STOPPED;
	return 0;
}

static int too_much(struct http_req *r)
{
	r->fault = HTTP_NONSENSE;
	return err_set(&r->err, ERR_PROTO, "its answer has a head of more than %d fields or %d bytes", HTTP_FIELDS_MAX, HTTP_HEAD_MAX);
}

/* One line of a head. A status line begins a new one: what came before was a 1xx. */
static int add_line(struct http_req *r, const char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	r->head_bytes += n;
	if (r->head_bytes == n && n > 0)
		http_pace_begin(r);
	if (r->answer.fields.n >= HTTP_FIELDS_MAX || r->head_bytes > HTTP_HEAD_MAX)
		return too_much(r);
	if (memchr(p, 0, n)) {
		r->fault = HTTP_NONSENSE;
		return err_set(&r->err, ERR_PROTO, "its answer has a NUL character in its head");
	}
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0)
		strs_done(&r->answer.fields);
	else if (n > 0)
		strs_addn(&r->answer.fields, p, n);
	return 0;
}

static size_t on_head_line(char *p, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;
	bool last = n > 0 && (p[0] == '\r' || p[0] == '\n');
	long status = 0;

	if (r->state == REQ_DEAD)
		return 0;
	if (r->head_told) /* a trailer */
		return n;
	if (add_line(r, p, n) < 0)
		return 0;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!last || status < 200)
		return n;
	r->head_told = true;
	r->answer.status = (int)status;
	if (r->want.on_head && r->want.on_head(r->want.arg, &r->answer, &r->err) < 0)
		return stop(r);
	return r->state == REQ_DEAD ? 0 : n;
}

static size_t on_data(char *p, size_t size, size_t n, void *arg)
{
	struct http_req *r = arg;

	if (r->state == REQ_DEAD)
		return 0;
	if (r->want.on_body && r->want.on_body(r->want.arg, p, n, &r->err) < 0)
		return stop(r);
	return r->state == REQ_DEAD ? 0 : n;
}

/* So many bytes from the place that was reached; -1: they are not there, r->err says why. */
static ssize_t read_body(struct http_req *r, char *p, size_t n)
{
	const struct http_body *b = r->want.body;
	ssize_t got;

	if (b->text) {
		memcpy(p, b->text + r->sent, n);
		return (ssize_t)n;
	}
	got = pread(b->fd, p, n, (off_t)r->sent);
	if (got < 0)
		return err_sys(&r->err, errno, "read what is to be sent");
	if (got == 0 && n > 0)
		return err_set(&r->err, ERR_FAIL, "what is to be sent is shorter than it should be");
	return got;
}

/* The body is its owner's, and gone when the request is dead: it is not looked at before that is known. */
static size_t on_send(char *p, size_t size, size_t room, void *arg)
{
	struct http_req *r = arg;
	uint64_t left;
	ssize_t got;

	if (r->state == REQ_DEAD)
		return CURL_READFUNC_ABORT;
	if (r->sent == 0)
		http_pace_begin(r);
	left = r->want.body->size - r->sent;
	got = read_body(r, p, left < room * size ? (size_t)left : room * size);
	if (got < 0) {
		r->fault = HTTP_STOPPED;
		return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)got;
	if (r->want.on_sent && got > 0)
		r->want.on_sent(r->want.arg, r->sent);
	return r->state == REQ_DEAD ? CURL_READFUNC_ABORT : (size_t)got;
}

/* libcurl begins anew when a kept connection turns out to be dead. */
static int on_seek(void *arg, curl_off_t at, int from)
{
	struct http_req *r = arg;

	if (r->state == REQ_DEAD || from != SEEK_SET || at < 0 || (uint64_t)at > r->want.body->size)
		return CURL_SEEKFUNC_FAIL;
	r->sent = (uint64_t)at;
	return CURL_SEEKFUNC_OK;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ------------------------------------------------------------------ options */

static void set_tls(CURL *e, const struct http_tls *tls)
{
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, tls->unverified ? 0L : 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, tls->unverified ? 0L : 2L);
	curl_easy_setopt(e, CURLOPT_CERTINFO, tls->unverified ? 0L : 1L); /* for http_cert_why() */
	if (tls->ca_file || tls->unverified) {
		/* Debian's libcurl reads all of /etc/ssl/certs for each connection, where everything lies thrice. */
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(e, CURLOPT_CAINFO, tls->unverified ? NULL : tls->ca_file);
	}
	if (tls->cert) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert);
		curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key);
	}
}

static void set_body(struct http_req *r)
{
	CURL *e = r->easy;

	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->want.body->size);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(e, CURLOPT_READDATA, r);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, r);
	r->fields = curl_slist_append(r->fields, "Expect:"); /* libcurl would wait a second for "100 Continue" */
}

static void set_method(struct http_req *r)
{
	CURL *e = r->easy;

	if (strcmp(r->want.method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (r->want.body)
		set_body(r);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->want.method);
}

static void set_limits(struct http_req *r, const struct http_conf *conf)
{
	CURL *e = r->easy;

	if (!r->want.connect_s || r->want.connect_s > conf->connect_s)
		r->want.connect_s = conf->connect_s;
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)r->want.connect_s);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)conf->idle_s);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
}

void http_set_up(struct http_req *r, const struct http_conf *conf, const struct url *url)
{
	CURL *e = r->easy;
	char *agent = xasprintf("davit/%s", davit_version.number);

	r->fields = curl_slist_append(r->fields, "Accept-Encoding: identity"); /* what is hashed is what comes */
	curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->why);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_URL, url->text);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, agent);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head_line);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	/* A name server that is silent must not hold up the others: without it, libcurl joins the thread that waits for it when a request ends
	 * before that (curl issue 8515). Left alone, the thread ends by itself, and takes nothing of ours. Since 7.87. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	http_proxy_set(r, url);
	set_tls(e, &r->want.tls);
	set_limits(r, conf);
	set_method(r);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->fields);
	free(agent);
}
