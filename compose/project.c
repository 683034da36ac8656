/* project.c - the order of the stages. */
#include "project.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "bases.h"
#include "find.h"
#include "front.h"
#include "load.h"

struct file_docs {
	struct node **docs;
	size_t n;
};

/* Every file's documents, before anything is done with them: the project's name stands in one of them and is
 * a variable. */
static int load_all(
	const struct front *fr, const struct found *f, struct file_docs *ret, struct node *ret_all)
{
	int r = 0;

	for (size_t i = 0; i < f->n_files; i++) {
		const char *shown = front_shown(fr, f->files[i]);

		if (load_file(f->a, f->d, f->files[i], shown, &ret[i].docs, &ret[i].n) < 0)
			r = -1;
		for (size_t k = 0; k < ret[i].n; k++)
			node_push(f->a, ret_all, ret[i].docs[k]);
	}
	return r;
}

static int name_of(const struct found *f, const struct node *docs, const char **ret, bool *ret_given)
{
	if (find_given_name(f, ret) < 0)
		return -1;
	*ret_given = *ret;
	return *ret ? 0 : find_name(f, docs->items, docs->n, ret);
}

static struct node *merge_all(struct front *fr, const struct found *f, const struct file_docs *files)
{
	struct node *root = NULL;

	for (size_t i = 0; i < f->n_files; i++) {
		fr->main_file = f->files[i];
		for (size_t k = 0; k < files[i].n; k++)
			root = read_document(fr, f->files[i], root, files[i].docs[k]);
	}
	return root;
}

/* A version alone is none. */
static bool is_empty(const struct node *root)
{
	return root->n == (node_get(root, "version") ? 1 : 0);
}

/* What names without a value are looked up in: the reference knows no variables when it prints a model with
 * variables in it. */
static const struct env *known(const struct found *f)
{
	return f->opts->no_interpolate && f->opts->whole ? &f->bare : &f->env;
}

/* Not normalised, a name in the files stays as it is written, unless the caller gave another. */
static bool keeps_name(const struct stage_ctx *s, const struct node *root, bool given)
{
	return stage_as_written(s) || (s->no_normalize && !given && node_get(root, "name"));
}

struct node *project_read(struct found *f, struct stage_ctx *s)
{
	struct map bases = MAP_INIT;
	struct front_totals totals = { 0 };
	struct front fr = {
		.s = s, .env = known(f), .dir = f->dir, .cwd = f->cwd, .totals = &totals, .bases = &bases
	};
	struct file_docs *files = arena_array(f->a, f->n_files, sizeof *files);
	struct node *docs = node_new(f->a, NODE_SEQ, (struct pos){ 0 }), *root = NULL;
	bool given = false;

	load_all(&fr, f, files, docs);
	if (name_of(f, docs, &s->project_name, &given) < 0)
		s->project_name = "unnamed"; /* reported; the rest is looked at all the same */
	env_put(&f->env, "COMPOSE_PROJECT_NAME", s->project_name, (struct pos){ 0 }, true);
	env_put(&f->bare, "COMPOSE_PROJECT_NAME", s->project_name, (struct pos){ 0 }, true);
	root = merge_all(&fr, f, files);
	bases_done(&bases);
	if (!root || (is_empty(root) && !root->wrong)) {
		diag_error(f->d, (struct pos){ front_shown(&fr, f->files[0]), 0, 0 }, "empty compose file");
		return NULL;
	}
	if (!keeps_name(s, root, given))
		node_set(f->a, root, "name", root->pos, node_str(f->a, s->project_name, root->pos));
	return root;
}

static struct strv file_list(const struct found *f)
{
	struct strv files = {
		.v = arena_array(f->a, f->n_files + 1, sizeof *files.v), .n = f->n_files, .set = true
	};

	for (size_t i = 0; i < f->n_files; i++)
		files.v[i] = arena_strdup(f->a, f->files[i]);
	return files;
}

/* Lists of names and the like are made of what the texts come to as they stand; only what is printed whole is
 * left as it was written. */
static struct node *decoded(struct stage_ctx *s, struct node *root, bool whole)
{
	if (!s->no_interpolate || whole || diag_failed(s->d))
		return root;
	s->no_interpolate = false;
	return canon_tree(s, root);
}

/* From the merged tree to the model. NULL when something is wrong (reported). */
static struct project *finish(struct found *f, struct stage_ctx *s, struct node *root)
{
	size_t n_profiles;
	const char *const *profiles = find_profiles(f, &n_profiles);
	struct strv files = file_list(f);

	root = decoded(s, root, f->opts->whole);
	default_values(s, root);
	default_maps(s, root);
	resolve_names(s, root, known(f));
	if (!s->no_path_resolution)
		paths_resolve(s, root, f->dir);
	normalise(s, root);
	x_davit_tree(s, root);
	if (f->opts->whole) {
		s->no_consistency = true;
		check_tree(s, root);
		return diag_failed(f->d) ? NULL : lower(s, root, NULL, &files);
	}
	select_profiles(s, root, profiles, n_profiles);
	select_hint_profiles(s, root, profiles, n_profiles);
	if (f->opts->default_platform)
		default_platform(s, root);
	check_tree(s, root);
	select_services(s, root, profiles, n_profiles, f->opts->services);
	select_letters(s, root);
	if (!s->all_resources)
		select_used(s, root);
	resolve_files(s, root);
	return diag_failed(f->d) ? NULL : lower(s, root, s->disabled, &files);
}

int compose_load(const struct compose_opts *opts, struct diag *d, struct project **ret_project)
{
	struct arena *a = arena_new();
	struct project *p = NULL;
	struct node *root = NULL;
	struct found f;
	struct stage_totals totals = { 0 };
	struct stage_ctx s = {
		.a = a,
		.d = d,
		.totals = &totals,
		.no_interpolate = opts->no_interpolate,
		.no_normalize = opts->no_normalize,
		.no_path_resolution = opts->no_path_resolution,
		.no_env_resolution = opts->no_env_resolution,
		.no_consistency = opts->no_consistency,
		.all_resources = opts->all_resources,
		.effects = opts->effects,
	};
	int r = find_project(&f, a, d, opts);

	s.env = &f.env;
	s.working_dir = f.dir;
	if (r == 0 && f.n_files == 0)
		find_no_file(&f);
	else if (r == 0)
		root = project_read(&f, &s);
	if (root)
		p = finish(&f, &s, root);
	found_done(&f);
	diag_sort(d);
	if (!p || diag_failed(d)) {
		arena_free(a);
		return -1;
	}
	*ret_project = p;
	return 0;
}

/* ------------------------------------------------------------------ only who it is */

static int name_from_files(struct found *f, const char **ret)
{
	struct stage_ctx s = { .a = f->a, .d = f->d };
	struct front fr = { .s = &s, .env = &f->env, .dir = f->dir, .cwd = f->cwd };
	struct file_docs *files = arena_array(f->a, f->n_files, sizeof *files);
	struct node *docs = node_new(f->a, NODE_SEQ, (struct pos){ 0 });

	if (f->n_files == 0)
		return find_no_file(f);
	if (load_all(&fr, f, files, docs) < 0)
		return -1;
	return find_name(f, docs->items, docs->n, ret);
}

static int project_name(struct found *f, const char **ret)
{
	if (find_given_name(f, ret) < 0)
		return -1;
	return *ret ? 0 : name_from_files(f, ret);
}

int compose_find(const struct compose_opts *opts, struct diag *d, char **ret_name, char **ret_dir)
{
	struct arena *a = arena_new();
	const char *name = NULL;
	struct found f;
	int r = find_project(&f, a, d, opts);

	if (r == 0)
		r = project_name(&f, &name);
	if (r == 0) {
		*ret_name = xstrdup(name);
		*ret_dir = f.n_files ? xstrdup(f.dir) : NULL;
	}
	found_done(&f);
	arena_free(a);
	diag_sort(d);
	return diag_failed(d) ? -1 : r;
}

static bool same_texts(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (!STREQ(a->v[i], b->v[i]))
			return false;
	return a->n == b->n;
}

bool project_same(const struct project *a, const struct project *b)
{
	if (!STREQ(a->name, b->name) || !STREQ(a->working_dir, b->working_dir) || !same_texts(&a->files, &b->files) || a->raw != b->raw ||
		a->n_services != b->n_services || !node_equal(a->root, b->root) || !node_equal(a->disabled_root, b->disabled_root))
		return false;
	for (size_t i = 0; i < a->n_services; i++) {
		const struct service *other = project_service(b, a->services[i].name);

		if (!other || !str_eq(a->services[i].config_hash, other->config_hash))
			return false;
	}
	return true;
}
