/* challenge.c - WWW-Authenticate.
 *
 *	#( scheme [ 1*SP ( token68 / #( name "=" ( token / quoted ) ) ) ] )
 *
 * Commas stand between challenges and between the parameters of one, so a word is a parameter when an equals sign follows it, and the
 * next challenge's scheme when none does. */
#include "challenge.h"

#include <ctype.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "scan.h"

enum { VALUE_MAX = 64 << 10, CHALLENGES_MAX = 16, PARAMS_MAX = 32 };

static void challenge_done(struct reg_challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
}

static void challenges_cut(struct reg_challenges *l, size_t n)
{
	while (l->n > n)
		challenge_done(&l->v[--l->n]);
}

void reg_challenges_done(struct reg_challenges *l)
{
	challenges_cut(l, 0);
	free(l->v);
	*l = (struct reg_challenges){ 0 };
}

static bool word_is(const char *word, size_t n, const char *what)
{
	return n == strlen(what) && strncasecmp(word, what, n) == 0;
}

/* Skips a token68; true when it was one: nothing but a comma or the end may follow it. */
static bool skip_token68(const char **p)
{
	const char *at = *p;

	while (*at && (isalnum((unsigned char)*at) || strchr("-._~+/", *at)))
		at++;
	if (at == *p)
		return false;
	at += strspn(at, "=");
	scan_space(&at);
	if (*at && *at != ',')
		return false;
	*p = at;
	return true;
}

/* 1: taken, 0: no parameter begins here, -1: one that is wrong, or given twice. */
static int take_param(const char **p, struct reg_challenge *c)
{
	const struct {
		const char *name;
		char **value;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};
	auto_free char *value = NULL;
	const char *at = *p, *name;
	size_t n = scan_token(&at, &name);

	scan_space(&at);
	if (n == 0 || !scan_char(&at, '='))
		return 0;
	scan_space(&at);
	value = scan_value(&at);
	if (!value)
		return -1;
	*p = at;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!word_is(name, n, known[i].name))
			continue;
		if (*known[i].value)
			return -1;
		*known[i].value = take(value);
	}
	return 1;
}

/* Up to the next challenge or the end. */
static int take_params(const char **p, struct reg_challenge *c)
{
	for (int n = 0; n <= PARAMS_MAX; n++) {
		int r = take_param(p, c);

		if (r <= 0)
			return r;
		scan_space(p);
		if (**p && **p != ',')
			return -1;
		scan_comma(p);
	}
	return -1;
}

static int take_challenge(const char **p, struct reg_challenges *l)
{
	struct reg_challenge *c;
	const char *scheme;
	size_t n = scan_token(p, &scheme);

	if (n == 0 || l->n >= CHALLENGES_MAX)
		return -1;
	c = XGROW(l->v, l->n, l->cap);
	c->scheme = word_is(scheme, n, "basic")	   ? REG_BASIC
		    : word_is(scheme, n, "bearer") ? REG_BEARER
						   : REG_OTHER_SCHEME;
	if (**p && !strchr(" \t,", **p))
		return -1;
	scan_space(p);
	if (**p && **p != ',' && !skip_token68(p)) {
		const char *before = *p;

		if (take_params(p, c) < 0 || *p == before)
			return -1;
	}
	scan_comma(p);
	return 0;
}

int reg_challenges_add(struct reg_challenges *l, const char *value, struct err *err)
{
	const size_t before = l->n;
	const char *p = value;

	if (strnlen(value, VALUE_MAX + 1) > VALUE_MAX)
		return err_set(err, ERR_PROTO, "WWW-Authenticate is longer than %d bytes", VALUE_MAX);
	scan_comma(&p);
	while (*p)
		if (take_challenge(&p, l) < 0) {
			challenges_cut(l, before);
			return err_set(err, ERR_PROTO, "WWW-Authenticate is not well formed at its byte %zu",
				(size_t)(p - value) + 1);
		}
	return 0;
}

const struct reg_challenge *reg_challenges_find(const struct reg_challenges *l, enum reg_scheme scheme)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].scheme == scheme)
			return &l->v[i];
	return NULL;
}
