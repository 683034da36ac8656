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
	map_each(&f.env.vars, it)
		strs_printf(ret, "%s=%s", it->key, ((const struct env_var *)it->value)->value);
	qsort(ret->v + before, ret->n - before, sizeof *ret->v, compare_text);
	found_done(&f);
	arena_free(a);
	diag_sort(d);
	return diag_failed(d) ? -1 : 0;
}

/* What is told of a variable; texts in the arena. */
struct told {
	const char *fallback, *alternate; /* NULL: none */
	bool required;
};

/* The reference lets the last item of a list that names a variable speak for the list, and leaves it to
 * chance which value of a map speaks for the map: there everything that is said counts. */
struct used {
	const char *name;
	struct told told, before; /* before the list that was the last to name it */
	size_t list, item;
};

struct uses {
	struct arena *a;
	struct map seen; /* name → index + 1 */
	struct used *v;
	size_t n, cap;
	size_t list, item,
		lists; /* the outermost list that is visited, by number, 0: none, and the item in it */
};

static void keep_first(struct arena *a, const char **to, const char *text)
{
	if (!*to && *text)
		*to = arena_strdup(a, text);
}

static struct used *used(struct uses *u, const char *name)
{
	size_t at = (size_t)map_get(&u->seen, name);
	struct used *v;

	if (at)
		return &u->v[at - 1];
	v = XGROW(u->v, u->n, u->cap);
	*v = (struct used){ .name = arena_strdup(u->a, name) };
	map_set(&u->seen, name, (void *)u->n);
	return v;
}

static void on_use(void *arg, const struct interp_use *use)
{
	struct uses *u = arg;
	struct used *v = used(u, use->name);

	if (u->list != v->list)
		v->before = v->told;
	else if (u->list && u->item != v->item)
		v->told = v->before;
	v->list = u->list;
	v->item = u->item;
	v->told.required |= use->op == '?';
	if (use->op == '-')
		keep_first(u->a, &v->told.fallback, use->word);
	if (use->op == '+')
		keep_first(u->a, &v->told.alternate, use->word);
}

static void visit(struct uses *u, const struct node *n)
{
	bool outermost = n->kind == NODE_SEQ && !u->list;

	if (outermost)
		u->list = ++u->lists;
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		visit(u, n->pairs[i].value);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++) {
		u->item++;
		visit(u, n->items[i]);
	}
	if (n->kind == NODE_STR)
		interp_visit(u->a, n, on_use, u);
	if (outermost)
		u->list = 0;
}

/* The list for the caller, who frees it when the arena is gone. */
static struct compose_variable *give(const struct uses *u)
{
	struct compose_variable *ret = u->n ? xcalloc(u->n, sizeof *ret) : NULL;

	for (size_t i = 0; i < u->n; i++) {
		const struct told *t = &u->v[i].told;

		ret[i] = (struct compose_variable){
			.name = xstrdup(u->v[i].name),
			.required = t->required,
			.fallback = xstrdup(t->fallback ? t->fallback : ""),
			.alternate = xstrdup(t->alternate ? t->alternate : ""),
		};
	}
	return ret;
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
	struct uses u = { .a = a };
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
		visit(&u, root);
	*ret = give(&u);
	*ret_n = u.n;
	if (u.n)
		qsort(*ret, u.n, sizeof **ret, compare_names);
	map_done(&u.seen, NULL);
	free(u.v);
	found_done(&f);
	arena_free(a);
	diag_sort(d);
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
