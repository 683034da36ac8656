/* How it works: each entry of `include` is a model of its own with its own directory and variables, read by
 * the same functions; what it defines is then added to the including document. The same name in both is an
 * error unless both say the same. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "bases.h"
#include "diag.h"
#include "env.h"
#include "front.h"
#include "tree.h"

enum { MAX_INCLUDES = 50 };

/* The text of item i of a list, NULL when there is none. */
static const struct node *item_at(const struct node *list, size_t i)
{
	return list && list->kind == NODE_SEQ && i < list->n && list->items[i]->kind == NODE_STR
		       ? list->items[i]
		       : NULL;
}

static int load_env_file(struct front *f, struct env *env, const char *path, const struct node *named)
{
	int r = env_load(env, f->env, f->s->d, path, front_shown(f, path), false);

	if (r == ENV_ABSENT && !named)
		return 0;
	env->partial |= r != 0;
	if (r != ENV_ABSENT)
		return r;
	diag_error(f->s->d, named->pos, "the env file '%s' does not exist", named->text);
	diag_where(f->s->d, "include.env_file", named->origin, named->span);
	front_hint_file(f, path);
	return -1;
}

/* The included model's own variables: its env files, or the .env of its directory; the including one's win.
 */
static void child_env(struct front *f, const struct node *entry, const char *dir, struct env *env)
{
	const struct node *files = node_get(entry, "env_file"), *name;
	auto_free char *dotenv = path_join(dir, ".env");
	struct stat st;

	if (!files || files->kind != NODE_SEQ || files->n == 0) {
		if (stat(dotenv, &st) == 0 && !S_ISDIR(st.st_mode))
			load_env_file(f, env, dotenv, NULL);
	} else {
		for (size_t i = 0; (name = item_at(files, i)); i++) {
			if (!STREQ(name->text, "/dev/null"))
				load_env_file(f, env, front_path(f, name->text), name);
		}
	}
	env->first = f->env;
}

static bool is_cycle(struct front *f, const char *path, const struct node *named)
{
	const char *text = front_shown(f, path);
	size_t depth = 0;

	for (const struct front *up = f; up; up = up->parent) {
		text = arena_printf(f->s->a, "%s → %s", front_shown(f, up->main_file), text);
		if (STREQ(up->main_file, path)) {
			diag_error(f->s->d, named->pos, "files include each other (include cycle): %s", text);
			diag_where(f->s->d, NULL, named->origin, named->span);
			return true;
		}
		if (++depth > MAX_INCLUDES) {
			diag_error(f->s->d, named->pos, "files include each other more than %d levels deep",
				MAX_INCLUDES);
			return true;
		}
	}
	return false;
}

static void import_section(
	struct front *f, struct node *doc, const struct node *imported, const char *section)
{
	const struct node *from = tree_map(imported, section);
	struct node *to = tree_map(doc, section);

	if (!from)
		return;
	if (!to && STREQ(section, "services") && node_get(doc, section))
		return; /* nothing after it: that is told when the whole is checked */
	if (!to) {
		to = node_new(f->s->a, NODE_MAP, from->pos);
		node_set(f->s->a, doc, section, from->pos, to);
	}
	to->wrong |= from->wrong;
	for (size_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i], *own = node_pair_get(to, p->key);

		if (!own) {
			node_set(f->s->a, to, p->key, p->key_pos, p->value);
		} else if (!own->value->wrong && !p->value->wrong && !node_equal(own->value, p->value)) {
			diag_error(f->s->d, own->key_pos,
				"'%s.%s' is defined here and, differently, in an included file", section,
				p->key);
			diag_where(f->s->d, arena_printf(f->s->a, "%s.%s", section, p->key), NULL, 0);
			diag_note(f->s->d, p->key_pos, "the included definition is here");
			diag_hint(f->s->d, "change an included service in an override file");
		}
	}
}

/* Fills in what belongs to the entry's model. False after reporting. */
static bool child_open(struct front *f, const struct node *entry, struct front *child)
{
	const struct node *first = item_at(node_get(entry, "path"), 0);
	const char *dir = tree_str(entry, "project_directory");
	auto_free char *above = NULL;

	if (strstr(first->text, "://") || str_starts(first->text, "git@")) {
		diag_error(f->s->d, first->pos, "cannot include '%s': only files of this host are read",
			first->text);
		return false;
	}
	*child = (struct front){ .s = f->s, .cwd = f->cwd, .parent = f, .totals = f->totals };
	child->main_file = front_path(f, first->text);
	if (is_cycle(f, child->main_file, first))
		return false;
	above = path_join(child->main_file, "..");
	child->dir = dir ? front_path(f, dir) : arena_strdup(f->s->a, above);
	return true;
}

/* Two entries in each file of a chain of forty would be read 2^40 times. */
static bool is_too_many(struct front *f, const struct node *entry)
{
	if (++f->totals->includes <= FRONT_MAX_INCLUDES)
		return false;
	diag_error(f->s->d, entry->pos, "more than %d files are included", FRONT_MAX_INCLUDES);
	return true;
}

/* What relative paths of the child's files get in front of them to be relative to the including file's. */
static const char *seen_from(const struct front *f, const struct front *child, const char *dir)
{
	auto_free char *above = path_join(child->dir, ".."), *way = NULL;
	struct stat st;

	if (dir && dir[0] == '/')
		return child->dir;
	/* the reference takes what is no directory for a file, and the directory it is in */
	way = path_relative(f->dir, stat(child->dir, &st) == 0 && S_ISDIR(st.st_mode) ? child->dir : above);
	return arena_strdup(f->s->a, way);
}

/* An entry without a file includes nothing, which is no error for the reference. */
static bool is_empty(struct front *f, const struct node *entry)
{
	if (item_at(node_get(entry, "path"), 0))
		return false;
	diag_warn(f->s->d, entry->pos, "this includes nothing: 'path' names no file");
	diag_where(f->s->d, "include", entry->origin, entry->span);
	return true;
}

/* False when something of it is missing (reported). */
static bool include_entry(struct front *f, struct node *doc, const struct node *entry)
{
	static const char *const sections[] = { "services", "volumes", "networks", "secrets", "configs",
		"models" };
	const struct node *paths = node_get(entry, "path"), *name;
	struct node *root = NULL;
	struct front child;
	struct map bases = MAP_INIT;
	bool complete = true;
	struct env env;

	if (is_empty(f, entry))
		return !entry->wrong && !tree_wrong(entry, "path");
	if (is_too_many(f, entry) || !child_open(f, entry, &child))
		return false;
	env_init(&env, f->s->a);
	child_env(f, entry, child.dir, &env);
	child.env = &env;
	child.bases = &bases; /* its variables differ, so do the files it extends from */
	for (size_t i = 0; (name = item_at(paths, i)); i++) {
		if (read_file(&child, front_path(f, name->text), name, root, &root) < 0)
			complete = false;
	}
	if (root) {
		default_values(f->s, root);
		resolve_listed(f->s, root, &env);
		paths_resolve(f->s, root, seen_from(f, &child, tree_str(entry, "project_directory")));
		for (size_t i = 0; i < ARRAY_LEN(sections); i++)
			import_section(f, doc, root, sections[i]);
		complete &= !root->wrong;
	}
	bases_done(&bases);
	env_done(&env);
	return complete;
}

void include_files(struct front *f, struct node *doc)
{
	struct node *include = node_get(doc, "include");

	if (!include)
		return;
	doc->wrong |= include->wrong;
	node_remove(doc, "include");
	for (size_t i = 0; include->kind == NODE_SEQ && i < include->n; i++)
		if (!include_entry(f, doc, include->items[i]))
			doc->wrong = true;
}
