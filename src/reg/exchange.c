/* How it works: exchange_attempt() finds the address and the Authorization, exchange_send() sends; when the answer has come, on_done()
 * decides what follows: done, a redirect, a token, another attempt after a pause, or the end. Between two of these steps exactly one of
 * x->req, x->wait and x->timer is under way. */
#include "exchange.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "challenge.h"
#include "parts.h"

enum { SAID_MAX = 64 << 10, BACKOFF_MAX_MS = 10000, RETRY_AFTER_MAX_MS = 5 * 60 * 1000 };
enum { UNREACHED_ATTEMPTS = 3, SLOW_ATTEMPTS = 2, OPTIONAL_CONNECT_S = 5 };

void exchange_stop(struct exchange *x)
{
	http_cancel(x->req);
	token_cancel(x->wait);
	if (x->timer)
		event_free(x->timer);
	x->req = NULL;
	x->wait = NULL;
	x->timer = NULL;
	free(x->what);
	free(x->path);
	free(x->url);
	free(x->sent_auth);
	x->what = x->path = x->url = x->sent_auth = NULL;
	strs_done(&x->scopes);
	url_done(&x->home);
	url_done(&x->at);
	buf_done(&x->said);
	err_done(&x->https_why);
}

void exchange_fail(struct exchange *x, struct err *err)
{
	auto_err struct err why = ERR_INIT;

	err_move(&why, err);
	if (!x->for_token && x->at.host && !url_same_origin(&x->at, &x->home))
		err_wrap(&why, "redirected to %s", x->at.host);
	err_wrap(&why, "%s", x->what);
	x->ops->done(x, &why);
}

/* ------------------------------------------------------------------ another attempt */

static void on_paused(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *x = arg;

	event_free(x->timer);
	x->timer = NULL;
	exchange_attempt(x);
}

static void pause_for(struct exchange *x, int64_t ms)
{
	struct timeval in = { ms / 1000, ms % 1000 * 1000 };

	x->timer = evtimer_new(x->r->opts.base, on_paused, x);
	if (!x->timer || evtimer_add(x->timer, &in) < 0)
		abort();
}

/* Who has never answered may be a name that was mistyped, or one that nobody has; a time limit was wait enough. */
static unsigned attempts_allowed(const struct exchange *x, const struct err *err)
{
	if (x->slow)
		return x->site->mirror || x->site->optional ? 1 : SLOW_ATTEMPTS;
	if (x->for_token ? x->site->realm_answered : x->site->answered)
		return REG_ATTEMPTS;
	return x->site->mirror || x->site->optional || err->kind == ERR_TIMEOUT ? 1 : UNREACHED_ATTEMPTS;
}

/* Doubles from attempt to attempt; a quarter more or less, so that those who were sent away together do not come back together. */
static int64_t backoff_ms(const struct exchange *x)
{
	int64_t ms = (int64_t)x->r->opts.backoff_ms << (x->attempts - 1);
	unsigned dice;
	char hex[9];

	hash_random_hex(4, hex);
	dice = (unsigned)strtoul(hex, NULL, 16);
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms * 3 / 4 + (int64_t)(dice % (uint64_t)(ms / 2 + 1));
}

void exchange_again(struct exchange *x, struct err *err, const char *retry_after)
{
	int64_t asked_ms = 0, ms;

	if (x->progressed && !x->slow) /* a few bytes a second lead nowhere */
		x->attempts = 0;
	x->progressed = false;
	if (++x->attempts >= attempts_allowed(x, err)) {
		if (x->attempts > 1)
			err_wrap(err, "tried %u times", x->attempts);
		exchange_fail(x, err);
		return;
	}
	ms = backoff_ms(x);
	if (retry_after && reg_retry_after_ms(retry_after, clock_wall_ns(), &asked_ms) == 0 && asked_ms > RETRY_AFTER_MAX_MS) {
		err_wrap(err, "it wants to be left alone for %lld s", (long long)(asked_ms / 1000));
		exchange_fail(x, err);
		return;
	}
	if (ms < asked_ms)
		ms = asked_ms;
	if (asked_ms > 0 && !x->for_token && url_same_origin(&x->at, &x->home))
		x->site->quiet_until_ns = clock_mono_in(asked_ms);
	reg_tell(x->r, "%s: %s; trying again in %.1f s", x->what, err_msg(err), (double)ms / 1000);
	err_done(err);
	if (x->ops->again)
		x->ops->again(x);
	pause_for(x, ms);
}

void exchange_redirect(struct exchange *x, const struct http_answer *a)
{
	const char *to = http_field(a, "Location", 0);
	auto_err struct err err = ERR_INIT;
	struct url next = { 0 };

	if (x->for_token)
		err_set(&err, ERR_PROTO, "%d: a redirect, which credentials do not follow", a->status);
	else if (x->has_body && a->status < 307)
		err_set(&err, ERR_PROTO, "%d: a redirect that loses what is sent", a->status);
	else if (!to)
		err_set(&err, ERR_PROTO, "%d: a redirect to nowhere", a->status);
	else if (++x->redirects > 10)
		err_set(&err, ERR_PROTO, "more than 10 redirects");
	else if (url_parse(x->at.text, to, &next, &err) < 0)
		err_wrap(&err, "%d: a redirect to", a->status);
	else if (x->at.tls && !next.tls)
		err_set(&err, ERR_PROTO, "%d: a redirect from https to http (%s), which is not followed", a->status, next.host);
	else if (!site_may_ask(x->site, &next))
		err_set(&err, ERR_PROTO, "%d: a redirect to plain http at %s, which is not this machine, and is not followed", a->status, next.host);
	if (err.kind) {
		url_done(&next);
		exchange_fail(x, &err);
		return;
	}
	url_done(&x->at);
	x->at = next;
	exchange_send(x);
}

/* ------------------------------------------------------------------ the answer */

static int on_head(void *arg, const struct http_answer *a, struct err *err)
{
	struct exchange *x = arg;
	int r;

	x->refusing = a->status < 200 || a->status > 299;
	x->site->answered = true;
	x->site->realm_answered |= x->for_token;
	if (x->site->scheme == SITE_UNKNOWN)
		x->site->scheme = x->home.tls ? SITE_HTTPS : SITE_HTTP;
	if (x->refusing)
		return 0;
	x->renewed = x->widened = false;
	r = x->ops->head ? x->ops->head(x, a, err) : 0;
	x->unfit = r == EX_AGAIN;
	return r == 0 ? 0 : -1;
}

static int on_body(void *arg, const void *p, size_t n, struct err *err)
{
	struct exchange *x = arg;

	if (!x->refusing && x->ops->body)
		return x->ops->body(x, p, n, err);
	if (x->said.len + n > SAID_MAX)
		return err_set(err, ERR_PROTO, "its answer has a body of more than %d bytes", SAID_MAX);
	buf_add(&x->said, p, n);
	return 0;
}

static void on_sent(void *arg, uint64_t bytes)
{
	struct exchange *x = arg;

	if (x->ops->sent)
		x->ops->sent(x, bytes);
}

static void on_good(struct exchange *x, const struct http_answer *a)
{
	auto_err struct err err = ERR_INIT;
	int r = x->ops->whole ? x->ops->whole(x, a, &err) : EX_DONE;

	if (r == EX_DONE) {
		x->ops->done(x, NULL);
	} else if (r == EX_NEXT) {
		exchange_attempt(x);
	} else if (r == EX_AGAIN) {
		exchange_again(x, &err, NULL);
	} else {
		exchange_fail(x, &err);
	}
}

static bool is_passing(int status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

static void on_refused(struct exchange *x, const struct http_answer *a)
{
	auto_err struct err err = ERR_INIT;
	int s = a->status;

	if (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) {
		exchange_redirect(x, a);
	} else if (s == 401) {
		exchange_unauthorized(x, a);
	} else if (is_passing(s)) {
		exchange_status_err(x, a, &err);
		exchange_again(x, &err, http_field(a, "Retry-After", 0));
	} else if (x->ops->refused && x->ops->refused(x, s)) {
		exchange_attempt(x);
	} else {
		exchange_status_err(x, a, &err);
		exchange_fail(x, &err);
	}
}

/* Where TLS does not answer and is not asked for, http is what is left. */
static bool falls_back(struct exchange *x, enum http_fault fault)
{
	return (fault == HTTP_UNREACHED || fault == HTTP_NO_TLS || fault == HTTP_BROKEN) && x->path && x->home.tls &&
		x->site->plain_http && x->site->scheme != SITE_HTTPS && url_same_origin(&x->home, &x->at);
}

static void on_fault(struct exchange *x, enum http_fault fault, struct err *err)
{
	if (falls_back(x, fault)) {
		err_done(&x->https_why);
		err_move(&x->https_why, err);
		x->site->scheme = SITE_HTTP;
		exchange_attempt(x);
		return;
	}
	if (!x->site->answered && x->site->scheme == SITE_HTTP) {
		x->site->scheme = SITE_UNKNOWN;
		if (x->https_why.kind)
			err_wrap(err, "https: %s; http", err_msg(&x->https_why));
	}
	if (fault == HTTP_NO_TLS && !x->site->plain_http)
		err_hint(err, "if it speaks nothing but plain http and may do so, set insecure = true for it in "
			      "/etc/containers/registries.conf, or use --tls-verify=false");
	if (fault == HTTP_UNREACHED && !err->hint)
		err_hint(err, "look whether '%s' is written as it should be, and whether this machine has a way to it", x->at.host);
	if (fault == HTTP_UNTRUSTED)
		err_hint(err, "if you trust it, put the certificate of who signed it into /etc/containers/certs.d/%s/ca.crt",
			x->site->registry);
	x->slow = fault == HTTP_SLOW;
	if (fault == HTTP_UNREACHED || fault == HTTP_NO_TLS || fault == HTTP_BROKEN || x->slow || x->unfit)
		exchange_again(x, err, NULL);
	else
		exchange_fail(x, err);
}

static void on_done(void *arg, const struct http_answer *a, enum http_fault fault, const struct err *err)
{
	auto_err struct err why = ERR_INIT;
	struct exchange *x = arg;

	x->req = NULL;
	if (a->status > 0 && x->refusing && fault != HTTP_NONSENSE)
		on_refused(x, a);
	else if (fault == HTTP_WHOLE)
		on_good(x, a);
	else {
		err_copy(&why, err);
		on_fault(x, fault, &why);
	}
}

/* ------------------------------------------------------------------ the request */

/* home: the place itself; at: where the request goes first, which is elsewhere for a realm, and may be for an upload. */
static int find_addresses(struct exchange *x, struct err *err)
{
	const char *scheme = x->site->scheme == SITE_HTTP ? "http" : "https";
	auto_free char *home = xasprintf("%s://%s%s", scheme, x->site->host, x->path ? x->path : "/");

	url_done(&x->home);
	url_done(&x->at);
	if (url_parse(NULL, home, &x->home, err) < 0 || url_parse(NULL, x->path ? home : x->url, &x->at, err) < 0)
		return -1;
	if (x->home.tls && !x->at.tls && !x->for_token)
		return err_set(err, ERR_PROTO, "an address that leads from https to http (%s), which is not followed", x->at.host);
	if (!x->for_token && !site_may_ask(x->site, &x->at))
		return err_set(err, ERR_PROTO, "an address of plain http at %s, which is not this machine, and is not asked", x->at.host);
	return 0;
}

/* What one exchange was told holds for all others with that place. */
static bool is_to_be_quiet(struct exchange *x)
{
	int64_t ns = x->site->quiet_until_ns - clock_mono_ns();

	if (ns <= 0 || x->for_token)
		return false;
	pause_for(x, ns / MS_NS + 1);
	return true;
}

void exchange_attempt(struct exchange *x)
{
	auto_err struct err err = ERR_INIT;

	if (is_to_be_quiet(x))
		return;
	x->redirects = 0;
	if (find_addresses(x, &err) < 0)
		exchange_fail(x, &err);
	else if (exchange_authorize(x) == 1)
		exchange_send(x);
}

void exchange_send(struct exchange *x)
{
	auto_strs struct strs fields = STRS_INIT;
	bool home = url_same_origin(&x->at, &x->home);
	struct http_want want = {
		.method = x->method,
		.url = &x->at,
		.fields = &fields,
		.tls = site_tls(x->site, home),
		.body = x->has_body ? &x->body : NULL,
		.connect_s = x->site->optional ? OPTIONAL_CONNECT_S : 0,
		.bulk = x->bulk,
		.on_head = on_head,
		.on_body = on_body,
		.on_sent = on_sent,
		.on_done = on_done,
		.arg = x,
	};

	if (x->ops->fields)
		x->ops->fields(x, &fields);
	if (x->sent_auth && (home || x->for_token))
		strs_printf(&fields, "Authorization: %s", x->sent_auth);
	x->said.len = 0;
	x->refusing = x->unfit = x->slow = false;
	x->req = http_start(x->r->http, &want);
}

void exchange_start(struct exchange *x)
{
	pause_for(x, 0);
}
