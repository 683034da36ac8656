/* login.c - whether a registry takes our credentials: GET /v2/ (specification, "Endpoints", end-1). */
#include <stdlib.h>
#include <string.h>

#include "../util/mem.h"
#include "parts.h"

struct login {
	struct reg_call call;
	reg_done_fn *fn;
	void *arg;
};

/* A web server that has a page for everything is no registry. */
static int head(struct exchange *x, const struct http_answer *a, struct err *err)
{
	const char *type = http_field(a, "Content-Type", 0);

	if (type && str_starts(type, "text/html"))
		return err_set(err, ERR_PROTO, "what answers there is a web page, not a registry");
	return 0;
}

static void done(struct exchange *x, const struct err *err)
{
	struct login *l = (struct login *)CALL_OF(x);

	call_close(&l->call);
	l->fn(l->arg, err);
	call_free(&l->call);
}

static const struct exchange_ops ops = { .head = head, .done = done };

int reg_try_login(struct reg *r, const struct reg_place *at, reg_done_fn *fn, void *arg, struct reg_call **ret, struct err *err)
{
	struct login *l = call_new(r, at, sizeof *l, &ops);
	const char *user = l->call.x.site->creds.user;

	l->fn = fn;
	l->arg = arg;
	l->call.x.what = xasprintf("log in to %s%s%s%s", at->ref.registry, user ? " as '" : "", user ? user : "", user ? "'" : "");
	l->call.x.path = xstrdup("/v2/");
	call_start(&l->call, ret);
	return 0;
}
