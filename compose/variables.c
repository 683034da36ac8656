/* variables.c - what the files' variables are set to, and which ones the files use. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "find.h"
#include "front.h"
#include "interp.h"
#include "project.h"

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int compose_environment(const struct compose_opts *opts, const char *name, struct diag *d, struct strs *ret)
{
	struct arena *a = arena_new();
	struct found f;
	size_t before = ret->n;

	find_project(&f, a, d, opts);
	env_put(&f.env, "COMPOSE_PROJECT_NAME", name, (struct pos){ 0 }, true);
	map_each (&f.env.vars, it)
		strs_printf(ret, "%s=%s", it->key, ((const struct env_var *)it->value)->value);
	qsort(ret->v + before, ret->n - before, sizeof *ret->v, compare_text);
	found_done(&f);
	arena_free(a);
	diag_sort(d);
	return diag_failed(d) ? -1 : 0;
}

struct uses {
	struct map seen; /* name → index + 1 */
	struct compose_variable *v;
	size_t n, cap;
};

static void keep_first(char **to, const char *text)
{
	if (**to || !*text)
		return;
	free(*to);
	*to = xstrdup(text);
}

static void on_use(void *arg, const struct interp_use *use)
{
	struct uses *u = arg;
	size_t at = (size_t)map_get(&u->seen, use->name);
	struct compose_variable *v;

	if (at == 0) {
		v = XGROW(u->v, u->n, u->cap);
		*v = (struct compose_variable){
			.name = xstrdup(use->name), .fallback = xstrdup(""), .alternate = xstrdup("")
		};
		map_set(&u->seen, use->name, (void *)u->n);
		at = u->n;
	}
	v = &u->v[at - 1];
	v->required |= use->op == '?';
	if (use->op == '-')
		keep_first(&v->fallback, use->word);
	if (use->op == '+')
		keep_first(&v->alternate, use->word);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct compose_variable *)a)->name, ((const struct compose_variable *)b)->name);
}

int compose_variables(
	const struct compose_opts *opts, struct diag *d, struct compose_variable **ret, size_t *ret_n)
{
	struct arena *a = arena_new();
	struct node *root = NULL;
	struct uses u = { 0 };
	struct found f;
	struct stage_ctx s = { .a = a, .d = d, .no_interpolate = true, .no_path_resolution = true };
	int r = find_project(&f, a, d, opts);

	s.env = &f.env;
	s.working_dir = f.dir;
	if (r == 0 && f.n_files == 0)
		find_no_file(&f);
	else if (r == 0)
		root = project_read(&f, &s);
	if (root && !diag_failed(d))
		interp_visit(a, root, on_use, &u);
	if (u.n)
		qsort(u.v, u.n, sizeof *u.v, compare_names);
	map_done(&u.seen, NULL);
	found_done(&f);
	arena_free(a);
	diag_sort(d);
	*ret = u.v;
	*ret_n = u.n;
	return diag_failed(d) ? -1 : 0;
}

void compose_variables_free(struct compose_variable *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].fallback);
		free(v[i].alternate);
	}
	free(v);
}
