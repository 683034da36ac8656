#include "image_need.h"

#include <stdlib.h>
#include <string.h>

#include "../../compose/graph.h"
#include "../image/image.h"
#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "transfer.h"

bool image_same(const char *a, const char *b)
{
	struct image_ref ra = { 0 }, rb = { 0 };
	bool same = STREQ(a, b);

	if (!same && ref_parse(a, &ra, NULL) == 0 && ref_parse(b, &rb, NULL) == 0) {
		auto_free char *ta = ref_format(&ra), *tb = ref_format(&rb);

		same = STREQ(ta, tb);
	}
	ref_done(&ra);
	ref_done(&rb);
	return same;
}

static void look(struct image_store *store, struct image_need *need)
{
	struct image_ref ref = { 0 };
	struct platform platform;
	struct image *img = NULL;
	struct err bad = ERR_INIT;

	if (!*need->name) {
		err_set(&need->why, ERR_INPUT, "it has no image");
		return;
	}
	if (image_look(store, need->name, need->platform, &img, &need->why) == 0) {
		need->present = true;
		need->pulled_ns = img->pulled_ns;
		need->packed = image_unpacked(store, img) ? NULL : xstrdup(img->manifest_digest);
		image_free(img);
		return;
	}
	/* whatever is wrong with what is there, it is as good as nothing; but nobody has what cannot be named */
	if (ref_parse(need->name, &ref, &bad) < 0 || (need->platform && platform_parse(need->platform, &platform, &bad) < 0)) {
		err_done(&need->why);
		err_move(&need->why, &bad);
		if (ref.repository && str_eq(need->platform, getenv("DOCKER_DEFAULT_PLATFORM")))
			err_wrap(&need->why, "DOCKER_DEFAULT_PLATFORM");
	} else if (need->why.kind == ERR_INPUT) {
		need->why.kind = ERR_NOT_FOUND;
	}
	ref_done(&ref);
}

static struct image_need *add(struct image_needs *needs, const struct service *s, char *name, struct place at)
{
	struct image_need *need = XGROW(needs->v, needs->n, needs->cap);

	need->s = s;
	need->name = name;
	need->platform = s->platform && *s->platform ? s->platform : NULL;
	need->at = at;
	need->named = true;
	return need;
}

static void add_service(const struct project *p, const struct service *s, bool may_build, struct image_needs *needs)
{
	struct image_need *own;

	own = add(needs, s, xstrdup(s->image ? s->image : ""), place_of(p, s, s->build.names_image ? "build" : "image", false));
	own->named = s->image && !s->build.names_image;
	own->has_build = s->build.given && may_build;
	for (size_t i = 0; i < s->n_pre_start; i++) {
		auto_free char *where = xasprintf("pre_start/%zu/image", i);

		if (s->pre_start[i].image)
			add(needs, s, xstrdup(s->pre_start[i].image), place_of(p, s, where, false));
	}
}

static bool is_built(const struct image_needs *needs, const struct image_need *need)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->v[i].has_build && image_same(needs->v[i].name, need->name))
			return true;
	return false;
}

bool *image_needs_scope(const struct cli *c, bool include_deps)
{
	const struct project *p = c->project;
	auto_free char *closure = xcalloc(p->n_services + 1, 1);
	bool *scope = xcalloc(p->n_services + 1, sizeof *scope);

	for (size_t i = 0; i < p->n_services; i++)
		closure[i] = c->args.n == 0;
	for (size_t i = 0; i < c->args.n; i++) {
		const struct service *s = project_service(p, c->args.v[i]);

		if (s)
			closure[s - p->services] = 1;
	}
	if (include_deps)
		graph_closure_needs(graph_new(p), closure);
	for (size_t i = 0; i < p->n_services; i++)
		scope[i] = closure[i];
	return scope;
}

int image_needs_find(struct cli *c, const bool *scope, bool may_build, struct image_needs *ret, struct err *err)
{
	const struct project *p = c->project;
	struct image_store *store = NULL;

	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_services; i++)
		if (scope[i])
			add_service(p, &p->services[i], may_build, ret);
	for (size_t i = 0; i < ret->n; i++) {
		look(store, &ret->v[i]);
		ret->v[i].can_build = is_built(ret, &ret->v[i]);
	}
	image_store_close(store);
	return 0;
}

void image_needs_done(struct image_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++) {
		free(needs->v[i].name);
		free(needs->v[i].packed);
		err_done(&needs->v[i].why);
	}
	free(needs->v);
	*needs = (struct image_needs){ 0 };
}

/* --- pulling --- */

static bool is_wanted(const struct image_need *need)
{
	return need->todo == IMAGE_PULL || need->todo == IMAGE_TRY_PULL;
}

static struct transfer_item *item_for(const struct transfer *t, const struct image_need *need)
{
	for (size_t i = 0; i < t->n; i++)
		if (image_same(t->items[i].ref, need->name) && str_eq(t->items[i].platform, need->platform))
			return &t->items[i];
	return NULL;
}

/* Two services may want the same for different reasons: the stricter one counts. */
static void add_item(struct transfer *t, const struct image_need *need)
{
	struct transfer_item *it = item_for(t, need);
	bool new = !it;

	if (new) {
		it = &t->items[t->n++];
		it->ref = need->name;
		it->platform = need->platform;
	}
	it->optional = (new || it->optional) && need->todo == IMAGE_TRY_PULL;
	it->policy = (new || STREQ(it->policy, "missing")) && need->missing_only ? "missing" : "always";
}

int image_needs_pull(struct cli *c, struct image_needs *needs, const struct image_pull *how, struct err *err)
{
	struct transfer t = { .verb = "pull", .no_verify = how->no_verify, .progress = how->progress };
	int r = 0;

	t.items = xcalloc(needs->n + 1, sizeof *t.items);
	for (size_t i = 0; i < needs->n; i++)
		if (is_wanted(&needs->v[i]))
			add_item(&t, &needs->v[i]);
	if (t.n)
		r = transfer_run(c, &t, err);
	for (size_t i = 0; i < needs->n; i++) {
		struct image_need *need = &needs->v[i];
		const struct transfer_item *it = is_wanted(need) ? item_for(&t, need) : NULL;

		if (!it || it->err.kind == ERR_NONE)
			continue;
		need->failed = true;
		err_done(&need->why);
		err_copy(&need->why, &it->err);
	}
	transfer_done(&t);
	return r;
}
