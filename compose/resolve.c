/* resolve.c - values that come from outside the compose files: variables named without a value, env_file,
 * label_file. */
#include <string.h>
#include <unistd.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "front.h"
#include "near.h"
#include "tree.h"

/* A variable can be long, and named by every service. */
enum { VALUES_MAX = 16 << 20 };

static struct node *value_node(struct arena *a, const struct env_var *v, struct pos pos)
{
	struct node *n = node_str(a, v->value, pos);

	n->origin = env_origin(a, v);
	return n;
}

static bool may_take(const struct stage_ctx *s, const struct env_var *v, struct pos pos)
{
	if (!s->totals)
		return true;
	s->totals->values += strlen(v->value);
	if (s->totals->values > VALUES_MAX)
		diag_error(s->d, pos, "variables named without a value come to more than %d MiB",
			VALUES_MAX >> 20);
	return s->totals->values <= VALUES_MAX;
}

static void resolve_map(const struct stage_ctx *s, struct node *map, const struct env *env, bool listed)
{
	tree_each(map, p) {
		bool unset = p->value->kind == NODE_NULL && (p->value->listed || !listed);
		const struct env_var *v = unset ? env_find(env, p->key) : NULL;

		if (v && v->value && may_take(s, v, p->value->pos))
			p->value = value_node(s->a, v, p->value->pos);
	}
}

/* While variables are left alone a list still is one. */
static void resolve_lines(const struct stage_ctx *s, struct node *list, const struct env *env)
{
	tree_items(list, it) {
		const struct env_var *v = strchr((*it)->text, '=') ? NULL : env_find(env, (*it)->text);

		if (v && v->value)
			*it = node_str(s->a, arena_printf(s->a, "%s=%s", v->name, v->value), (*it)->pos);
	}
}

void resolve_names(const struct stage_ctx *s, struct node *root, const struct env *env)
{
	tree_each(tree_map(root, "services"), p) {
		if (!stage_as_written(s))
			resolve_map(s, tree_map(p->value, "environment"), env, false);
		resolve_lines(s, tree_seq(p->value, "environment"), env);
		if (s->no_normalize)
			continue;
		resolve_map(s, tree_map(tree_map(p->value, "build"), "args"), env, false);
		resolve_lines(s, tree_seq(tree_map(p->value, "build"), "args"), env);
	}
}

void resolve_listed(const struct stage_ctx *s, struct node *root, const struct env *env)
{
	tree_each(tree_map(root, "services"), p) {
		resolve_map(s, tree_map(p->value, "environment"), env, true);
		resolve_lines(s, tree_seq(p->value, "environment"), env);
	}
}

/* ------------------------------------------------------------------ files */

/* Paths are absolute by now; below the working directory, which the variables know, they are shown without
 * it. */
static const char *shown(const struct stage_ctx *s, const char *path)
{
	const char *cwd = s->env ? env_value(s->env, "PWD") : NULL;
	size_t n = cwd ? strlen(cwd) : 0;

	return n && strncmp(path, cwd, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* Reads one file into `into`. `named` is the node that names it. */
static void read_one(const struct stage_ctx *s, const struct node *named, bool required, bool raw,
	const struct env *lookup, struct env *into, const char *what)
{
	auto_free char *path = path_join(s->working_dir, named->text);
	int r = *named->text ? env_load(into, lookup, s->d, path, shown(s, named->text), raw) : ENV_ABSENT;
	const char *near;

	if (r < 0)
		diag_note(s->d, named->pos, "the %s is named here", what);
	if (r != ENV_ABSENT || !required)
		return;
	if (!*named->text)
		diag_error(s->d, named->pos, "the name of the %s is empty", what);
	else
		diag_error(s->d, named->pos, "the %s '%s' does not exist", what, shown(s, named->text));
	diag_where(s->d, NULL, named->origin, named->span);
	near = *named->text ? near_file(s->a, path) : NULL;
	if (near)
		diag_hint(s->d, "did you mean '%s'?", shown(s, near));
}

static bool is_false(const struct node *n)
{
	return n && n->kind == NODE_BOOL && !n->b;
}

static bool is_there(const struct stage_ctx *s, const struct node *named)
{
	auto_free char *path = path_join(s->working_dir, named->text);

	return access(path, F_OK) == 0;
}

static void read_env_file(
	const struct stage_ctx *s, const struct node *item, const struct env *lookup, struct env *into)
{
	const struct node *path = node_get(item, "path"), *format = node_get(item, "format");
	bool raw = format && format->kind == NODE_STR && STREQ(format->text, "raw"),
	     required = !is_false(node_get(item, "required"));

	if (!path || path->kind != NODE_STR)
		return;
	if (format && format->kind == NODE_STR && !raw && *format->text && (required || is_there(s, path))) {
		diag_error(s->d, format->pos, "the format '%s' of an env file is not known, only 'raw' is",
			format->text);
		return;
	}
	read_one(s, path, required, raw, lookup, into, "env file");
}

static void put_map(struct env *env, const struct node *map)
{
	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];

		if (p->value->kind == NODE_STR)
			env_put(env, p->key, p->value->text, p->value->pos, true);
	}
}

/* What the files gave, under what stands in the attribute itself. */
static void set_map(const struct stage_ctx *s, struct node *service, const char *key, const struct env *files,
	struct pos pos)
{
	const struct node *own = node_get(service, key);
	struct node *map = node_new(s->a, NODE_MAP, own ? own->pos : pos);

	map_each(&files->vars, it) {
		const struct env_var *v = it->value;

		node_set(s->a, map, v->name, v->pos, node_str(s->a, v->value, v->pos));
	}
	for (size_t i = 0; own && own->kind == NODE_MAP && i < own->n; i++)
		node_set(s->a, map, own->pairs[i].key, own->pairs[i].key_pos, own->pairs[i].value);
	node_set(s->a, service, key, map->pos, map);
}

/* Values of the service's own environment can be used in the files, but what is set outside wins. *grown
 * counts over all services. */
static void service_env(const struct stage_ctx *s, struct node *service, struct env_growth *grown)
{
	const struct node *files = node_get(service, "env_file"), *own = node_get(service, "environment");
	struct env lookup, all;

	if (!files || s->no_env_resolution)
		return;
	node_remove(service, "env_file");
	env_init(&lookup, s->a);
	env_init(&all, s->a);
	all.growth = *grown;
	lookup.first = s->env;
	put_map(&lookup, own);
	put_map(&all, own);
	for (size_t i = 0; files->kind == NODE_SEQ && i < files->n; i++)
		read_env_file(s, files->items[i], &lookup, &all);
	if (all.vars.n)
		set_map(s, service, "environment", &all, files->pos);
	*grown = all.growth;
	env_done(&all);
	env_done(&lookup);
}

/* Label files know only what label files before them say. */
static void service_labels(const struct stage_ctx *s, struct node *service, struct env_growth *grown)
{
	const struct node *files = node_get(service, "label_file");
	struct env all, one;

	if (!files)
		return;
	node_remove(service, "label_file");
	env_init(&all, s->a);
	for (size_t i = 0; files->kind == NODE_SEQ && i < files->n; i++) {
		env_init(&one, s->a);
		one.growth = *grown;
		if (files->items[i]->kind == NODE_STR)
			read_one(s, files->items[i], true, false, &all, &one, "label file");
		env_put_all(&all, &one, true);
		*grown = one.growth;
		env_done(&one);
	}
	if (all.vars.n)
		set_map(s, service, "labels", &all, files->pos);
	env_done(&all);
}

void resolve_files(const struct stage_ctx *s, struct node *root)
{
	struct node *services = node_get(root, "services");
	struct env_growth grown = { 0 };

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		service_env(s, services->pairs[i].value, &grown);
		service_labels(s, services->pairs[i].value, &grown);
	}
}
