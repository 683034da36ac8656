/* check_mounts.c - what a service mounts: each mount for itself, and no place twice. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "check.h"
#include "tree.h"
#include "val.h"

static void where(const struct stage_ctx *s, const struct node *n, const char *path)
{
	diag_where(s->d, path, n->origin, n->span);
}

/* "v:/data", which the reference takes for a path of Windows. */
static void check_letter(
	const struct stage_ctx *s, const char *path, const struct node *at, const struct val_mount *l)
{
	diag_warn(s->d, at->pos,
		"a single letter before a colon is a drive of Windows for `config`; what runs has volume "
		"'%s' at %s",
		l->source, l->target);
	where(s, at, path);
	diag_hint(s->d, "give the volume a longer name");
}

/* The reference lets it pass, so it is no error before somebody wants to mount it. */
static void check_target(
	const struct stage_ctx *s, const char *path, const struct node *mount, const struct node *target)
{
	if (*target->text == '/' || strchr(target->text, '$'))
		return;
	diag_warn(s->d, target->pos, "mount target '%s' is not an absolute path", target->text);
	where(s, target, path);
	if (!node_get(mount, "source") && !strchr(target->text, ':'))
		diag_hint(s->d, "a volume is mounted as '%s:/PATH'", target->text);
}

static void check_source(const struct stage_ctx *s, const char *path, const struct node *m, const char *type)
{
	const struct node *source = tree_str_node(m, "source");

	if (STREQ(type, "bind") && !source && !tree_wrong(m, "source") &&
		!(s->no_interpolate && s->no_path_resolution))
		check_error(s, m, path, "a mount of type 'bind' needs a 'source'");
	if (STREQ(type, "image") && !tree_str(m, "source") && !tree_wrong(m, "source")) {
		diag_warn(s->d, m->pos, "a mount of type 'image' has no 'source': which image?");
		where(s, m, path);
	}
	if (STREQ(type, "tmpfs") && source && *source->text) {
		diag_warn(s->d, source->pos, "a mount of type 'tmpfs' has no 'source', '%s' is ignored",
			source->text);
		where(s, source, path);
	}
}

static void check_mount(const struct stage_ctx *s, const char *path, const struct node *m)
{
	const char *type = tree_str(m, "type");
	const struct node *target = tree_str_node(m, "target");
	struct val_mount letter;

	if (!type)
		return;
	if (val_letter_mount(s->a, type, tree_str(m, "source"), target ? target->text : NULL, &letter)) {
		check_letter(s, path, target, &letter);
		return;
	}
	if (!target && !tree_wrong(m, "target"))
		check_error(s, m, path, "a mount needs a 'target'");
	else if (target)
		check_target(s, path, m, target);
	check_source(s, path, m, type);
}

/* ------------------------------------------------------------------ the same place twice */

static void take_place(const struct stage_ctx *s, struct map *seen, const char *path, const struct node *at,
	const char *target)
{
	const struct node *first = map_get(seen, target);

	if (!first) {
		map_set(seen, target, (void *)at);
		return;
	}
	check_error(s, at, path, "something is mounted at '%s' already", target);
	diag_note(s->d, first->pos, "it is here first");
}

static void check_places(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *tmpfs = tree_seq(service, "tmpfs"), *volumes = tree_seq(service, "volumes");
	struct map seen = MAP_INIT; /* target → the node that says it */

	for (size_t i = 0; tmpfs && i < tmpfs->n; i++) {
		const struct node *item = tmpfs->items[i];

		if (item->kind == NODE_STR)
			take_place(s, &seen,
				check_path(s, "services", name, arena_printf(s->a, "tmpfs[%zu]", i)), item,
				arena_strndup(s->a, item->text, strcspn(item->text, ":")));
	}
	for (size_t i = 0; volumes && i < volumes->n; i++) {
		const struct node *target = tree_str_node(volumes->items[i], "target");

		if (target)
			take_place(s, &seen,
				check_path(s, "services", name, arena_printf(s->a, "volumes[%zu]", i)),
				target, target->text);
	}
	map_done(&seen, NULL);
}

void check_mounts(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *list = tree_seq(service, "volumes");

	for (size_t i = 0; list && i < list->n; i++)
		check_mount(s, check_path(s, "services", name, arena_printf(s->a, "volumes[%zu]", i)),
			list->items[i]);
	if (!s->no_consistency && !s->no_interpolate)
		check_places(s, name, service);
}
