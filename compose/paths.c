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

struct paths {
	const struct stage_ctx *s;
	const char *dir, *home;
};

/* What comes after "~" is below the home directory, whether there is a slash between or not (the reference knows no "~user");
 * NULL: it does not begin so, or there is no home. */
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

static void resolve_text(const struct paths *p, struct node *n)
{
	auto_free char *abs = NULL;

	if (n->kind != NODE_STR || n->text[0] == '/' || is_windows(n->text))
		return;
	abs = expand_home(p, n->text);
	if (!abs)
		abs = path_join(p->dir, n->len ? n->text : ".");
	n->text = arena_strdup(p->s->a, abs);
	n->len = strlen(n->text);
	n->quoted = true;
}

static void resolve_path(const struct paths *p, struct node *n)
{
	if (n->len)
		resolve_text(p, n);
}

/* A build context may also be a repository, an image or another service. */
static bool is_remote(const char *text)
{
	static const char *const starts[] = { "service:", "github.com/", "git@", "docker-image:" };

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
	if (n->kind == NODE_MAP && row->type == A_KV) {
		for (size_t i = 0; i < n->n; i++)
			resolve_leaf(p, row->flags, n->pairs[i].value);
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

/* A mount's source is a path only when it is a bind; an empty one is the project directory. */
static void resolve_binds(const struct paths *p, struct node *service)
{
	struct node *mounts = node_get(service, "volumes");

	for (size_t i = 0; mounts && mounts->kind == NODE_SEQ && i < mounts->n; i++) {
		struct node *source = node_get(mounts->items[i], "source");

		if (source && has_text(mounts->items[i], "type", "bind"))
			resolve_text(p, source);
	}
}

/* A named volume that is a bind mount in disguise. The reference looks only where the driver is named. */
static void resolve_volume(const struct paths *p, struct node *volume)
{
	struct node *opts = node_get(volume, "driver_opts"), *device = node_get(opts, "device");

	if (device && has_text(opts, "o", "bind") && has_text(volume, "driver", "local"))
		resolve_text(p, device);
}

void paths_resolve(const struct stage_ctx *s, struct node *root, const char *dir)
{
	const struct paths p = { s, dir, env_value(s->env, "HOME") };
	struct node *services = node_get(root, "services"), *volumes = node_get(root, "volumes");

	resolve_node(&p, &attr_root, root);
	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		resolve_binds(&p, services->pairs[i].value);
	for (size_t i = 0; volumes && volumes->kind == NODE_MAP && i < volumes->n; i++)
		resolve_volume(&p, volumes->pairs[i].value);
}
