#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "parts.h"

enum { TOKEN_MAX = 1 << 20, TOKEN_S = 60, EARLY_S = 5 };

struct token_wait {
	TAILQ_ENTRY(token_wait) link;
	struct token *token;
	token_fn *fn;
	void *arg;
	bool due; /* is to be told what became of the request that has just ended */
};
struct token {
	TAILQ_ENTRY(token) link;
	char *scopes; /* joined by blanks */
	char *value;  /* NULL: there is none, or none any more */
	int64_t until_ns, asked_ns;
	bool asking;
	struct exchange x;
	char *auth;	     /* for the realm; NULL: anonymous */
	struct buf form, text; /* what is sent, what comes */
	TAILQ_HEAD(, token_wait) waiting;
};
#define TOKEN_OF(exchange) ((struct token *)((char *)(exchange) - offsetof(struct token, x)))

static void wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

static void wipe_buf(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_done(b);
}

void tokens_init(struct tokens *t)
{
	TAILQ_INIT(&t->list);
}

static void asked(struct token *t)
{
	t->asking = false;
	exchange_stop(&t->x);
	wipe(&t->auth);
	wipe_buf(&t->form);
	wipe_buf(&t->text);
}

void tokens_done(struct tokens *tokens)
{
	struct token *t;

	while ((t = TAILQ_FIRST(&tokens->list))) {
		TAILQ_REMOVE(&tokens->list, t, link);
		asked(t);
		wipe(&t->value);
		free(t->scopes);
		free(t);
	}
}

static char *join(const struct strs *scopes)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < scopes->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", scopes->v[i]);
	return buf_take(&b);
}

static struct token *find(struct site *s, const struct strs *scopes)
{
	auto_free char *key = join(scopes);
	struct token *t;

	TAILQ_FOREACH (t, &s->tokens.list, link)
		if (STREQ(t->scopes, key))
			return t;
	t = xcalloc(1, sizeof *t);
	t->scopes = take(key);
	TAILQ_INIT(&t->waiting);
	TAILQ_INSERT_TAIL(&s->tokens.list, t, link);
	return t;
}

/* ------------------------------------------------------------------ what the realm says */

static int take_body(struct exchange *x, const void *p, size_t n, struct err *err)
{
	struct token *t = TOKEN_OF(x);

	if (t->text.len + n > TOKEN_MAX)
		return err_set(err, ERR_PROTO, "an answer of more than %d bytes", TOKEN_MAX);
	buf_add(&t->text, p, n);
	return 0;
}

static bool is_token(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p < 0x21 || *p > 0x7e)
			return false;
	return *s && strlen(s) <= 64 << 10;
}

static int take_token(struct exchange *x, const struct http_answer *a, struct err *err)
{
	struct token *t = TOKEN_OF(x);
	auto_json json_t *j = NULL;
	const char *value;
	int64_t s;

	if (jx_parse(t->text.p ? t->text.p : "", t->text.len, &j, NULL) < 0 || !json_is_object(j))
		return err_set(err, ERR_PROTO, "its answer is no JSON object");
	value = jx_str(j, "token");
	if (!value || !*value)
		value = jx_str(j, "access_token");
	if (!value || !is_token(value))
		return err_set(err, ERR_PROTO, "its answer has no token");
	s = jx_int(j, "expires_in", TOKEN_S);
	if (s < TOKEN_S) /* less is not to be said, and is not believed: a token that is not taken is asked for anew */
		s = TOKEN_S;
	wipe(&t->value);
	t->value = xstrdup(value);
	t->until_ns = t->asked_ns + (s < CLOCK_FAR_S ? s - EARLY_S : CLOCK_FAR_S) * SEC_NS;
	return EX_DONE;
}

static struct token_wait *first_due(const struct token *t)
{
	struct token_wait *w;

	TAILQ_FOREACH (w, &t->waiting, link)
		if (w->due)
			return w;
	return NULL;
}

/* Each is told once, whatever the others do meanwhile; who comes now waits for the next. */
static void done(struct exchange *x, const struct err *err)
{
	struct token *t = TOKEN_OF(x);
	struct token_wait *w;

	asked(t);
	TAILQ_FOREACH (w, &t->waiting, link)
		w->due = true;
	while ((w = first_due(t))) {
		struct token_wait one = *w;

		token_cancel(w);
		one.fn(one.arg, err);
	}
}

static void form_type(struct exchange *x, struct strs *fields)
{
	if (x->has_body)
		strs_add(fields, "Content-Type: application/x-www-form-urlencoded");
}

static const struct exchange_ops ops = { .fields = form_type, .body = take_body, .whole = take_token, .done = done };

/* ------------------------------------------------------------------ what it is asked */

static char *with(char *url, const char *key, const char *value)
{
	char *more = url_with(url, key, value);

	free(url);
	return more;
}

/* GET, with Basic when we are somebody. */
static void ask_by_get(struct site *s, struct token *t, const struct strs *scopes)
{
	auto_free char *basic = site_basic(s);
	char *url = xstrdup(s->realm);

	if (basic)
		t->auth = xasprintf("Basic %s", basic);
	if (s->service)
		url = with(url, "service", s->service);
	for (size_t i = 0; i < scopes->n; i++)
		url = with(url, "scope", scopes->v[i]);
	if (basic)
		url = with(url, "account", s->creds.user);
	wipe(&basic);
	t->x.method = "GET";
	t->x.url = url;
	t->x.fixed = t->auth;
}

/* POST with grant_type=refresh_token (RFC 6749, 6). */
static void ask_by_post(struct site *s, struct token *t)
{
	char *form = url_with("", "grant_type", "refresh_token");

	form = with(form, "client_id", "davit");
	form = with(form, "service", s->service ? s->service : "");
	form = with(form, "scope", t->scopes);
	form = with(form, "refresh_token", s->creds.identity_token);
	buf_str(&t->form, form + 1); /* what follows the "?" of a query is a form */
	wipe(&form);
	t->x.method = "POST";
	t->x.url = xstrdup(s->realm);
	t->x.body = (struct http_body){ .text = t->form.p, .size = t->form.len };
	t->x.has_body = true;
}

static void ask(struct reg *r, struct site *s, struct token *t, const struct strs *scopes)
{
	struct url u = { 0 };

	t->asking = true;
	t->asked_ns = clock_mono_ns();
	t->x = (struct exchange){ .r = r, .site = s, .ops = &ops, .for_token = true };
	url_parse(NULL, s->realm, &u, NULL);
	t->x.what = xasprintf("get a token%s%s%s from %s", *t->scopes ? " for '" : "", t->scopes, *t->scopes ? "'" : "",
		u.host ? u.host : "its realm");
	url_done(&u);
	if (s->creds.identity_token)
		ask_by_post(s, t);
	else
		ask_by_get(s, t, scopes);
	exchange_start(&t->x);
}

/* ------------------------------------------------------------------ the face */

int token_get(struct reg *r, struct site *s, const struct strs *scopes, token_fn *fn, void *arg, const char **ret,
	struct token_wait **ret_wait)
{
	struct token *t = find(s, scopes);

	if (t->value && t->until_ns > clock_mono_ns()) {
		*ret = t->value;
		return 1;
	}
	*ret_wait = xcalloc(1, sizeof **ret_wait);
	(*ret_wait)->token = t;
	(*ret_wait)->fn = fn;
	(*ret_wait)->arg = arg;
	TAILQ_INSERT_TAIL(&t->waiting, *ret_wait, link);
	if (!t->asking)
		ask(r, s, t, scopes);
	return 0;
}

void token_cancel(struct token_wait *w)
{
	if (!w)
		return;
	TAILQ_REMOVE(&w->token->waiting, w, link);
	free(w);
}

void token_refused(struct site *s, const struct strs *scopes, const char *value)
{
	struct token *t = find(s, scopes);

	if (t->value && STREQ(t->value, value))
		wipe(&t->value);
}
