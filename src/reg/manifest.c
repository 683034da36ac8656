/* manifest.c - manifests and indexes: GET and HEAD /v2/NAME/manifests/REFERENCE (specification, "Pulling manifests"). */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/mem.h"
#include "parts.h"

struct get_manifest {
	struct reg_call call;
	char *want; /* "sha256:…", NULL: a tag */
	struct buf text;
	char *type;
	char hex[HASH_HEX_LEN + 1]; /* of a HEAD; else of the text */
	uint64_t size;		    /* of a HEAD */
	reg_doc_fn *fn;
	void *arg;
};

static struct get_manifest *of(struct exchange *x)
{
	return (struct get_manifest *)CALL_OF(x);
}

static void fields(struct exchange *x, struct strs *f)
{
	strs_add(f, "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
		    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json");
}

static int too_large(struct err *err)
{
	return err_set(err, ERR_PROTO, "it is larger than %d bytes", REG_DOC_MAX);
}

static int head(struct exchange *x, const struct http_answer *a, struct err *err)
{
	const char *type = http_field(a, "Content-Type", 0), *digest = http_field(a, "Docker-Content-Digest", 0);
	struct get_manifest *m = of(x);

	m->text.len = 0;
	free(m->type);
	m->type = xstrndup(type ? type : "", type ? strcspn(type, "; \t") : 0);
	m->hex[0] = 0;
	if (digest && check_digest(digest, NULL) == 0)
		memcpy(m->hex, digest + 7, sizeof m->hex);
	if (http_length(a) > REG_DOC_MAX)
		return too_large(err);
	m->size = http_length(a) > 0 ? (uint64_t)http_length(a) : 0;
	return 0;
}

static int body(struct exchange *x, const void *p, size_t n, struct err *err)
{
	struct get_manifest *m = of(x);

	if (m->text.len + n > REG_DOC_MAX)
		return too_large(err);
	buf_add(&m->text, p, n);
	return 0;
}

/* What the registry says is the digest of a tag is worth comparing, too: who stands between us may have changed the content. */
static int whole(struct exchange *x, const struct http_answer *a, struct err *err)
{
	struct get_manifest *m = of(x);
	char told[HASH_HEX_LEN + 1];

	memcpy(told, m->hex, sizeof told);
	hash_sha256_hex(m->text.p ? m->text.p : "", m->text.len, m->hex);
	if (m->want && strcmp(m->want + 7, m->hex) != 0)
		return err_set(err, ERR_PROTO, "what came has the digest sha256:%s", m->hex);
	if (told[0] && strcmp(told, m->hex) != 0 && !strstr(m->type, "v1+prettyjws"))
		return err_set(err, ERR_PROTO, "what came has the digest sha256:%s, its head says sha256:%s", m->hex, told);
	return EX_DONE;
}

static void tell(struct get_manifest *m, const struct err *err)
{
	struct reg_doc doc = { .text = m->text.len ? m->text.p : "", .size = m->text.len, .type = m->type };

	memcpy(doc.hex, m->hex, sizeof doc.hex);
	if (strcmp(m->call.x.method, "HEAD") == 0) {
		doc.text = NULL;
		doc.size = m->size;
	}
	call_close(&m->call);
	m->fn(m->arg, err ? NULL : &doc, err);
	call_free(&m->call);
}

static void done(struct exchange *x, const struct err *err)
{
	tell(of(x), err);
}

static const struct exchange_ops get_ops = { .fields = fields, .head = head, .body = body, .whole = whole, .done = done };

/* ------------------------------------------------------------------ HEAD */

static bool become_get(struct exchange *x)
{
	x->method = "GET";
	x->ops = &get_ops;
	return true;
}

static int head_whole(struct exchange *x, const struct http_answer *a, struct err *err)
{
	struct get_manifest *m = of(x);

	if (!m->hex[0])
		return become_get(x) ? EX_NEXT : -1;
	if (m->want && strcmp(m->want + 7, m->hex) != 0)
		return err_set(err, ERR_PROTO, "it says that it has sha256:%s", m->hex);
	return EX_DONE;
}

/* A registry that does not know HEAD says so in many ways. */
static bool head_refused(struct exchange *x, int status)
{
	return status != 404 && status != 403 && become_get(x);
}

static const struct exchange_ops head_ops = {
	.fields = fields, .head = head, .whole = head_whole, .refused = head_refused, .done = done
};

static void release(struct reg_call *c)
{
	struct get_manifest *m = (struct get_manifest *)c;

	free(m->want);
	free(m->type);
	buf_done(&m->text);
}

static int get(struct reg *r, const struct reg_place *at, const char *what, const struct exchange_ops *ops, reg_doc_fn *fn, void *arg,
	struct reg_call **ret, struct err *err)
{
	bool digest = strchr(what, ':');
	struct get_manifest *m;

	if (check_name(at->ref.repository, err) < 0 || check_reference(what, err) < 0)
		return -1;
	m = call_new(r, at, sizeof *m, ops);
	m->call.release = release;
	m->fn = fn;
	m->arg = arg;
	m->want = digest ? xstrdup(what) : NULL;
	m->type = xstrdup("");
	m->call.x.what = xasprintf("get the manifest of '%s/%s%c%s' from %s", at->ref.registry, at->ref.repository, digest ? '@' : ':', what,
		at->host);
	m->call.x.for_manifest = true;
	m->call.x.path = xasprintf("/v2/%s/manifests/%s", at->ref.repository, what);
	if (ops == &head_ops)
		m->call.x.method = "HEAD";
	call_scope(&m->call, at->ref.repository, "pull");
	call_start(&m->call, ret);
	return 0;
}

int reg_get_manifest(struct reg *r, const struct reg_place *at, const char *what, reg_doc_fn *fn, void *arg, struct reg_call **ret,
	struct err *err)
{
	return get(r, at, what, &get_ops, fn, arg, ret, err);
}

int reg_head_manifest(struct reg *r, const struct reg_place *at, const char *what, reg_doc_fn *fn, void *arg, struct reg_call **ret,
	struct err *err)
{
	return get(r, at, what, &head_ops, fn, arg, ret, err);
}
