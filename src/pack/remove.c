/* remove.c - names are taken away, and what they stood for with them.
 *
 * The order that lets nobody's image go: who uses what is read; the names leave index.json, so that nobody can begin to use them;
 * who uses what is read again, and whoever came in between gets his image back; then it is removed. Whoever makes a container writes
 * down the image first and looks for it after that, so he is seen by the second reading, or finds nothing. */
#include "pack.h"

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "collect.h"
#include "later.h"
#include "partial.h"

/* One argument, or one candidate of a prune. */
struct victim {
	size_t at;	  /* in entries; for an id all entries with it */
	const char *name; /* as the user wrote it; NULL: of a prune */
	const char *id;	  /* given by its id */
	bool refused;
	struct err why;
};

struct removal {
	const struct pack_remove *req;
	struct change c;
	struct entries entries;
	struct pack_uses uses;
	struct later later;
	struct victim *v;
	size_t n, cap;
	bool failed;
};

static void emit(struct removal *r, json_t *ev)
{
	later_add(&r->later, ev);
}

static void emit_refused(struct removal *r, const struct err *why)
{
	json_t *ev = json_pack("{s:s, s:s, s:s}", "ev", "refused", "kind", err_kind_str(why->kind), "msg", err_msg(why));

	jx_set_str(ev, "hint", why->hint);
	emit(r, ev);
	r->failed = true;
}

static char *familiar(const char *ref)
{
	struct image_ref r;
	char *text;

	if (ref_parse(ref, &r, NULL) < 0)
		return xstrdup(ref);
	text = ref_familiar(&r);
	ref_done(&r);
	return text;
}

/* ------------------------------------------------------------------ what is meant */

static void add_victim(struct removal *r, size_t at, const char *name, const char *id)
{
	*XGROW(r->v, r->n, r->cap) = (struct victim){ .at = at, .name = name, .id = id };
}

static bool find_name(struct removal *r, const char *name)
{
	struct image_ref want;
	auto_free char *text = NULL;
	size_t before = r->n;

	if (ref_parse(name, &want, NULL) < 0)
		return false;
	text = ref_format(&want);
	for (size_t i = 0; i < r->entries.n; i++)
		if (desc_matches(r->entries.v[i].desc, r->entries.v[i].ref, &want, text))
			add_victim(r, i, name, NULL);
	ref_done(&want);
	return r->n > before;
}

static bool find_id(struct removal *r, const char *name, struct err *err)
{
	struct image *img = NULL;
	size_t before = r->n;

	if (image_look(&r->c.store, name, NULL, &img, err) < 0)
		return false;
	for (size_t i = 0; i < r->entries.n && r->n == before; i++)
		if (str_eq(r->entries.v[i].id, img->id))
			add_victim(r, i, name, r->entries.v[i].id);
	image_free(img);
	if (r->n == before)
		err_set(err, ERR_NOT_FOUND, "image '%s' is not in davit's store", name);
	return r->n > before;
}

static void find_named(struct removal *r)
{
	for (size_t i = 0; i < r->req->n_names; i++) {
		auto_err struct err why = ERR_INIT;

		if (find_name(r, r->req->names[i]) || find_id(r, r->req->names[i], &why))
			continue;
		if (!r->req->force || why.kind != ERR_NOT_FOUND)
			emit_refused(r, &why);
	}
}

static bool wanted(struct removal *r, const struct entry *e)
{
	struct image *img = NULL;
	bool fits;

	if (e->ref && !r->req->all)
		return false;
	if (!e->id || image_look(&r->c.store, e->id, NULL, &img, NULL) < 0)
		return !e->ref; /* whatever it was, nobody can run it */
	fits = image_filter_takes(&r->req->filter, img, e->ref ? e->ref : "");
	image_free(img);
	return fits;
}

static void find_unused(struct removal *r)
{
	for (size_t i = 0; i < r->entries.n; i++)
		if (wanted(r, &r->entries.v[i]))
			add_victim(r, i, NULL, NULL);
}

/* ------------------------------------------------------------------ who may go */

static int in_use(const char *name, const struct pack_use *u, bool can_force, struct err *err)
{
	err_set(err, ERR_BUSY, "image '%s' is in use by %s of project '%s'", name, u->what, u->project);
	if (can_force)
		return err_hint(err, "'davit -p %s down' ends the use; with --force the name goes and the image stays for it", u->project);
	return err_hint(err, "'davit -p %s down' ends the use", u->project);
}

/* Another entry has the image under a name. */
static bool has_other_name(const struct removal *r, const struct entry *e)
{
	for (size_t i = 0; i < r->entries.n; i++) {
		const struct entry *o = &r->entries.v[i];

		if (o != e && o->state == ENTRY_KEPT && o->ref && str_eq(o->id, e->id) && !str_eq(o->ref, e->ref))
			return true;
	}
	return false;
}

static int judge_name(const struct removal *r, const struct victim *v, struct entry *e, struct err *err)
{
	const struct pack_use *by_id = uses_of_id(&r->uses, e->id), *by_ref = uses_of_ref(&r->uses, e->ref);
	bool last = !has_other_name(r, e);

	if (!r->req->force && by_ref)
		return in_use(v->name, by_ref, true, err);
	if (!r->req->force && by_id && last)
		return in_use(v->name, by_id, true, err);
	e->state = by_id && last ? ENTRY_NAMELESS : ENTRY_DROPPED;
	return 0;
}

static int several_names(const struct removal *r, const struct victim *v, struct err *err)
{
	auto_buf struct buf names = BUF_INIT;
	size_t n = 0;

	for (size_t i = 0; i < r->entries.n; i++) {
		const struct entry *e = &r->entries.v[i];

		if (e->state != ENTRY_KEPT || !e->ref || !str_eq(e->id, v->id))
			continue;
		auto_free char *shown = familiar(e->ref);
		buf_printf(&names, "%s%s", n++ ? ", " : "", shown);
	}
	if (n < 2)
		return 0;
	err_set(err, ERR_BUSY, "image '%s' has several names: %s", v->name, names.p);
	return err_hint(err, "remove it by these names, or with --force");
}

static int judge_id(const struct removal *r, const struct victim *v, struct err *err)
{
	const struct pack_use *use = uses_of_id(&r->uses, v->id);
	bool named = false;

	for (size_t i = 0; i < r->entries.n; i++) {
		const struct entry *e = &r->entries.v[i];

		if (!str_eq(e->id, v->id))
			continue;
		named |= e->ref != NULL;
		use = use ? use : uses_of_ref(&r->uses, e->ref);
	}
	if (use && !r->req->force)
		return in_use(v->name, use, named, err);
	if (!r->req->force && several_names(r, v, err) < 0)
		return -1;
	use = uses_of_id(&r->uses, v->id);
	if (use && !named)
		return in_use(v->name, use, false, err);
	for (size_t i = 0; i < r->entries.n; i++)
		if (str_eq(r->entries.v[i].id, v->id))
			r->entries.v[i].state = use ? ENTRY_NAMELESS : ENTRY_DROPPED;
	return 0;
}

/* A prune takes an image whole: what any project uses under any name keeps all its names. */
static bool judge_pruned(const struct removal *r, struct entry *e)
{
	const struct pack_use *use = uses_of_id(&r->uses, e->id);

	for (size_t i = 0; i < r->entries.n && !use; i++)
		if (e == &r->entries.v[i] || (e->id && str_eq(r->entries.v[i].id, e->id)))
			use = uses_of_ref(&r->uses, r->entries.v[i].ref);
	if (!use)
		e->state = ENTRY_DROPPED;
	return !use;
}

/* From what is known now: who of the victims goes. */
static void judge(struct removal *r)
{
	for (size_t i = 0; i < r->entries.n; i++)
		r->entries.v[i].state = ENTRY_KEPT;
	for (size_t i = 0; i < r->n; i++) {
		struct victim *v = &r->v[i];
		struct entry *e = &r->entries.v[v->at];

		err_done(&v->why);
		if (v->name)
			v->refused = (v->id ? judge_id(r, v, &v->why) : judge_name(r, v, e, &v->why)) < 0;
		else
			v->refused = !judge_pruned(r, e);
	}
}

/* ------------------------------------------------------------------ in order */

static int read_uses(struct removal *r, struct err *err)
{
	uses_done(&r->uses);
	return r->req->uses(r->req->uses_arg, &r->uses, err);
}

static int take_names(struct removal *r, struct err *err)
{
	judge(r);
	return entries_apply(&r->c, &r->entries) ? change_write(&r->c, err) : 0;
}

static bool id_stays(const struct entries *now, const char *id)
{
	for (size_t i = 0; i < now->n; i++)
		if (str_eq(now->v[i].id, id))
			return true;
	return false;
}

static void tell_names(struct removal *r)
{
	struct entries now;

	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].refused && r->v[i].name)
			emit_refused(r, &r->v[i].why);
	for (size_t i = 0; i < r->entries.n; i++) {
		const struct entry *e = &r->entries.v[i];
		auto_free char *name = e->ref ? familiar(e->ref) : NULL;

		if (e->state != ENTRY_KEPT && name)
			emit(r, json_pack("{s:s, s:s}", "ev", "untagged", "name", name));
	}
	entries_read(&r->c, &now);
	for (size_t i = 0; i < r->entries.n; i++) {
		const char *id = r->entries.v[i].id;
		bool told = false;

		for (size_t k = 0; k < i; k++)
			told |= str_eq(r->entries.v[k].id, id);
		if (id && !told && !id_stays(&now, id))
			emit(r, json_pack("{s:s, s:s}", "ev", "deleted", "digest", id));
	}
	entries_done(&now);
}

/* A prune that is not of certain images takes what pulls have begun, too. */
static bool takes_partial(const struct pack_remove *req)
{
	const struct image_filter *f = &req->filter;

	return !req->n_names && f->names == FILTER_ANY && !f->labels.n && !f->not_labels.n && !f->references.n && !f->before_ns && !f->since_ns;
}

static int sweep(struct removal *r, struct err *err)
{
	struct collected out;

	if (collect(&r->c, &r->uses, false, &out, err) < 0)
		return -1;
	for (size_t i = 0; i < out.chains.n; i++) {
		auto_free char *digest = xasprintf("sha256:%s", out.chains.v[i]);

		emit(r, json_pack("{s:s, s:s}", "ev", "deleted", "digest", digest));
	}
	if (takes_partial(r->req))
		out.bytes += partial_drop(r->c.stage.images_fd);
	emit(r, json_pack("{s:s, s:I}", "ev", "reclaimed", "bytes", (json_int_t)out.bytes));
	collected_done(&out);
	return 0;
}

static int remove_locked(struct removal *r, struct err *err)
{
	entries_read(&r->c, &r->entries);
	if (r->req->n_names)
		find_named(r);
	else
		find_unused(r);
	if (read_uses(r, err) < 0 || take_names(r, err) < 0 || read_uses(r, err) < 0 || take_names(r, err) < 0)
		return -1;
	tell_names(r);
	return sweep(r, err);
}

int pack_remove(const struct pack_remove *req, struct err *err)
{
	struct removal r = { .req = req, .later = { req->on_event, req->arg, NULL } };
	int result;

	if (change_begin(req->state_dir, &r.c, err) < 0)
		return -1;
	result = remove_locked(&r, err);
	change_end(&r.c);
	later_tell(&r.later);
	for (size_t i = 0; i < r.n; i++)
		err_done(&r.v[i].why);
	free(r.v);
	entries_done(&r.entries);
	uses_done(&r.uses);
	return result < 0 ? -1 : r.failed ? PACK_REFUSED : 0;
}
