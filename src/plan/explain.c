/* explain.c - what a plan's operations mean to each container, and what of its definition is the reason.
 *
 * Operations of one place (service and number) belong together, whichever unit they are in: what is both removed and created there is
 * recreated. Its rank is that of its last operation in one possible order of execution, or, when it only goes, of its first; but what goes
 * after an OP_COMMIT does so when everything that comes is there, whenever it was stopped. */
#include "explain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../compose/project.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

enum { SHORT_ID = 12 };

struct place {
	const char *service, *slot, *why;
	unsigned index;
	bool goes, comes, stops, starts, kept, orphan, late;
	size_t rank;
};

struct places {
	struct place *v;
	size_t n, cap;
};

/* ------------------------------------------------------------------ one order of execution */

/* rank[i]: when the i-th operation would run if one ran at a time, the first of those that can always next. malloc'ed. */
static size_t *ranks_of(const struct plan *p)
{
	size_t *rank = xcalloc(p->n + 1, sizeof *rank), *unmet = xcalloc(p->n + 1, sizeof *unmet), at = 0;
	bool *done = xcalloc(p->n + 1, sizeof *done);

	for (size_t i = 0; i < p->n; i++)
		unmet[i] = p->ops[i].n_unmet;
	while (at < p->n) {
		size_t i = 0;

		while (i < p->n && (done[i] || unmet[i]))
			i++;
		if (i == p->n)                   /* a circle, which no plan has */
			break;
		done[i] = true;
		rank[i] = at++;
		for (size_t k = 0; k < p->ops[i].n_wakes; k++)
			unmet[p->ops[i].wakes[k].to]--;
	}
	free(unmet);
	free(done);
	return rank;
}

/* ------------------------------------------------------------------ places */

static struct place *place_at(struct places *l, const char *service, unsigned index, const char *slot)
{
	struct place *pl;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].index == index && STREQ(l->v[i].service, service))
			return &l->v[i];
	pl = XGROW(l->v, l->n, l->cap);
	pl->service = service;
	pl->slot = slot;
	pl->index = index;
	pl->rank = SIZE_MAX;
	return pl;
}

static void take_op(struct places *l, const struct op *op, size_t rank, bool commits)
{
	struct place *pl = place_at(l, op->service, op->index, op->slot);

	pl->late |= commits && op->kind == OP_REMOVE;
	pl->goes |= op->kind == OP_REMOVE || op->kind == OP_PARK;
	pl->stops |= op->kind == OP_STOP;
	pl->comes |= op->kind == OP_CREATE;
	if (op->kind == OP_CREATE || (commits && op->kind == OP_REMOVE))
		pl->rank = rank;
	pl->starts |= op->kind == OP_START;
	if (op->why && !pl->why)
		pl->why = op->why;
	if (pl->comes || pl->late ? rank > pl->rank : rank < pl->rank)
		pl->rank = rank;
}

static const struct unit_rec *rec_of(const struct explaining *e, const char *slot)
{
	const struct unit_rec *r = map_get(&e->world->units, slot);

	return r && r->id ? r : NULL;
}

static void take_slots(const struct explaining *e, struct places *l, const struct strs *slots, bool orphan, size_t rank)
{
	for (size_t i = 0; i < slots->n; i++) {
		const struct unit_rec *r = rec_of(e, slots->v[i]);
		struct place *pl = r ? place_at(l, r->service, r->index, slots->v[i]) : NULL;

		if (!pl)
			continue;
		pl->kept = true;
		pl->orphan = orphan;
		pl->rank = rank + i;
	}
}

static bool has_commit(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == OP_COMMIT)
			return true;
	return false;
}

static struct places places_of(const struct explaining *e, const struct plan *p)
{
	auto_free size_t *rank = ranks_of(p);
	bool commits = has_commit(p);
	struct places l = { 0 };

	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].slot && !p->ops[i].init_of && p->ops[i].kind != OP_HEALTHY && p->ops[i].kind != OP_COMPLETED)
			take_op(&l, &p->ops[i], rank[i], commits);
	take_slots(e, &l, &p->kept, false, p->n);
	take_slots(e, &l, &p->orphans, true, p->n + p->kept.n);
	return l;
}

/* What is in the place now. */
static const struct unit_rec *rec_at(const struct explaining *e, const struct place *pl)
{
	const struct unit_rec *r = rec_of(e, pl->slot);

	if (r)
		return r;
	map_each(&e->world->units, it) {
		r = it->value;
		if (r->id && !r->init_of && r->index == pl->index && STREQ(r->service, pl->service))
			return r;
	}
	return NULL;
}

/* ------------------------------------------------------------------ reasons */

static json_t *definition(const struct project *p, const char *service)
{
	auto_buf struct buf b = BUF_INIT;
	json_t *ret = NULL;

	project_definition(p, service, &b);
	return jx_parse(b.p, b.len, &ret, NULL) == 0 ? ret : json_object();
}

/* configs and secrets: their contents are never shown. */
static void compare_contents(struct fields *f, const char *section, const char *key, json_t *from, json_t *to)
{
	const char *a = jx_str(from, "content"), *b = jx_str(to, "content");
	auto_free char *path = xasprintf("%s.%s", section, key);

	if (a && b && !STREQ(a, b))
		fields_add_note(f, path, "contents changed");
	json_object_del(from, "content");
	json_object_del(to, "content");
}

/* What the service uses of the project's; that it uses another one now is told of the service itself. */
static void compare_section(struct fields *f, const char *section, const json_t *from, const json_t *to)
{
	json_t *a, *b;
	const char *key;

	json_object_foreach(jx_obj(to, section), key, b) {
		auto_free char *path = xasprintf("%s.%s", section, key);

		a = json_object_get(jx_obj(from, section), key);
		if (!a)
			continue;
		compare_contents(f, section, key, a, b);
		fields_compare(f, path, a, b);
	}
}

static void compare_part(struct fields *f, const char *part, const char *service, const json_t *from, const json_t *to)
{
	auto_free char *path = xasprintf("services.%s", service);

	fields_compare(f, path, json_object_get(from, part), json_object_get(to, part));
}

static char *pinned(const char *image, const char *id)
{
	const char *hex = str_starts(id, "sha256:") ? id + strlen("sha256:") : id;

	return xasprintf("%s (%.*s)", image ? image : "?", SHORT_ID, hex);
}

static void compare_image(const struct explaining *e, struct fields *f, const struct unit_rec *r, const struct service *svc)
{
	const char *now = e->image_id ? e->image_id(e->ctx, svc) : NULL;
	auto_free char *path = NULL, *from = NULL, *to = NULL;

	if (!now || !r->image_id || STREQ(now, r->image_id))
		return;
	for (size_t i = 0; i < f->n; i++)        /* it has another name: then that says it */
		if (str_starts(f->v[i].path, "services.") && str_ends(f->v[i].path, ".image"))
			return;
	path = xasprintf("services.%s.image", svc->name);
	from = pinned(r->image, r->image_id);
	to = pinned(svc->image, now);
	fields_add_text(f, path, from, to);
}

static void reasons_to_recreate(const struct explaining *e, const struct unit_rec *r, struct fields *f)
{
	static const char *const sections[] = { "networks", "volumes", "configs", "secrets" };
	const struct service *svc = e->model ? project_service(e->model, r->service) : NULL;
	const struct project *old = e->made_from ? e->made_from(e->ctx, r) : NULL;
	auto_json json_t *from = NULL, *to = NULL;

	if (!svc)
		return;
	if (old && project_service(old, r->service)) {
		from = definition(old, r->service);
		to = definition(e->model, r->service);
		compare_part(f, "container", r->service, from, to);
		for (size_t i = 0; i < ARRAY_LEN(sections); i++)
			compare_section(f, sections[i], from, to);
	}
	compare_image(e, f, r, svc);
}

/* ------------------------------------------------------------------ changes */

static const char *why_starts(const struct unit_rec *r)
{
	if (r->state && STREQ(r->state, "created"))
		return "it was not started yet";
	if (r->state && STREQ(r->state, "failed"))
		return "it could not be started";
	return r->manual_stop ? "it was stopped" : "it does not run";
}

static enum change_action action_of(const struct place *pl, const struct unit_rec *r)
{
	if (pl->comes && !r)
		return CHANGE_CREATE;
	if (pl->comes)
		return pl->goes ? CHANGE_RECREATE : pl->stops ? CHANGE_RESTART : pl->starts ? CHANGE_START : CHANGE_KEEP;
	if (pl->goes)
		return CHANGE_REMOVE;
	return pl->stops ? CHANGE_STOP : CHANGE_KEEP;
}

static bool had_service(const struct explaining *e, const char *service)
{
	return e->last && project_service(e->last, service);
}

static const char *why_of(const struct explaining *e, const struct place *pl, const struct unit_rec *r, enum change_action action)
{
	if (pl->orphan)
		return "orphan";
	if (action == CHANGE_START)
		return why_starts(r);
	if (action == CHANGE_CREATE && pl->index > 1 && had_service(e, pl->service))
		return "scaled up";
	return pl->why;
}

static char *name_of(const struct explaining *e, const struct place *pl, const struct unit_rec *r)
{
	const struct service *svc = e->model ? project_service(e->model, pl->service) : NULL;

	if (r && r->name)
		return xstrdup(r->name);
	return svc ? plan_container_name(e->model, svc, pl->index) : xstrdup(pl->slot);
}

static void add_place(const struct explaining *e, const struct place *pl, struct changes *out)
{
	const struct unit_rec *r = rec_at(e, pl);
	enum change_action action = pl->kept ? CHANGE_KEEP : action_of(pl, r);
	auto_free char *name = name_of(e, pl, r);
	struct change *c = changes_add(out, CHANGE_CONTAINER, action, name, pl->service, why_of(e, pl, r, action));

	c->rank = pl->rank;
	c->orphan = pl->orphan;
	c->late = pl->late;
	if (action == CHANGE_RECREATE)
		reasons_to_recreate(e, r, &c->fields);
}

/* Parts of the definition that need no new container. */
static void add_updates(const struct explaining *e, struct changes *out)
{
	for (size_t i = 0; e->model && e->last && i < e->model->n_services; i++) {
		const char *name = e->model->services[i].name;
		struct fields f = { 0 };

		if (!had_service(e, name))
			continue;
		auto_json json_t *from = definition(e->last, name);
		auto_json json_t *to = definition(e->model, name);
		compare_part(&f, "policy", name, from, to);
		if (f.n)
			changes_add(out, CHANGE_SERVICE, CHANGE_UPDATE, name, name, NULL)->fields = f;
	}
}

void explain_plan(const struct explaining *e, const struct plan *p, struct changes *out)
{
	struct places l = places_of(e, p);

	for (size_t i = 0; i < l.n; i++)
		add_place(e, &l.v[i], out);
	free(l.v);
	add_updates(e, out);
}
