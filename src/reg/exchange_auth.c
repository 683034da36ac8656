/* exchange_auth.c - who we are: Authorization before a request, and what follows from a 401. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "challenge.h"
#include "exchange.h"
#include "parts.h"

static void on_token(void *arg, const struct err *err)
{
	auto_err struct err why = ERR_INIT;
	struct exchange *x = arg;

	x->wait = NULL;
	if (!err) {
		exchange_attempt(x);
		return;
	}
	err_copy(&why, err);
	exchange_fail(x, &why);
}

int exchange_authorize(struct exchange *x)
{
	const char *token;

	free(x->sent_auth);
	x->sent_auth = xstrdup(x->fixed);
	if (x->for_token || x->site->auth == SITE_OPEN)
		return 1;
	if (x->site->auth == SITE_BASIC) {
		auto_free char *basic = site_basic(x->site);

		x->sent_auth = basic ? xasprintf("Basic %s", basic) : NULL;
		return 1;
	}
	if (!token_get(x->r, x->site, &x->scopes, on_token, x, &token, &x->wait))
		return 0;
	x->sent_auth = xasprintf("Bearer %s", token);
	return 1;
}

/* ------------------------------------------------------------------ 401 */

static int read_challenges(const struct http_answer *a, struct reg_challenges *ret, struct err *err)
{
	const char *value;

	for (size_t i = 0; (value = http_field(a, "WWW-Authenticate", i)); i++)
		if (reg_challenges_add(ret, value, err) < 0)
			return -1;
	return 0;
}

/* Its realm is asked from now on. One that would be told our credentials in the clear is none. */
static int learn_realm(struct site *s, const struct reg_challenge *c, struct err *err)
{
	struct url u;

	if (url_parse(NULL, c->realm, &u, err) < 0)
		return err_wrap(err, "the realm that it names for tokens is");
	if (!site_may_ask(s, &u))
		err_set(err, ERR_PROTO, "the realm that it names for tokens (%s) speaks plain http, which would tell everybody who we are",
			u.host);
	url_done(&u);
	if (err->kind)
		return -1;
	s->auth = SITE_BEARER;
	free(s->realm);
	free(s->service);
	s->realm = xstrdup(c->realm);
	s->service = xstrdup(c->service);
	return 0;
}

static bool add_scope(struct exchange *x, const char *scope)
{
	if (!scope || !*scope || strs_has(&x->scopes, scope))
		return false;
	for (size_t i = 0; i < x->scopes.n; i++) /* "…:pull" is part of "…:pull,push" */
		if (str_starts(x->scopes.v[i], scope))
			return false;
	strs_add(&x->scopes, scope);
	return true;
}

static int learn_bearer(struct exchange *x, const struct reg_challenge *c, struct err *err)
{
	if (x->sent_auth && str_starts(x->sent_auth, "Bearer "))
		token_refused(x->site, &x->scopes, x->sent_auth + strlen("Bearer "));
	if (learn_realm(x->site, c, err) < 0)
		return -1;
	if (add_scope(x, c->scope) && !x->widened) {
		x->renewed = x->widened = true;
		return 1;
	}
	if (x->renewed)
		return 0;
	x->renewed = true;
	return 1;
}

/* 1: there is something else to be tried, 0: there is not, -1: *err. */
static int learn(struct exchange *x, const struct http_answer *a, struct reg_challenges *all, struct err *err)
{
	const struct reg_challenge *bearer, *basic;

	if (read_challenges(a, all, err) < 0)
		return -1;
	bearer = reg_challenges_find(all, REG_BEARER);
	basic = reg_challenges_find(all, REG_BASIC);
	if (bearer && bearer->realm)
		return learn_bearer(x, bearer, err);
	if (!basic || x->sent_auth || !x->site->creds.user)
		return 0;
	x->site->auth = SITE_BASIC;
	return 1;
}

void exchange_unauthorized(struct exchange *x, const struct http_answer *a)
{
	struct reg_challenges all = { 0 };
	auto_err struct err err = ERR_INIT;
	int more = 0;

	/* Only the place itself may say who is to be told our credentials. */
	if (!x->for_token && url_same_origin(&x->at, &x->home))
		more = learn(x, a, &all, &err);
	reg_challenges_done(&all);
	if (more == 1) {
		exchange_attempt(x);
		return;
	}
	if (more == 0)
		exchange_status_err(x, a, &err);
	exchange_fail(x, &err);
}
