/* exchange_status.c - what an answer that is an error says, and what to do about it. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/visible.h"
#include "exchange.h"
#include "parts.h"

enum { SHOWN_MAX = 300 };

static const struct {
	int status;
	const char *name;
	enum err_kind kind;
} names[] = {
	{ 400, "Bad Request", ERR_FAIL },
	{ 401, "Unauthorized", ERR_PERM },
	{ 403, "Forbidden", ERR_PERM },
	{ 404, "Not Found", ERR_NOT_FOUND },
	{ 405, "Method Not Allowed", ERR_FAIL },
	{ 407, "Proxy Authentication Required", ERR_PERM },
	{ 408, "Request Timeout", ERR_TIMEOUT },
	{ 410, "Gone", ERR_NOT_FOUND },
	{ 413, "Content Too Large", ERR_FAIL },
	{ 416, "Range Not Satisfiable", ERR_FAIL },
	{ 429, "Too Many Requests", ERR_BUSY },
	{ 500, "Internal Server Error", ERR_FAIL },
	{ 502, "Bad Gateway", ERR_FAIL },
	{ 503, "Service Unavailable", ERR_FAIL },
	{ 504, "Gateway Timeout", ERR_FAIL },
};

static char *shown(const char *text)
{
	auto_free char *cut = strndup(text, SHOWN_MAX);

	return visible_copy(cut);
}

/* NULL: it is no JSON. */
static json_t *read_said(const struct buf *said)
{
	json_t *j = NULL;

	return said->len && jx_parse(said->p, said->len, &j, NULL) == 0 ? j : NULL;
}

/* {"errors":[{"code","message"}]} of the specification; realms say {"details"} or {"error_description"}. malloc'ed, NULL: nothing. */
static char *what_it_says(const json_t *j)
{
	const json_t *first = json_array_get(jx_arr(j, "errors"), 0);
	const char *text;

	text = jx_str(first, "message");
	if (!text || !*text)
		text = jx_str(first, "code");
	if (!text)
		text = jx_str(j, "details");
	if (!text)
		text = jx_str(j, "error_description");
	return text ? shown(text) : NULL;
}

static void hint(const struct site *s, int status, struct err *err)
{
	bool known = s->creds.user || s->creds.identity_token;

	if ((status == 401 || status == 403) && known && s->creds.from)
		err_hint(err, "it was asked with the credentials of %s; to be somebody else: davit login %s", s->creds.from, s->registry);
	else if ((status == 401 || status == 403) && known)
		err_hint(err, "user name or password is wrong there; some registries want an access token in the password's place");
	else if (status == 401 || status == 403)
		err_hint(err, "if it is there at all, it may take a login: davit login %s", s->registry);
	else if (status == 429 && !known)
		err_hint(err, "registries often allow more to those who log in: davit login %s", s->registry);
	else if (status == 407)
		err_hint(err, "this comes from the proxy that http_proxy or https_proxy names");
}

/* Some registries say MANIFEST_UNKNOWN of a repository that they do not have, too (distribution does); NAME_UNKNOWN is sure. */
static void hint_absent(const struct exchange *x, const json_t *said, struct err *err)
{
	const char *code = jx_str(json_array_get(jx_arr(said, "errors"), 0), "code");
	const struct site *s = x->site;

	if (str_eq(code, "NAME_UNKNOWN"))
		err_hint(err, "it has no repository '%s': the name is written in another way, or it is private: davit login %s", s->repository,
			s->registry);
	else
		err_hint(err, "its repository '%s' has no such tag or digest, or is not there either: look how name and tag are written, and if it is "
			      "private: davit login %s", s->repository, s->registry);
}

int exchange_status_err(const struct exchange *x, const struct http_answer *a, struct err *err)
{
	auto_json json_t *said = read_said(&x->said);
	auto_free char *says = what_it_says(said);
	enum err_kind kind = ERR_FAIL;
	const char *name = "";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].status == a->status) {
			name = names[i].name;
			kind = names[i].kind;
		}
	err_set(err, kind, "%d%s%s%s%s", a->status, *name ? " " : "", name, says ? ": " : "", says ? says : "");
	hint(x->site, a->status, err);
	if (a->status == 404 && x->for_manifest)
		hint_absent(x, said, err);
	return -1;
}
