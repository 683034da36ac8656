/* http_proxy.c - whose proxy is asked instead of the registry, and what its failures are called.
 *
 * libcurl finds the variables itself, but for HTTP_PROXY, which it leaves alone since in a CGI program it is the value of a field that anybody may
 * send ("Proxy:"; httpoxy). Go's programs heed it unless they are one, and so do we. no_proxy and NO_PROXY are left to libcurl: whether
 * they except a host is seen from what it says it could not reach. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "http_parts.h"
#include "places.h"

static const char *value(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static bool counts(const char *name)
{
	return value(name) && !(strcmp(name, "HTTP_PROXY") == 0 && value("REQUEST_METHOD"));
}

static const char *variable_for(const struct url *url)
{
	static const char *const tls[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	static const char *const plain[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY" };
	const char *const *names = url->tls ? tls : plain;

	if (reg_is_loopback(url->host)) /* a proxy has a loopback of its own */
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(tls); i++)
		if (counts(names[i]))
			return names[i];
	return NULL;
}

void http_proxy_set(struct http_req *r, const struct url *url)
{
	r->proxy_from = variable_for(url);
	curl_easy_setopt(r->easy, CURLOPT_PROXY, r->proxy_from ? value(r->proxy_from) : "");
}

/* Without user and password, which are nobody's business. malloc'ed; NULL: it cannot be read. */
static char *proxy_host(const char *proxy)
{
	CURLU *u = curl_url();
	char *host = NULL, *ret;

	if (u && curl_url_set(u, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK)
		curl_url_get(u, CURLUPART_HOST, &host, 0);
	ret = xstrdup(host);
	curl_free(host);
	curl_url_cleanup(u);
	return ret;
}

void http_proxy_why(struct http_req *r)
{
	auto_free char *host = r->proxy_from ? proxy_host(value(r->proxy_from)) : NULL;

	if (!r->proxy_from)
		return;
	if (!strstr(r->why, "proxy") && !strstr(r->why, "CONNECT tunnel") && !(host && r->fault == HTTP_UNREACHED && strstr(r->why, host)))
		return;
	err_wrap(&r->err, "the proxy%s%s%s that %s names", host ? " '" : "", host ? host : "", host ? "'" : "", r->proxy_from);
	err_hint(&r->err, "look whether it is right and runs, take %s out of the environment, or except the registry by no_proxy", r->proxy_from);
}
