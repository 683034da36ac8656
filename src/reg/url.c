#include "url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/str.h"

/* A part of it, malloc'ed; NULL when it has none. */
static char *part(CURLU *u, CURLUPart which, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(u, which, &text, flags) != CURLUE_OK)
		return NULL;
	copy = xstrdup(text);
	curl_free(text);
	return copy;
}

static bool has(CURLU *u, CURLUPart which)
{
	char *text = part(u, which, 0);
	bool there = text != NULL;

	free(text);
	return there;
}

static int take_apart(CURLU *u, struct url *ret, struct err *err)
{
	char *scheme, *port;
	int r;

	if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		return err_set(err, ERR_PROTO, "an address with a user or a password in it");
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	scheme = part(u, CURLUPART_SCHEME, 0);
	port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	ret->tls = scheme && STREQ(scheme, "https");
	r = scheme && (ret->tls || STREQ(scheme, "http")) && port && str_uint(port, 1, 65535, &ret->port) == 0;
	free(scheme);
	free(port);
	if (!r)
		return err_set(err, ERR_PROTO, "an address that is neither http nor https");
	ret->host = part(u, CURLUPART_HOST, 0);
	ret->text = part(u, CURLUPART_URL, 0);
	return ret->host && ret->text ? 0 : err_set(err, ERR_PROTO, "an address without a host");
}

int url_parse(const char *base, const char *text, struct url *ret, struct err *err)
{
	CURLU *u;
	int r;

	*ret = (struct url){ 0 };
	if (strlen(text) > URL_MAX)
		return err_set(err, ERR_PROTO, "an address of more than %d bytes", URL_MAX);
	u = curl_url();
	if (!u)
		abort();
	if ((base && curl_url_set(u, CURLUPART_URL, base, 0) != CURLUE_OK) ||
		curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK)
		r = err_set(err, ERR_PROTO, "not an address");
	else
		r = take_apart(u, ret, err);
	curl_url_cleanup(u);
	if (r < 0)
		url_done(ret);
	return r;
}

void url_done(struct url *u)
{
	free(u->text);
	free(u->host);
	*u = (struct url){ 0 };
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->tls == b->tls && a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

char *url_with(const char *url, const char *key, const char *value)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s%c%s=", url, strchr(url, '?') ? '&' : '?', key);
	for (const char *p = value; *p; p++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *p))
			buf_char(&b, *p);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*p);
	}
	return buf_take(&b);
}
