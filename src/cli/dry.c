#include "dry.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../../compose/project.h"
#include "../ctl/ctl.h"
#include "../image/image.h"
#include "../state/generation.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "view.h"

struct looking {
	struct cli *c;
	struct project *model, *last;    /* model: the request's own; NULL: it is about what is there */
	const struct project *planned;   /* the one of them that the plan is made with; NULL: none is known */
	struct world world;              /* records are borrowed from c->world, but for those in `own` */
	struct map own, images;          /* images: service → struct image * */
	struct map generations;          /* number → struct project *, those that were asked for */
};

/* ------------------------------------------------------------------ models */

static int read_last(struct looking *l, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err why = ERR_INIT;

	if (l->c->pdirs.state_fd < 0)
		return 0;
	if (path_read(l->c->pdirs.state_fd, "model.json", CTL_MAX, &b, &why) < 0)
		return why.kind == ERR_NOT_FOUND ? 0 : err_move(err, &why);
	return project_from_wire(b.p ? b.p : "", b.len, &l->last, err);
}

/* Through the wire form, as it would reach the supervisor. */
static int read_model(struct looking *l, const json_t *req, struct err *err)
{
	const json_t *wire = jx_obj(req, "model");
	auto_free char *text = wire ? json_dumps(wire, JSON_COMPACT) : NULL;

	if (text && project_from_wire(text, strlen(text), &l->model, err) < 0)
		return -1;
	l->planned = l->model ? l->model : l->last;
	return 0;
}

/* NULL: it is not there any more, or cannot be read. */
static struct project *read_generation(struct cli *c, int64_t n)
{
	struct generation g = { 0 };
	struct project *ret = NULL;
	auto_free char *text = NULL;

	if (generation_read(c->pdirs.state_fd, n, &g, NULL) < 0)
		return NULL;
	text = g.model ? json_dumps(g.model, JSON_COMPACT) : NULL;
	if (text && project_from_wire(text, strlen(text), &ret, NULL) < 0)
		ret = NULL;
	generation_done(&g);
	return ret;
}

/* One of an older davit says no number: it is of the model in force, as far as anybody knows. */
static const struct project *made_from(void *ctx, const struct unit_rec *r)
{
	auto_free char *key = xasprintf("%lld", (long long)r->generation);
	struct looking *l = ctx;

	if (!r->generation)
		return l->last;
	if (!map_has(&l->generations, key))
		map_set(&l->generations, key, read_generation(l->c, r->generation));
	return map_get(&l->generations, key);
}

/* ------------------------------------------------------------------ containers */

/* What a supervisor would find if one were started: nobody has written down that it ended. */
static struct unit_rec *as_found(const struct unit_rec *r, int exit_code)
{
	auto_json json_t *j = unit_rec_to_json(r);
	struct unit_rec *copy = xcalloc(1, sizeof *copy);

	if (unit_rec_from_json(j, copy, NULL) < 0) {
		free(copy);
		return NULL;
	}
	free(copy->state);
	copy->state = xstrdup("stopped");
	copy->exit_code = exit_code;
	return copy;
}

static void rec_free(void *p)
{
	if (p)
		unit_rec_done(p);
	free(p);
}

static void look_at_containers(struct looking *l)
{
	bool watched = lock_held(&l->c->pdirs);

	map_each(&l->c->world.units, it) {
		struct unit_rec *r = it->value, *own = NULL;
		struct view v;

		if (!r->id)
			continue;
		view_init(&v, r, l->c->pdirs.run_fd);
		if (!watched && plan_rec_running(r) && !view_up(&v))
			own = as_found(r, v.exit_code);
		if (own)
			map_set(&l->own, r->slot, own);
		map_set(&l->world.units, r->slot, own ? own : r);
	}
}

/* ------------------------------------------------------------------ images */

static const char *image_id_of(void *ctx, const struct service *svc)
{
	const struct looking *l = ctx;
	const struct image *img = map_get(&l->images, svc->name);

	return img ? img->id : NULL;
}

/* images: those that the request wants whatever their names stand for; NULL: none. */
static int look_at_images(struct looking *l, const json_t *images, struct err *err)
{
	struct image_store *store = NULL;

	if (!l->planned)
		return 0;
	if (image_store_open(l->c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; i < l->planned->n_services; i++) {
		const struct service *s = &l->planned->services[i];
		const char *pinned = generation_image(images, s->name);
		struct image *img = NULL;

		if (s->image && image_look(store, pinned ? pinned : s->image, pinned ? NULL : s->platform, &img, NULL) == 0)
			map_set(&l->images, s->name, img);
	}
	image_store_close(store);
	return 0;
}

static void free_image(void *p)
{
	image_free(p);
}

/* ------------------------------------------------------------------ all of it */

static void free_project(void *p)
{
	project_free(p);
}

static void looking_done(struct looking *l)
{
	project_free(l->model);
	project_free(l->last);
	map_done(&l->world.units, NULL);
	map_done(&l->own, rec_free);
	map_done(&l->images, free_image);
	map_done(&l->generations, free_project);
}

static int make_plan(struct looking *l, const json_t *req, struct plan *ret, struct err *err)
{
	const json_t *names = jx_arr(req, "services"), *name;
	auto_strs struct strs services = STRS_INIT;
	struct plan_request r;
	enum plan_verb verb;
	size_t i;

	if (!plan_verb_parse(jx_str(req, "op"), &verb))
		return err_set(err, ERR_USAGE, "'%s' has no plan", jx_str(req, "op") ? jx_str(req, "op") : "?");
	plan_request_read(req, verb, &r);
	json_array_foreach(names, i, name)
		strs_add(&services, json_string_value(name));
	r.services = services.n ? (const char *const *)services.v : NULL;
	r.image_id = image_id_of;
	r.ctx = l;
	return plan_make(l->planned, &l->world, &r, ret, err);
}

/* A container that is as it should be is replaced all the same when what is pulled or built is another image. */
static void doubt_kept(const struct image_needs *needs, struct changes *out)
{
	for (size_t i = 0; i < out->n; i++) {
		struct change *ch = &out->v[i];

		for (size_t k = 0; ch->action == CHANGE_KEEP && !ch->orphan && !ch->why && k < needs->n; k++)
			if (needs->v[k].todo != IMAGE_USE && str_eq(needs->v[k].s->name, ch->service))
				ch->why = xstrdup("unless its image turns out to be another one");
	}
}

static int explain(struct looking *l, const struct plan *p, const struct image_needs *needs, struct changes *ret, struct err *err)
{
	const struct explaining e = {
		.model = l->planned, .world = &l->world, .last = l->last, .made_from = made_from, .image_id = image_id_of, .ctx = l,
	};

	explain_plan(&e, p, ret);
	if (needs) {
		dry_images(needs, ret);
		doubt_kept(needs, ret);
	}
	if (dry_networks(l->c, l->model, p, ret, err) < 0 || dry_volumes(l->c, l->model, l->last, p, ret, err) < 0)
		return -1;
	changes_sort(ret);
	return 0;
}

static void tell_unfinished(struct cli *c)
{
	struct stat st;

	if (c->pdirs.state_fd >= 0 && fstatat(c->pdirs.state_fd, "txn.json", &st, AT_SYMLINK_NOFOLLOW) == 0)
		ui_warn(&c->ui, "another command is at work in project '%s': this is what there would be to do as things are now", c->name);
}

int dry_changes(struct cli *c, const json_t *req, const struct image_needs *needs, struct changes *ret, struct err *err)
{
	struct looking l = { .c = c };
	struct plan plan = { 0 };
	int r = -1;

	tell_unfinished(c);
	look_at_containers(&l);
	if (read_last(&l, err) == 0 && read_model(&l, req, err) == 0 && look_at_images(&l, jx_obj(req, "images"), err) == 0 && make_plan(&l, req, &plan, err) == 0)
		r = explain(&l, &plan, needs, ret, err);
	plan_done(&plan);
	looking_done(&l);
	return r;
}

/* ------------------------------------------------------------------ --dry-run */

int dry_show(struct cli *c, struct changes *changes)
{
	changes_sort(changes);
	ui_print(&c->ui, "DRY-RUN MODE - nothing is changed\n");
	dry_print_text(&c->ui, changes);
	changes_done(changes);
	return 0;
}

/* What a signal or the freezer would reach: requests that need no plan. */
static void add_reached(struct cli *c, enum change_action action, const char *why, struct changes *out)
{
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;
		struct view v;

		if (!r->id || !cli_selected(c, r))
			continue;
		view_init(&v, r, c->pdirs.run_fd);
		if (view_up(&v) && (action == CHANGE_KILL || r->paused == (action == CHANGE_UNPAUSE)))
			changes_add(out, CHANGE_CONTAINER, action, r->name, r->service, why);
	}
}

int dry_run(struct cli *c, json_t *req, struct err *err)
{
	static const struct { const char *op; enum change_action action; } simple[] = {
		{ "kill", CHANGE_KILL }, { "pause", CHANGE_PAUSE }, { "unpause", CHANGE_UNPAUSE },
	};
	struct changes changes = { 0 };
	bool known = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(simple); i++)
		if (str_eq(jx_str(req, "op"), simple[i].op)) {
			add_reached(c, simple[i].action, jx_str(req, "signal"), &changes);
			known = true;
		}
	if (!known)
		r = dry_changes(c, req, NULL, &changes, err);
	json_decref(req);
	return r < 0 ? -1 : dry_show(c, &changes);
}

int dry_refrain(struct cli *c)
{
	ui_print(&c->ui, "DRY-RUN MODE - nothing is changed\n'davit %s", c->cmd->name);
	for (size_t i = 0; i < c->args.n; i++)
		ui_print(&c->ui, " %s", c->args.v[i]);
	ui_print(&c->ui, "' would be run\n");
	return 0;
}
