/* http_fault.c - what became of a request, by what libcurl says; and what is wrong with a certificate. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/visible.h"
#include "http_parts.h"

/* Those that are not here are HTTP_NONSENSE. */
static const struct {
	CURLcode code;
	enum http_fault fault;
	enum err_kind kind;
} faults[] = {
	{ CURLE_COULDNT_RESOLVE_PROXY, HTTP_UNREACHED, ERR_FAIL },
	{ CURLE_COULDNT_RESOLVE_HOST, HTTP_UNREACHED, ERR_FAIL },
	{ CURLE_COULDNT_CONNECT, HTTP_UNREACHED, ERR_FAIL },
	{ CURLE_PROXY, HTTP_UNREACHED, ERR_FAIL },
	{ CURLE_SSL_CONNECT_ERROR, HTTP_NO_TLS, ERR_FAIL },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTP_UNTRUSTED, ERR_PERM },
	{ CURLE_SSL_ISSUER_ERROR, HTTP_UNTRUSTED, ERR_PERM },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTP_UNTRUSTED, ERR_PERM },
	{ CURLE_PARTIAL_FILE, HTTP_BROKEN, ERR_FAIL },
	{ CURLE_RECV_ERROR, HTTP_BROKEN, ERR_FAIL },
	{ CURLE_SEND_ERROR, HTTP_BROKEN, ERR_FAIL },
	{ CURLE_SEND_FAIL_REWIND, HTTP_BROKEN, ERR_FAIL },
	{ CURLE_GOT_NOTHING, HTTP_BROKEN, ERR_FAIL },
};

static void judge_timeout(struct http_req *r, const struct http_conf *conf)
{
	curl_off_t connected_us = 0;

	curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	r->fault = connected_us > 0 ? HTTP_BROKEN : HTTP_UNREACHED;
	if (connected_us > 0)
		err_set(&r->err, ERR_TIMEOUT, "nothing came for %u s", conf->idle_s);
	else
		err_set(&r->err, ERR_TIMEOUT, "no connection within %u s", r->want.connect_s);
}

void http_judge(struct http_req *r, const struct http_conf *conf, CURLcode code)
{
	auto_free char *why = visible_copy(r->why[0] ? r->why : curl_easy_strerror(code));
	enum err_kind kind = ERR_PROTO;

	if (r->err.kind) /* one of our callbacks said why */
		return;
	if (code == CURLE_OPERATION_TIMEDOUT) {
		judge_timeout(r, conf);
		http_proxy_why(r);
		return;
	}
	r->fault = code == CURLE_OK ? HTTP_WHOLE : HTTP_NONSENSE;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		if (faults[i].code == code) {
			r->fault = faults[i].fault;
			kind = faults[i].kind;
		}
	/* How libcurl says that a line is longer than it likes; CURLE_TOO_LARGE, 100, is since 8.6. */
	if (code == CURLE_OUT_OF_MEMORY || (int)code == 100)
		err_set(&r->err, kind, "its answer has a head that is too large");
	else if (r->fault == HTTP_UNTRUSTED)
		http_cert_why(r->easy, why, &r->err);
	else if (r->fault != HTTP_WHOLE)
		err_set(&r->err, kind, "%s", why);
	if (r->fault != HTTP_WHOLE)
		http_proxy_why(r);
}

/* ------------------------------------------------------------------ certificates */

/* Their dates, "2030-01-31 12:00:00 GMT", are compared as texts of DATE_LEN characters. */
enum { DATE_LEN = 19 };

static void now_like_them(char ret[static 32])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(ret, 32, "%Y-%m-%d %H:%M:%S", gmtime_r(&now, &tm));
}

static char *cert_field(const struct curl_certinfo *info, int i, const char *name)
{
	size_t len = strlen(name);

	for (const struct curl_slist *l = info->certinfo[i]; l; l = l->next)
		if (strncasecmp(l->data, name, len) == 0 && l->data[len] == ':')
			return visible_copy(l->data + len + 1);
	return xstrdup("");
}

static int cert_dates(const struct curl_certinfo *info, int i, struct err *err)
{
	auto_free char *from = cert_field(info, i, "Start date"), *to = cert_field(info, i, "Expire date");
	auto_free char *who = cert_field(info, i, "Subject");
	char now[32];

	now_like_them(now);
	if (*to && strncmp(to, now, DATE_LEN) < 0) {
		err_set(err, ERR_PERM, "the certificate of '%s' has expired (%s)", who, to);
		return err_hint(err, "whoever runs the registry has to renew it, unless the clock here (%s UTC) is wrong", now);
	}
	if (*from && strncmp(from, now, DATE_LEN) > 0) {
		err_set(err, ERR_PERM, "the certificate of '%s' is not valid before %s", who, from);
		return err_hint(err, "look whether the clock here (%s UTC) is right", now);
	}
	return 0;
}

int http_cert_why(CURL *easy, const char *curl_says, struct err *err)
{
	auto_free char *who = NULL, *by = NULL;
	struct curl_certinfo *info = NULL;

	curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info);
	if (strstr(curl_says, "does not match"))
		return err_set(err, ERR_PERM, "its certificate is for another name: %s", curl_says);
	if (!info || info->num_of_certs == 0)
		return err_set(err, ERR_PERM, "its certificate is not trusted: %s", curl_says);
	for (int i = 0; i < info->num_of_certs; i++)
		if (cert_dates(info, i, err) < 0)
			return -1;
	who = cert_field(info, 0, "Subject");
	by = cert_field(info, info->num_of_certs - 1, "Issuer");
	if (strcmp(who, by) == 0)
		return err_set(err, ERR_PERM, "its certificate ('%s') is signed by nobody but itself", who);
	return err_set(err, ERR_PERM, "its certificate ('%s') is signed by '%s', which is not an authority that is trusted here", who, by);
}
