#include "push_services.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "dry.h"
#include "image_need.h"
#include "transfer.h"

/* A name that goes out, and which service wants it to. */
struct going {
	const struct service *s;
	const char *name;
	char *where;               /* in the service, as place_of() takes it; owned */
};
struct goings {
	struct going *v;
	size_t n, cap;
};

/* Takes where over. */
static void add(struct goings *g, const struct service *s, const char *name, char *where)
{
	for (size_t i = 0; i < g->n; i++)
		if (image_same(g->v[i].name, name)) {
			free(where);
			return;
		}
	*XGROW(g->v, g->n, g->cap) = (struct going){ s, name, where };
}

static void choose(const struct project *p, const bool *scope, struct goings *ret, struct progress *progress)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!scope[i])
			continue;
		if (s->build.given && s->image && !s->build.names_image) {
			add(ret, s, s->image, xstrdup("image"));
			for (size_t k = 0; k < s->build.tags.n; k++)
				add(ret, s, s->build.tags.v[k], xasprintf("build/tags/%zu", k));
		} else if (progress) {
			progress_step(progress, "service", s->name, "Skipped",
				      s->build.given ? "No image name to push to" : "It builds no image");
		}
	}
}

/* items[i] is about g->v[i]. */
static void note_failures(struct cli *c, const struct going *v, struct transfer *t, bool as_warnings, struct diag *found)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct place at = place_of(c->project, v[i].s, v[i].where, false);
		struct err *why = &t->items[i].err;

		if (why->kind == ERR_NONE)
			continue;
		if (t->items[i].absent) { /* pulling or loading it would not make it what is built */
			free(take(why->hint));
			err_hint(why, "'davit build %s' builds it", v[i].s->name);
		}
		place_say(found, as_warnings ? DIAG_WARNING : DIAG_ERROR, &at, v[i].s, why);
	}
}

/* What is built for several platforms goes out as one image for all of them. */
static const char *platform_of(const struct service *s)
{
	return s->build.platforms.n > 1 ? NULL : s->platform;
}

/* Those that go at once; all share what of their layers is the same. */
static int push_some(struct cli *c, const struct going *v, size_t n, const struct pushing *what, struct progress *progress, struct diag *found,
		     struct err *err)
{
	struct transfer t = { .verb = "push", .n = n, .no_verify = what->no_verify, .progress = progress };
	int r;

	t.items = xcalloc(n + 1, sizeof *t.items);
	for (size_t i = 0; i < n; i++)
		t.items[i] = (struct transfer_item){ .ref = v[i].name, .platform = platform_of(v[i].s) };
	r = transfer_run(c, &t, err);
	note_failures(c, v, &t, what->ignore_failures, found);
	transfer_done(&t);
	return r < 0 ? -1 : 0;
}

static int push_all(struct cli *c, const struct goings *g, const struct pushing *what, struct progress *progress, struct err *err)
{
	size_t limit = cli_parallel(c) > 0 ? (size_t)cli_parallel(c) : g->n;
	struct diag found = DIAG_INIT;
	int r = 0, printed;

	for (size_t i = 0, n; r == 0 && i < g->n; i += n) {
		n = g->n - i < limit ? g->n - i : limit;
		r = push_some(c, g->v + i, n, what, progress, &found, err);
	}
	printed = place_print(c, &found);
	return r < 0 ? -1 : printed;
}

static int dry_push(struct cli *c, struct goings *g)
{
	struct changes changes = { 0 };

	for (size_t i = 0; i < g->n; i++)
		changes_add(&changes, CHANGE_IMAGE, CHANGE_PUSH, g->v[i].name, g->v[i].s->name, NULL);
	return dry_show(c, &changes);
}

int push_services(struct cli *c, const struct pushing *what, struct err *err)
{
	struct progress *progress = what->quiet ? NULL : progress_new(&c->ui, "Pushing");
	struct goings g = { 0 };
	int r = 0;

	choose(c->project, what->wanted, &g, progress);
	if (c->g.dry_run)
		r = dry_push(c, &g);
	else if (g.n)
		r = push_all(c, &g, what, progress, err);
	progress_free(progress);
	for (size_t i = 0; i < g.n; i++)
		free(g.v[i].where);
	free(g.v);
	return r;
}
