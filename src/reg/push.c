/* push.c - what we have goes to a registry (specification, "Pushing"): a blob by POST, which opens an upload or mounts it from another
 * repository, and PUT, which sends all of it; a manifest by PUT. An upload that breaks off is begun anew.
 *
 * There is no way by PATCH for a registry that refuses the PUT: the specification wants every registry to take it ("POST then PUT"),
 * containerd, and BuildKit with it, push in no other way and have declined such a fallback (containerd issue 3533), and the one registry that is
 * known to have wanted PATCH (Artifactory in 2019) has had to follow. A refusal is told with its status. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "parts.h"

struct push { /* of all three */
	struct reg_call call;
	reg_done_fn *fn;
	void *arg;
	struct reg_blob blob;
	bool restarted; /* the registry did not know its own upload any more */
	char *text, *type; /* of a manifest */
};

static struct push *of(struct exchange *x)
{
	return (struct push *)CALL_OF(x);
}

static void release(struct reg_call *c)
{
	struct push *p = (struct push *)c;

	free(p->text);
	free(p->type);
}

static void done(struct exchange *x, const struct err *err)
{
	struct push *p = of(x);

	call_close(&p->call);
	p->fn(p->arg, err);
	call_free(&p->call);
}

static struct push *new_push(struct reg *r, const struct reg_place *at, const struct exchange_ops *ops, reg_done_fn *fn, void *arg)
{
	struct push *p = call_new(r, at, sizeof *p, ops);

	p->call.release = release;
	p->fn = fn;
	p->arg = arg;
	return p;
}

static char *in_repository(const char *doing, const struct reg_place *at, const char *what)
{
	return xasprintf("%s %s of '%s/%s' at %s", doing, what, at->ref.registry, at->ref.repository, at->host);
}

/* ------------------------------------------------------------------ is it there? */

static const struct exchange_ops has_ops = { .done = done };

int reg_has_blob(struct reg *r, const struct reg_place *at, const char *digest, reg_done_fn *fn, void *arg, struct reg_call **ret,
	struct err *err)
{
	struct push *p;

	if (check_name(at->ref.repository, err) < 0 || check_digest(digest, err) < 0)
		return -1;
	p = new_push(r, at, &has_ops, fn, arg);
	p->call.x.method = "HEAD";
	p->call.x.what = in_repository("look for the blob", at, digest);
	p->call.x.path = xasprintf("/v2/%s/blobs/%s", at->ref.repository, digest);
	call_scope(&p->call, at->ref.repository, "pull");
	call_start(&p->call, ret);
	return 0;
}

/* ------------------------------------------------------------------ a blob */

static void put_fields(struct exchange *x, struct strs *f)
{
	if (x->body.size > 0)
		strs_add(f, "Content-Type: application/octet-stream");
}

static void sent(struct exchange *x, uint64_t bytes)
{
	struct push *p = of(x);

	if (!x->path && p->blob.progress)
		p->blob.progress(p->blob.arg, bytes);
}

static void begin(struct exchange *x, const char *from)
{
	const struct push *p = of(x);
	auto_free char *path = xasprintf("/v2/%s/blobs/uploads/", p->blob.at->ref.repository);

	free(x->path);
	free(x->url);
	x->url = NULL;
	x->path = from ? url_with(path, "mount", p->blob.digest) : xstrdup(path);
	if (from) {
		auto_free char *mount = x->path;

		x->path = url_with(mount, "from", from);
	}
	x->method = "POST";
	x->has_body = true;
	x->bulk = false;
	x->body = (struct http_body){ .text = "" };
}

/* The upload is open; where, the registry says, relative or absolute. */
static int opened(struct exchange *x, const struct http_answer *a, struct err *err)
{
	const char *to = http_field(a, "Location", 0);
	struct push *p = of(x);
	struct url u;

	if (!to)
		return err_set(err, ERR_PROTO, "%d: it does not say where it wants it", a->status);
	if (url_parse(x->at.text, to, &u, err) < 0)
		return err_wrap(err, "where it wants it is");
	free(x->path);
	x->path = NULL;
	free(x->url);
	x->url = url_with(u.text, "digest", p->blob.digest);
	url_done(&u);
	x->method = "PUT";
	x->bulk = true;
	x->body = (struct http_body){ .fd = p->blob.fd, .size = p->blob.size };
	return EX_NEXT;
}

static int put_whole(struct exchange *x, const struct http_answer *a, struct err *err)
{
	if (x->path && a->status != 201)
		return opened(x, a, err);
	return EX_DONE;
}

static void put_again(struct exchange *x)
{
	if (!x->path)
		begin(x, NULL);
}

static bool put_refused(struct exchange *x, int status)
{
	struct push *p = of(x);

	if (status != 404 || x->path || p->restarted)
		return false;
	p->restarted = true;
	begin(x, NULL);
	return true;
}

static const struct exchange_ops put_ops = {
	.fields = put_fields, .whole = put_whole, .again = put_again, .refused = put_refused, .sent = sent, .done = done
};

int reg_put_blob(struct reg *r, const struct reg_blob *what, const char *from, struct reg_call **ret, struct err *err)
{
	struct push *p;

	if (check_name(what->at->ref.repository, err) < 0 || (from && check_name(from, err) < 0) || check_digest(what->digest, err) < 0)
		return -1;
	p = new_push(r, what->at, &put_ops, what->done, what->arg);
	p->blob = *what;
	p->call.x.what = in_repository("send the blob", what->at, what->digest);
	begin(&p->call.x, from);
	call_scope(&p->call, what->at->ref.repository, "pull,push");
	if (from)
		call_scope(&p->call, from, "pull");
	call_start(&p->call, ret);
	return 0;
}

/* ------------------------------------------------------------------ a manifest */

static void manifest_fields(struct exchange *x, struct strs *f)
{
	strs_printf(f, "Content-Type: %s", of(x)->type);
}

static const struct exchange_ops manifest_ops = { .fields = manifest_fields, .done = done };

int reg_put_manifest(struct reg *r, const struct reg_place *at, const char *tag, const char *type, const char *text, size_t size,
	reg_done_fn *fn, void *arg, struct reg_call **ret, struct err *err)
{
	struct push *p;

	if (check_name(at->ref.repository, err) < 0 || check_reference(tag, err) < 0)
		return -1;
	p = new_push(r, at, &manifest_ops, fn, arg);
	p->text = xmalloc(size + 1);
	memcpy(p->text, text, size);
	p->type = xstrdup(type);
	p->call.x.method = "PUT";
	p->call.x.has_body = true;
	p->call.x.body = (struct http_body){ .text = p->text, .size = size };
	p->call.x.what = in_repository("send the manifest", at, tag);
	p->call.x.path = xasprintf("/v2/%s/manifests/%s", at->ref.repository, tag);
	call_scope(&p->call, at->ref.repository, "pull,push");
	call_start(&p->call, ret);
	return 0;
}
