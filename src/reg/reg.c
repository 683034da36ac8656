/* reg.c - the client and its calls. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "parts.h"

int reg_new(const struct reg_opts *opts, struct reg **ret, struct err *err)
{
	struct reg *r = xcalloc(1, sizeof *r);
	struct http_conf conf = {
		.base = opts->base,
		.connect_s = opts->connect_s ? opts->connect_s : 30,
		.idle_s = opts->idle_s ? opts->idle_s : 60,
		.per_host = REG_PER_HOST,
	};

	conf.window_ms = opts->window_ms ? opts->window_ms : conf.idle_s * 1000;
	r->opts = *opts;
	if (!r->opts.backoff_ms)
		r->opts.backoff_ms = 500;
	TAILQ_INIT(&r->sites);
	TAILQ_INIT(&r->calls);
	if (http_new(&conf, &r->http, err) < 0) {
		free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void reg_free(struct reg *r)
{
	struct reg_call *c;
	struct site *s;

	if (!r)
		return;
	while ((c = TAILQ_FIRST(&r->calls)))
		reg_cancel(c);
	while ((s = TAILQ_FIRST(&r->sites))) {
		TAILQ_REMOVE(&r->sites, s, link);
		site_free(s);
	}
	http_free(r->http);
	free(r);
}

int reg_prepare(struct reg *r, const struct reg_env *env, const struct reg_place *at, struct err *err)
{
	return site_prepare(site_of(&r->sites, at), env, err);
}

void reg_use_creds(struct reg *r, const struct reg_place *at, const struct reg_creds *creds)
{
	struct site *s = site_of(&r->sites, at);

	tokens_done(&s->tokens);
	reg_creds_done(&s->creds);
	s->creds.user = xstrdup(creds->user);
	s->creds.password = xstrdup(creds->password);
	s->creds.identity_token = xstrdup(creds->identity_token);
	s->creds.from = xstrdup(creds->from);
	s->told = true;
}

void reg_tell(struct reg *r, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	if (!r->opts.told)
		return;
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	r->opts.told(r->opts.arg, b.p);
}

/* ------------------------------------------------------------------ calls */

void *call_new(struct reg *r, const struct reg_place *at, size_t size, const struct exchange_ops *ops)
{
	struct reg_call *c = xcalloc(1, size);

	c->x.r = r;
	c->x.site = site_of(&r->sites, at);
	c->x.ops = ops;
	c->x.method = "GET";
	return c;
}

void call_scope(struct reg_call *c, const char *repository, const char *actions)
{
	strs_printf(&c->x.scopes, "repository:%s:%s", repository, actions);
}

void call_start(struct reg_call *c, struct reg_call **ret)
{
	TAILQ_INSERT_TAIL(&c->x.r->calls, c, link);
	exchange_start(&c->x);
	*ret = c;
}

void call_close(struct reg_call *c)
{
	TAILQ_REMOVE(&c->x.r->calls, c, link);
	exchange_stop(&c->x);
}

void call_free(struct reg_call *c)
{
	if (c->release)
		c->release(c);
	free(c);
}

void reg_cancel(struct reg_call *c)
{
	if (!c)
		return;
	call_close(c);
	call_free(c);
}

/* ------------------------------------------------------------------ words that come from elsewhere */

int check_digest(const char *digest, struct err *err)
{
	if (!str_starts(digest, "sha256:") || strlen(digest) != 7 + 64 || strspn(digest + 7, "0123456789abcdef") != 64)
		return err_set(err, ERR_INPUT, "'%.100s' is not a digest that can be checked: sha256: and 64 hex digits in lower case",
			digest);
	return 0;
}

static bool is_word(const char *text, const char *more, size_t max)
{
	size_t n = strlen(text);

	if (n == 0 || n > max || strchr("/.-", *text) || strstr(text, "/.") || strstr(text, "//"))
		return false;
	for (const char *p = text; *p; p++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-", *p) && !strchr(more, *p))
			return false;
	return true;
}

int check_reference(const char *text, struct err *err)
{
	if (strchr(text, ':'))
		return check_digest(text, err);
	return is_word(text, "", 128) ? 0 : err_set(err, ERR_INPUT, "'%.200s' is not a tag", text);
}

int check_name(const char *text, struct err *err)
{
	return is_word(text, "/", 255) ? 0 : err_set(err, ERR_INPUT, "'%.300s' is not the name of a repository", text);
}
