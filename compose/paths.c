/* paths.c - a directory is put before relative paths, for every attribute whose row says that it is a path on
 * this host. */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "attr.h"
#include "env.h"
#include "front.h"
#include "tree.h"

struct paths {
	const struct stage_ctx *s;
	const char *dir, *home;
};

/* What comes after "~" is below the home directory, whether there is a slash between or not (the reference
 * knows no "~user"); NULL: it does not begin so, or there is no home. */
static char *expand_home(const struct paths *p, const char *text)
{
	if (!p->home || text[0] != '~')
		return NULL;
	text += 1 + strspn(text + 1, "/");
	return path_join(p->home, *text ? text : ".");
}

static bool is_separator(char c)
{
	return c == '\\' || c == '/';
}

/* "C:\x", "\\server\share" */
static bool is_windows(const char *text)
{
	return (isalpha((unsigned char)text[0]) && text[1] == ':' && is_separator(text[2])) ||
	       (is_separator(text[0]) && is_separator(text[1]));
}

static void put_dir(const struct paths *p, struct node *n)
{
	auto_free char *abs = expand_home(p, n->text);

	if (!abs)
		abs = path_join(p->dir, n->len ? n->text : ".");
	n->text = arena_strdup(p->s->a, abs);
	n->len = strlen(n->text);
	n->quoted = true;
}

static void resolve_path(const struct paths *p, struct node *n)
{
	if (n->kind == NODE_STR && n->len && n->text[0] != '/')
		put_dir(p, n);
}

/* What the engine mounts may be a path of Windows; an empty one is the project directory. */
static void resolve_mounted(const struct paths *p, struct node *n)
{
	if (n && n->kind == NODE_STR && n->text[0] != '/' && !is_windows(n->text))
		put_dir(p, n);
}

/* A build context may also be a repository, an image or another service. */
static bool is_remote(const char *text)
{
	static const char *const starts[] = { "service:", "github.com/", "git@" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		if (str_starts(text, starts[i]))
			return true;
	}
	return strstr(text, "://") != NULL;
}

static void resolve_leaf(const struct paths *p, unsigned flags, struct node *n)
{
	if (flags & AF_PATH)
		resolve_path(p, n);
	else if ((flags & AF_CTX) && n->kind == NODE_STR && !is_remote(n->text))
		resolve_path(p, n);
}

static void resolve_node(const struct paths *p, const struct attr *row, struct node *n)
{
	if (row->type == A_KV) {
		tree_each(n->kind == NODE_MAP ? n : NULL, pair)
			resolve_leaf(p, row->flags, pair->value);
		tree_items(n->kind == NODE_SEQ ? n : NULL, line)
			resolve_leaf(p, row->flags, *line);
	} else if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->n; i++) {
			const struct attr *kid = attr_find(row, n->pairs[i].key);

			if (kid && (kid->kids || kid->flags & (AF_PATH | AF_CTX)))
				resolve_node(p, kid, n->pairs[i].value);
		}
	} else if (n->kind == NODE_SEQ && row->type == A_SEQ && row->kids) {
		for (size_t i = 0; i < n->n; i++)
			resolve_node(p, row->kids, n->items[i]);
	} else {
		resolve_leaf(p, row->flags, n);
	}
}

static bool has_text(const struct node *map, const char *key, const char *text)
{
	const struct node *n = node_get(map, key);

	return n && n->kind == NODE_STR && STREQ(n->text, text);
}

/* A mount's source is a path only when it is a bind. */
static void resolve_binds(const struct paths *p, struct node *service)
{
	struct node *mounts = node_get(service, "volumes");

	for (size_t i = 0; mounts && mounts->kind == NODE_SEQ && i < mounts->n; i++) {
		if (has_text(mounts->items[i], "type", "bind"))
			resolve_mounted(p, node_get(mounts->items[i], "source"));
	}
}

/* A named volume that is a bind mount in disguise. The reference looks only where the driver is named. */
static void resolve_volume(const struct paths *p, struct node *volume)
{
	struct node *opts = node_get(volume, "driver_opts");

	if (has_text(opts, "o", "bind") && has_text(volume, "driver", "local"))
		resolve_mounted(p, node_get(opts, "device"));
}

void paths_resolve(const struct stage_ctx *s, struct node *root, const char *dir)
{
	static const char *const files[] = { "configs", "secrets" };
	const struct paths p = { s, dir, env_value(s->env, "HOME") };

	resolve_node(&p, &attr_root, root);
	tree_each(tree_map(root, "services"), it) {
		resolve_binds(&p, it->value);
		tree_each(tree_map(tree_map(it->value, "build"), "ssh"), key)
			resolve_mounted(&p, key->value);
	}
	tree_each(tree_map(root, "volumes"), it)
		resolve_volume(&p, it->value);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tree_each(tree_map(root, files[i]), it)
			resolve_mounted(&p, node_get(it->value, "file"));
}
