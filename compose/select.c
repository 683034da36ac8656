/* select.c - which services remain, and what of the rest they use. */
#include <fnmatch.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "diag.h"
#include "front.h"
#include "tree.h"
#include "val.h"

static bool has_text(const struct node *seq, const char *text)
{
	for (size_t i = 0; seq && seq->kind == NODE_SEQ && i < seq->n; i++) {
		if (seq->items[i]->kind == NODE_STR && STREQ(seq->items[i]->text, text))
			return true;
	}
	return false;
}

static bool is_enabled(const struct node *service, const char *const *profiles, size_t n)
{
	const struct node *own = node_get(service, "profiles");

	if (!own || own->kind != NODE_SEQ || own->n == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (STREQ(profiles[i], "*") || has_text(own, profiles[i]))
			return true;
	}
	return false;
}

/* Moves the pairs of `from` that keep() refuses to `to`. */
static void move_pairs(struct arena *a, struct node *from, struct node *to,
	bool (*keep)(void *arg, const struct node_pair *p), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < from->n; i++) {
		const struct node_pair p = from->pairs[i];

		if (keep(arg, &p))
			from->pairs[kept++] = p;
		else if (to)
			node_set(a, to, p.key, p.key_pos, p.value);
	}
	node_truncate(from, kept);
}

struct profiles {
	const char *const *v;
	size_t n;
};

static bool keep_enabled(void *arg, const struct node_pair *p)
{
	const struct profiles *profiles = arg;

	return is_enabled(p->value, profiles->v, profiles->n);
}

static struct node *disabled(struct stage_ctx *s)
{
	if (!s->disabled)
		s->disabled = node_new(s->a, NODE_MAP, (struct pos){ 0 });
	return s->disabled;
}

void select_profiles(struct stage_ctx *s, struct node *root, const char *const *profiles, size_t n)
{
	struct node *services = node_get(root, "services");
	struct profiles active = { profiles, n };

	if (services && services->kind == NODE_MAP)
		move_pairs(s->a, services, disabled(s), keep_enabled, &active);
}

/* The profiles that services of a map have, each as often as it is there. */
static size_t collect_profiles(const struct node *services, const char **to, size_t n, size_t max)
{
	tree_each(services, p)
		tree_items(tree_seq(p->value, "profiles"), it)
			if (n < max && (*it)->kind == NODE_STR)
				to[n++] = (*it)->text;
	return n;
}

/* A profile that no service has is no mistake, unless one is nearly called so. */
void select_hint_profiles(
	const struct stage_ctx *s, const struct node *root, const char *const *profiles, size_t n)
{
	enum { MOST = 1000 };
	const char *known[MOST + 1];
	size_t n_known = collect_profiles(tree_map(root, "services"), known, 0, MOST);

	n_known = collect_profiles(s->disabled, known, n_known, MOST);
	known[n_known] = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *near = str_nearest(profiles[i], known);

		if (!near || STREQ(near, profiles[i]))
			continue;
		diag_warn(s->d, (struct pos){ 0 }, "no service has the profile '%s'", profiles[i]);
		diag_hint(s->d, "did you mean '%s'?", near);
	}
}

/* ------------------------------------------------------------------ services by name */

struct wanted {
	struct stage_ctx *s;
	struct node *services;
	struct map set;	    /* names that remain */
	struct node **todo; /* services whose dependencies are still to be looked at */
	size_t n_todo, cap_todo;
};

static void want(struct wanted *w, const char *name, struct node *service)
{
	if (map_has(&w->set, name))
		return;
	map_set(&w->set, name, service);
	if (w->n_todo == w->cap_todo) {
		size_t cap = w->cap_todo ? w->cap_todo * 2 : 16;
		struct node **todo = arena_array(w->s->a, cap, sizeof *todo);

		if (w->n_todo)
			memcpy(todo, w->todo, w->n_todo * sizeof *todo);
		w->todo = todo;
		w->cap_todo = cap;
	}
	w->todo[w->n_todo++] = service;
}

static bool is_required(const struct node *dep)
{
	const struct node *required = node_get(dep, "required");

	return !required || required->kind != NODE_BOOL || required->b;
}

/* check_tree() did not see the services that were only enabled by being named. */
static void want_pair(struct wanted *w, const struct node_pair *need)
{
	struct node *service = node_get(w->services, need->key);

	if (service) {
		want(w, need->key, service);
	} else if (is_required(need->value) && !w->services->wrong) {
		diag_error(w->s->d, need->value->pos, "'%s' is needed here, but no active profile enables it",
			need->key);
		diag_where(w->s->d, NULL, need->value->origin, need->value->span);
	}
}

static void want_needs(struct wanted *w)
{
	while (w->n_todo > 0) {
		const struct node *needs = node_get(w->todo[--w->n_todo], "depends_on");

		for (size_t i = 0; needs && needs->kind == NODE_MAP && i < needs->n; i++)
			want_pair(w, &needs->pairs[i]);
	}
}

static bool keep_wanted(void *arg, const struct node_pair *p)
{
	return map_has(arg, p->key);
}

/* Profiles of the services named that are not active yet, after those that are. */
static size_t add_profiles(
	struct stage_ctx *s, const char *const *names, const char **to, size_t n, size_t max)
{
	for (; *names; names++) {
		const struct node *own = node_get(node_get(s->disabled, *names), "profiles");

		for (size_t i = 0; own && own->kind == NODE_SEQ && i < own->n && n < max; i++)
			to[n++] = own->items[i]->text;
	}
	return n;
}

static size_t count_profiles(const struct stage_ctx *s, const char *const *names)
{
	size_t n = 0;

	for (; *names; names++) {
		const struct node *own = node_get(node_get(s->disabled, *names), "profiles");

		n += own && own->kind == NODE_SEQ ? own->n : 0;
	}
	return n;
}

static bool keep_disabled(void *arg, const struct node_pair *p)
{
	return !keep_enabled(arg, p);
}

static void enable(struct stage_ctx *s, struct node *services, const char *const *profiles, size_t n,
	const char *const *names)
{
	size_t max = n + count_profiles(s, names);
	const char **all = arena_array(s->a, max + 1, sizeof *all);
	struct profiles active = { all, 0 };

	if (max == n || !s->disabled)
		return;
	if (n)
		memcpy(all, profiles, n * sizeof *all);
	active.n = add_profiles(s, names, all, n, max);
	move_pairs(s->a, s->disabled, services, keep_disabled, &active);
}

void select_hint(const struct stage_ctx *s, const struct node *services, const char *name)
{
	const char **names, *near;

	if (services->n > 1000)
		return;
	names = arena_array(s->a, services->n + 1, sizeof *names);
	for (size_t i = 0; i < services->n; i++)
		names[i] = services->pairs[i].key;
	near = str_nearest(name, names);
	if (near)
		diag_hint(s->d, "did you mean '%s'?", near);
}

/* A name may be a pattern as the shell has them. False: no service is called so. */
static bool want_named(struct wanted *w, const char *name)
{
	bool found = false;

	tree_each(w->services, p) {
		if (fnmatch(name, p->key, FNM_PATHNAME) != 0)
			continue;
		want(w, p->key, p->value);
		found = true;
	}
	return found;
}

void select_services(struct stage_ctx *s, struct node *root, const char *const *profiles, size_t n,
	const char *const *names)
{
	struct node *services = node_get(root, "services");
	struct wanted w = { .s = s, .services = services };

	if (!names || !*names)
		return;
	if (!services || services->kind != NODE_MAP)
		services = w.services = node_new(s->a, NODE_MAP, (struct pos){ 0 });
	enable(s, services, profiles, n, names);
	for (const char *const *name = names; *name; name++) {
		if (want_named(&w, *name) || tree_wrong(root, "services"))
			continue;
		diag_error(s->d, (struct pos){ 0 }, "no such service: '%s'", *name);
		select_hint(s, services, *name);
	}
	want_needs(&w);
	move_pairs(s->a, services, disabled(s), keep_wanted, &w.set);
	for (size_t i = 0; i < services->n; i++) {
		struct node *needs = node_get(services->pairs[i].value, "depends_on");

		if (needs && needs->kind == NODE_MAP)
			move_pairs(s->a, needs, NULL, keep_wanted, &w.set);
	}
	map_done(&w.set, NULL);
}

/* ------------------------------------------------------------------ what is used */

static void use_keys(struct map *used, const struct node *map)
{
	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
		map_set(used, map->pairs[i].key, used);
}

/* The `source` of each item; with a type, of those of that type. */
static void use_sources(struct map *used, const struct node *seq, const char *type)
{
	for (size_t i = 0; seq && seq->kind == NODE_SEQ && i < seq->n; i++) {
		const struct node *source = node_get(seq->items[i], "source"),
				  *t = node_get(seq->items[i], "type");

		if (type && (!t || t->kind != NODE_STR || !STREQ(t->text, type)))
			continue;
		if (source && source->kind == NODE_STR)
			map_set(used, source->text, used);
	}
}

enum { U_NETWORKS, U_VOLUMES, U_CONFIGS, U_SECRETS, U_MODELS, U_N };

static void use_service(struct map *used, const struct node *service)
{
	use_keys(&used[U_NETWORKS], node_get(service, "networks"));
	use_sources(&used[U_VOLUMES], node_get(service, "volumes"), "volume");
	use_sources(&used[U_CONFIGS], node_get(service, "configs"), NULL);
	use_sources(&used[U_SECRETS], node_get(service, "secrets"), NULL);
	use_sources(&used[U_SECRETS], node_get(node_get(service, "build"), "secrets"), NULL);
	use_keys(&used[U_MODELS], node_get(service, "models"));
}

void select_letters(const struct stage_ctx *s, struct node *root)
{
	const struct node *services = node_get(root, "services"), *known = node_get(root, "volumes");
	struct node *letters = node_new(s->a, NODE_MAP, root->pos);

	tree_each(services, p)
		tree_items(tree_seq(p->value, "volumes"), m) {
			const char *type = tree_str(*m, "type");
			struct val_mount letter;
			struct node *volume;

			if (!type || !val_letter_mount(s->a, type, tree_str(*m, "source"),
					     tree_str(*m, "target"), &letter))
				continue;
			volume = node_get(known, letter.source);
			if (!volume) {
				volume = node_new(s->a, NODE_MAP, (*m)->pos);
				node_set(s->a, volume, "name", (*m)->pos,
					node_str(s->a,
						arena_printf(s->a, "%s_%s", s->project_name, letter.source),
						(*m)->pos));
			}
			node_set(s->a, letters, letter.source, (*m)->pos, volume);
		}
	if (letters->n)
		node_set(s->a, root, "$volumes", root->pos, letters);
}

void select_used(const struct stage_ctx *s, struct node *root)
{
	static const char *const sections[U_N] = { "networks", "volumes", "configs", "secrets", "models" };
	const struct node *services = node_get(root, "services");
	struct map used[U_N] = { 0 };

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		use_service(used, services->pairs[i].value);
	for (size_t i = 0; i < U_N; i++) {
		struct node *section = node_get(root, sections[i]);

		if (section && section->kind == NODE_MAP)
			move_pairs(s->a, section, NULL, keep_wanted, &used[i]);
		map_done(&used[i], NULL);
	}
}
