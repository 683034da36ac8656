/* push.c - see push.h.
 *
 * Each blob is asked for at once; the registry's client (reg.h) sees to how many requests are under way to a host. What is missing is sent, but
 * not while the same is on its way to another repository, from which it can be mounted then. An image whose blobs are all there gets its manifest. What fails ends its image; blobs that nobody else wants are given up then. The loop ends when nothing is under way. */
#include "push.h"

#include <fcntl.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "push_parts.h"

enum { TELL_MS = 100, SENT_MAX = 16 };   /* blobs on their way, each with an open file */

static void send_some(struct push *p);

/* --- what is told --- */

static void tell(const struct push *p, json_t *ev)
{
	p->req->on_event(p->req->arg, ev);
	json_decref(ev);
}

static void tell_image(const struct push_one *o, const char *state, const struct err *err)
{
	json_t *ev = json_object();

	jx_set_str(ev, "ev", "image");
	jx_set_str(ev, "ref", o->what->ref);
	jx_set_str(ev, "platform", o->what->platform ? o->what->platform : "");
	jx_set_str(ev, "state", state);
	jx_set_str(ev, "digest", o->n_docs ? o->docs[o->n_docs - 1].digest : NULL);
	if (err) {
		jx_set_str(ev, "msg", err_msg(err));
		jx_set_str(ev, "hint", err->hint);
		jx_set_str(ev, "kind", err_kind_str(err->kind));
		if (o->absent)
			jx_set_bool(ev, "absent", true);
	}
	tell(o->p, ev);
}

static bool wants(const struct push_one *o, const struct push_blob *b)
{
	for (size_t i = 0; i < o->n_blobs; i++)
		if (o->blobs[i] == b)
			return true;
	return false;
}

static void tell_blob(struct push_blob *b, const char *state)
{
	const struct push *p = b->p;

	b->told_ns = clock_mono_ns();
	for (size_t i = 0; i < p->req->n; i++) {
		const struct push_one *o = &p->v[i];
		json_t *ev;

		if (o->ended || !wants(o, b))
			continue;
		ev = json_object();
		jx_set_str(ev, "ev", "layer");
		jx_set_str(ev, "image", o->what->ref);
		jx_set_str(ev, "platform", o->what->platform ? o->what->platform : "");
		jx_set_str(ev, "digest", b->digest);
		jx_set_str(ev, "state", state);
		jx_set_int(ev, "bytes", (int64_t)b->sent);
		jx_set_int(ev, "size", (int64_t)b->size);
		tell(p, ev);
	}
}

static void on_told(void *arg, const char *text)
{
	json_t *ev = json_object();

	jx_set_str(ev, "ev", "warn");
	jx_set_str(ev, "msg", text);
	tell(arg, ev);
}

/* --- the end of an image --- */

static bool is_wanted(const struct push_blob *b)
{
	for (size_t i = 0; i < b->p->req->n; i++)
		if (!b->p->v[i].ended && wants(&b->p->v[i], b))
			return true;
	return false;
}

static void give_up(struct push_blob *b)
{
	if (b->state == BLOB_THERE || b->state == BLOB_GIVEN_UP)
		return;
	reg_cancel(take(b->call));
	if (b->fd >= 0)
		close(take_fd(&b->fd));
	b->state = BLOB_GIVEN_UP;
}

static void image_end(struct push_one *o, const struct err *err)
{
	if (o->ended)
		return;
	o->ended = true;
	tell_image(o, err ? "failed" : "pushed", err);
	for (size_t i = 0; i < o->n_blobs; i++)
		if (o->p->begun && !is_wanted(o->blobs[i]))
			give_up(o->blobs[i]);
}

static void put_doc(struct push_one *o);

static void on_doc(void *arg, const struct err *err)
{
	struct push_one *o = arg;

	o->call = NULL;
	if (!err && ++o->n_put < o->n_docs)
		put_doc(o);
	else
		image_end(o, err);
}

/* The next one; the last one gets the name, so that it never stands for half an image. */
static void put_doc(struct push_one *o)
{
	const struct push_doc *d = &o->docs[o->n_put];
	const char *name = o->n_put + 1 == o->n_docs ? o->ref.tag : d->digest;
	auto_err struct err err = ERR_INIT;

	if (reg_put_manifest(o->p->reg, o->places.v, name, d->type, d->text, d->size, on_doc, o, &o->call, &err) < 0)
		image_end(o, &err);
}

static bool all_there(const struct push_one *o)
{
	for (size_t i = 0; i < o->n_blobs; i++)
		if (o->blobs[i]->state != BLOB_THERE)
			return false;
	return true;
}

static void image_go_on(struct push_one *o)
{
	if (o->ended || o->sending || !all_there(o))
		return;
	o->sending = true;
	put_doc(o);
}

/* --- a blob --- */

static void blob_end(struct push_blob *b, const char *how, const struct err *err)
{
	struct push *p = b->p;

	b->state = err ? BLOB_GIVEN_UP : BLOB_THERE;
	if (b->fd >= 0)
		close(take_fd(&b->fd));
	if (!err)
		tell_blob(b, how);
	for (size_t i = 0; i < p->req->n; i++) {
		if (!wants(&p->v[i], b))
			continue;
		if (err)
			image_end(&p->v[i], err);
		else
			image_go_on(&p->v[i]);
	}
	send_some(p);
}

static void on_progress(void *arg, uint64_t bytes)
{
	struct push_blob *b = arg;

	b->sent = bytes;
	if (clock_mono_ns() - b->told_ns >= TELL_MS * MS_NS)
		tell_blob(b, "uploading");
}

static void on_sent(void *arg, const struct err *err)
{
	struct push_blob *b = arg;
	bool mounted = !err && b->from && b->size && !b->sent;

	b->call = NULL;
	b->sent = err || mounted ? b->sent : b->size;
	blob_end(b, mounted ? "mounted" : "pushed", err);
}

/* Of one registry: what is in one repository can be mounted into the other. */
static const struct push_blob *elsewhere(const struct push_blob *b, enum blob_state state)
{
	for (size_t i = 0; i < b->p->n_blobs; i++) {
		const struct push_blob *other = b->p->blobs[i];

		if (other->state == state && STREQ(other->digest, b->digest) && STREQ(other->at->host, b->at->host))
			return other;
	}
	return NULL;
}

static void blob_send(struct push_blob *b)
{
	auto_free char *name = xasprintf("blobs/sha256/%s", digest_hex(b->digest));
	const struct push_blob *other = elsewhere(b, BLOB_THERE);
	struct reg_blob what = { .at = b->at, .digest = b->digest, .size = b->size, .progress = on_progress, .done = on_sent, .arg = b };
	auto_err struct err err = ERR_INIT;

	b->from = other ? xstrdup(other->at->ref.repository) : push_known_in(b->p, b);
	b->state = BLOB_SENT;
	b->fd = openat(b->p->store->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	what.fd = b->fd;
	if (b->fd < 0)
		err_sys(&err, errno, "open blob '%s' of the image store", b->digest);
	if (b->fd < 0 || reg_put_blob(b->p->reg, &what, b->from, &b->call, &err) < 0)
		blob_end(b, NULL, &err);
	else
		tell_blob(b, "uploading");
}

static void send_some(struct push *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_blobs; i++)
		n += p->blobs[i]->state == BLOB_SENT;
	for (size_t i = 0; i < p->n_blobs && n < SENT_MAX; i++) {
		if (p->blobs[i]->state != BLOB_HELD || elsewhere(p->blobs[i], BLOB_SENT))
			continue;
		blob_send(p->blobs[i]);
		n += p->blobs[i]->state == BLOB_SENT;
	}
}

static void on_asked(void *arg, const struct err *err)
{
	struct push_blob *b = arg;

	b->call = NULL;
	if (!err || err->kind != ERR_NOT_FOUND) {
		blob_end(b, "present", err);
		return;
	}
	b->state = BLOB_HELD;
	send_some(b->p);
}

static void blob_ask(struct push_blob *b)
{
	auto_err struct err err = ERR_INIT;

	if (b->state != BLOB_ASKED)
		return;
	tell_blob(b, "waiting");
	if (reg_has_blob(b->p->reg, b->at, b->digest, on_asked, b, &b->call, &err) < 0)
		blob_end(b, NULL, &err);
}

/* --- all of it --- */

static void begin(struct push *p)
{
	for (size_t i = 0; i < p->req->n; i++) {
		struct push_one *o = &p->v[i];
		auto_err struct err err = ERR_INIT;

		*o = (struct push_one){ .p = p, .what = &p->req->images[i] };
		tell_image(o, "pushing", NULL);
		if (push_image_read(p, o, &err) < 0)
			image_end(o, &err);
	}
	p->begun = true;
	for (size_t i = 0; i < p->n_blobs; i++)
		if (is_wanted(p->blobs[i]))
			blob_ask(p->blobs[i]);
}

static int open_all(struct push *p, struct err *err)
{
	const struct reg_opts opts = { .base = p->base, .told = on_told, .arg = p };

	reg_env_read(&p->env);
	if (!p->base)
		return err_set(err, ERR_FAIL, "no event loop can be made");
	if (image_store_open(p->req->state_dir, &p->store, err) < 0 || store_index(p->store, &p->index, err) < 0 ||
	    reg_conf_load(&p->env, &p->conf, err) < 0 || reg_new(&opts, &p->reg, err) < 0)
		return -1;
	for (size_t i = 0; i < reg_conf_warnings(p->conf)->n; i++)
		on_told(p, reg_conf_warnings(p->conf)->v[i]);
	return 0;
}

int push_run(const struct push_req *req, struct err *err)
{
	struct push p = { .req = req, .base = event_base_new() };
	int r = open_all(&p, err);

	if (r == 0) {
		p.v = xcalloc(req->n, sizeof *p.v);
		begin(&p);
		event_base_dispatch(p.base);
	}
	reg_free(p.reg);
	for (size_t i = 0; p.v && i < req->n; i++)
		push_one_done(&p.v[i]);
	for (size_t i = 0; i < p.n_blobs; i++)
		push_blob_free(p.blobs[i]);
	free(p.v);
	free(p.blobs);
	json_decref(p.index);
	image_store_close(p.store);
	reg_conf_free(p.conf);
	reg_env_done(&p.env);
	if (p.base)
		event_base_free(p.base);
	return r;
}
