/* check.c - do the names that a project uses exist, and can its services be brought into an order. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "check.h"
#include "graph_cycle.h"
#include "tree.h"

const char *check_path(const struct stage_ctx *s, const char *section, const char *name, const char *rest)
{
	return arena_printf(s->a, "%s.%s%s%s", section, name, *rest && *rest != '[' ? "." : "", rest);
}

int check_error(const struct stage_ctx *s, const struct node *n, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (n->wrong) {
		diag_mute(s->d);
		return -1;
	}
	va_start(ap, fmt);
	diag_verror(s->d, n->pos, fmt, ap);
	va_end(ap);
	diag_where(s->d, path, n->origin, n->span);
	return -1;
}

static bool suggest(const struct stage_ctx *s, const char *word, const struct node *map)
{
	auto_free const char **names = NULL;
	const char *near;
	size_t n = 0;

	/* what is not shown needs no hint; the search takes its time */
	if (!map || s->d->n >= DIAG_MAX)
		return false;
	names = xcalloc(map->n + 1, sizeof *names);
	tree_each(map, p)
		names[n++] = p->key;
	near = str_nearest(word, names);
	if (near)
		diag_hint(s->d, "did you mean '%s'?", near);
	return near != NULL;
}

/* Whether a section has the name, or may have had it in what was wrong. */
static bool is_there(const struct node *root, const char *section, const char *name)
{
	const struct node *known = tree_map(root, section);

	return tree_wrong(root, section) || (known && node_pair_get(known, name));
}

/* ------------------------------------------------------------------ services */

/* Errors about keys stand at the key. */
static struct node at_key(const struct node_pair *p)
{
	return (struct node){ .pos = p->key_pos, .span = (unsigned)strlen(p->key) };
}

static void disabled_hint(const struct stage_ctx *s, const char *name)
{
	const struct node *profiles = tree_seq(node_get(s->disabled, name), "profiles");

	if (profiles && profiles->n && profiles->items[0]->kind == NODE_STR)
		diag_hint(s->d, "'%s' is only there with --profile %s", name, profiles->items[0]->text);
}

static void check_dependency(
	const struct stage_ctx *s, const struct node *root, const char *name, const struct node_pair *dep)
{
	const char *from = tree_str(dep->value, "$from");
	const char *path =
		check_path(s, "services", name, from ? from : arena_printf(s->a, "depends_on.%s", dep->key));
	const struct node *required = node_get(dep->value, "required");
	bool optional = required && required->kind == NODE_BOOL && !required->b;
	struct node at = at_key(dep);

	/* an implied one stands at the text that implies it */
	at.origin = dep->value->origin;
	if (from)
		at.span = dep->value->span;
	if (is_there(root, "services", dep->key))
		return;
	if (s->disabled && node_pair_get(s->disabled, dep->key)) {
		if (optional)
			return;
		check_error(
			s, &at, path, "service '%s' is needed, but no active profile enables it", dep->key);
		disabled_hint(s, dep->key);
		return;
	}
	check_error(s, &at, path, "service '%s' is not defined", dep->key);
	suggest(s, dep->key, tree_map(root, "services"));
}

static void undefined(const struct stage_ctx *s, const struct node *at, const char *path, const char *sort,
	const char *name, const struct node *known)
{
	check_error(s, at, path, "%s '%s' is not defined", sort, name);
	if (*name == '/' && STREQ(sort, "volume"))
		diag_hint(s->d, "a directory of this host is mounted with `type: bind`");
	else if (strchr(name, '/') && STREQ(sort, "volume"))
		diag_hint(s->d, "a directory of this host starts with './', '../' or '/'");
	else if (!suggest(s, name, known))
		diag_hint(s->d, "declare it at the top level: `%ss: {%s: …}`", sort, name);
}

static void check_memberships(const struct stage_ctx *s, const struct node *root, const char *name,
	const struct node *service, const char *key, const char *sort)
{
	const struct node *known = tree_map(root, key);

	tree_each(tree_map(service, key), p) {
		struct node at = at_key(p);

		if (is_there(root, key, p->key))
			continue;
		undefined(s, &at, check_path(s, "services", name, arena_printf(s->a, "%s.%s", key, p->key)),
			sort, p->key, known);
	}
}

static void check_mount_sources(
	const struct stage_ctx *s, const struct node *root, const char *name, const struct node *service)
{
	const struct node *known = tree_map(root, "volumes"), *list = tree_seq(service, "volumes");

	for (size_t i = 0; list && i < list->n; i++) {
		const char *type = tree_str(list->items[i], "type");
		const struct node *source = tree_str_node(list->items[i], "source");

		if (!type || !STREQ(type, "volume") || !source || !*source->text)
			continue;
		if (!is_there(root, "volumes", source->text))
			undefined(s, source,
				check_path(s, "services", name, arena_printf(s->a, "volumes[%zu].source", i)),
				"volume", source->text, known);
	}
}

static void check_file_refs(const struct stage_ctx *s, const struct node *root, const char *name,
	const struct node *holder, const char *prefix, const char *key, const char *sort)
{
	const struct node *known = tree_map(root, key), *list = tree_seq(holder, key);

	for (size_t i = 0; list && i < list->n; i++) {
		const struct node *source = tree_str_node(list->items[i], "source");
		const char *path =
			check_path(s, "services", name, arena_printf(s->a, "%s%s[%zu]", prefix, key, i));

		if (!source && !tree_wrong(list->items[i], "source"))
			check_error(s, list->items[i], path, "'source' is missing: which %s?", sort);
		else if (source && !is_there(root, key, source->text))
			undefined(s, source, path, sort, source->text, known);
	}
}

/* A build can take what another service builds as a context. */
static void check_contexts(
	const struct stage_ctx *s, const struct node *root, const char *name, const struct node *service)
{
	const struct node *services = tree_map(root, "services");

	tree_each(tree_map(tree_map(service, "build"), "additional_contexts"), p) {
		const char *path = check_path(
			s, "services", name, arena_printf(s->a, "build.additional_contexts.%s", p->key));
		const char *target = p->value->kind == NODE_STR && str_starts(p->value->text, "service:")
					     ? p->value->text + strlen("service:")
					     : NULL;

		if (!target)
			continue;
		if (!is_there(root, "services", target)) {
			check_error(s, p->value, path, "service '%s' builds from undefined service '%s'",
				name, target);
			suggest(s, target, services);
		} else if (services && !tree_map(node_get(services, target), "build") &&
			   !tree_wrong(node_get(services, target), "build")) {
			check_error(s, p->value, path,
				"service '%s' builds from service '%s', which has no 'build'", name, target);
		}
	}
}

static void check_references(
	const struct stage_ctx *s, const struct node *root, const char *name, const struct node *service)
{
	tree_each(tree_map(service, "depends_on"), dep)
		check_dependency(s, root, name, dep);
	check_memberships(s, root, name, service, "networks", "network");
	check_memberships(s, root, name, service, "models", "model");
	check_mount_sources(s, root, name, service);
	check_contexts(s, root, name, service);
	check_file_refs(s, root, name, service, "", "configs", "config");
	check_file_refs(s, root, name, service, "", "secrets", "secret");
	check_file_refs(s, root, name, tree_map(service, "build"), "build.", "secrets", "secret");
}

/* ------------------------------------------------------------------ cycles */

static size_t next_in_tree(const void *ctx, size_t v, size_t i)
{
	const struct node *services = ctx, *deps = tree_map(services->pairs[v].value, "depends_on");

	for (; deps && i < deps->n; i++) {
		const struct node_pair *to = node_pair_get(services, deps->pairs[i].key);

		if (to)
			return (size_t)(to - services->pairs);
	}
	return GRAPH_NONE;
}

/* Reports a cycle and takes its first edge out, so that the next one can be found. */
static void report_cycle(const struct stage_ctx *s, const struct node *services, const size_t *path, size_t n)
{
	const struct node_pair *first = &services->pairs[path[0]], *second = &services->pairs[path[n > 1]];
	struct node *deps = tree_map(first->value, "depends_on");
	struct node at = at_key(node_pair_get(deps, second->key));
	auto_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s → ", services->pairs[path[i]].key);
	check_error(s, &at, check_path(s, "services", first->key, "depends_on"), "dependency cycle: %s%s",
		text.p, first->key);
	node_remove(deps, second->key);
}

static void check_cycles(const struct stage_ctx *s, const struct node *services)
{
	enum { CYCLES_MAX = 20 }; /* each is a walk over everything */
	size_t *path = xcalloc(services->n + 1, sizeof *path), n;

	for (int i = 0; i < CYCLES_MAX; i++) {
		n = graph_find_cycle(services, services->n, next_in_tree, path);
		if (n == 0)
			break;
		report_cycle(s, services, path, n);
	}
	free(path);
}

/* What was missing in a file may have belonged to any of its services and resources. */
static void spread_wrong(struct node *root)
{
	static const char *const sections[] = { "services", "configs", "secrets" };

	for (size_t i = 0; root->wrong && i < sizeof sections / sizeof *sections; i++)
		tree_each(tree_map(root, sections[i]), p)
			p->value->wrong = true;
}

void check_tree(const struct stage_ctx *s, struct node *root)
{
	const struct node *services = tree_map(root, "services");

	spread_wrong(root);
	tree_each(services, p) {
		check_service_values(s, p);
		if (!s->no_consistency)
			check_references(s, root, p->key, p->value);
	}
	if (services && !s->no_consistency) {
		check_cycles(s, services);
		check_container_names(s, services);
		check_published(s, services);
	}
	check_resources(s, root);
	check_effects(s, root);
}
