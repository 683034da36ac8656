/* How it works: services are canonical and interpolated when `extends` is looked at, so a base is a copy of a
 * tree and merging is merge.c's. A base in another file comes from bases.c; its own `extends` is followed
 * there. `extends` is removed from what is done, so that each service is merged once. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "bases.h"
#include "diag.h"
#include "front.h"
#include "tree.h"

enum { MAX_CHAIN = 500 };

struct chain {
	const struct chain *up;
	const struct ext_file *file;
	const char *name;
	size_t depth;
};

static struct node *resolve(struct front *f, struct ext_file *file, const char *name, const struct chain *up);

/* A file may be there twice: as the document and as a source of bases. */
static bool is_at(const struct chain *c, const struct ext_file *file, const char *name)
{
	return STREQ(c->file->path, file->path) && STREQ(c->name, name);
}

/* "a → b → a", from the first mention of what closes the cycle. */
static void report_cycle(struct front *f, const struct chain *c, const struct ext_file *file,
	const char *name, const struct node *ref)
{
	const char *text = name;

	for (; c; c = c->up) {
		text = arena_printf(f->s->a, "%s → %s", c->name, text);
		if (is_at(c, file, name))
			break;
	}
	diag_error(f->s->d, ref->pos, "services extend each other: %s", text);
	diag_where(f->s->d, NULL, ref->origin, ref->span);
}

static bool in_chain(const struct chain *c, const struct ext_file *file, const char *name)
{
	for (; c; c = c->up) {
		if (is_at(c, file, name))
			return true;
	}
	return false;
}

/* Where the base is looked for; NULL after reporting. */
static struct ext_file *base_file(struct front *f, struct ext_file *file, const struct node *extends)
{
	const struct node *name = node_get(extends, "file");
	auto_free char *path = NULL;

	if (!name || name->kind != NODE_STR)
		return file;
	if (strstr(name->text, "://") || str_starts(name->text, "git@")) {
		diag_error(f->s->d, name->pos, "cannot extend from '%s': only files of this host are read",
			name->text);
		return NULL;
	}
	path = path_join(file->dir, name->text);
	return bases_open(f, arena_strdup(f->s->a, path), name);
}

/* What is to be removed from a base before `name` of this document is merged onto it. */
static void apply_tags(const struct ext_file *file, const char *name, struct node *base)
{
	size_t from = (size_t)map_get(&file->first_tag, name), to;
	struct merge_tags own;

	if (from == 0)
		return;
	from--;
	for (to = from; to < file->tags->n && file->tags->v[to].n > 1 &&
			STREQ(file->tags->v[to].keys[0], "services") &&
			STREQ(file->tags->v[to].keys[1], name);)
		to++;
	own = (struct merge_tags){ .v = file->tags->v + from, .n = to - from };
	merge_apply_tags(base, &own, 2);
}

static struct node *find_base(struct front *f, struct ext_file *file, const struct node *extends,
	const char *name, const struct chain *chain)
{
	const struct node *ref = node_get(extends, "service");
	struct ext_file *from;

	if (!ref || ref->kind != NODE_STR) {
		if (!extends->wrong && !(ref && ref->wrong)) {
			diag_error(f->s->d, extends->pos, "'extends' names no service");
			diag_where(f->s->d, arena_printf(f->s->a, "services.%s.extends", name),
				extends->origin, extends->span);
			diag_hint(f->s->d,
				"write `extends: {service: NAME}`, with `file: PATH` when it is elsewhere");
		}
		return NULL;
	}
	from = base_file(f, file, extends);
	if (!from)
		return NULL;
	if (!bases_has(f, from, ref->text)) {
		if (from->wrong)
			return NULL;
		diag_error(f->s->d, ref->pos,
			"service '%s' cannot extend '%s': there is no such service in %s", name, ref->text,
			front_shown(f, from->path));
		diag_where(
			f->s->d, arena_printf(f->s->a, "services.%s.extends", name), ref->origin, ref->span);
		bases_hint(f, from, ref->text);
		return NULL;
	}
	if (in_chain(chain, from, ref->text)) {
		report_cycle(f, chain, from, ref->text, ref);
		return NULL;
	}
	return resolve(f, from, ref->text, chain);
}

/* A service is copied for each that extends it, and a few lines can ask for very many copies. */
static bool may_copy(struct front *f, const struct node *extends, const struct node *base)
{
	f->totals->copied += node_count(base);
	f->totals->repeated += node_bytes(base);
	if (f->totals->copied > FRONT_MAX_COPIED)
		diag_error(f->s->d, extends->pos, "services grow beyond %d nodes by extending each other",
			FRONT_MAX_COPIED);
	else if (f->totals->repeated > FRONT_MAX_REPEATED)
		diag_error(f->s->d, extends->pos,
			"services repeat more than %d MiB of text by extending each other",
			FRONT_MAX_REPEATED >> 20);
	else
		return true;
	return false;
}

/* The service with its bases merged in. NULL when it is neither a mapping nor empty. */
static struct node *resolve(struct front *f, struct ext_file *file, const char *name, const struct chain *up)
{
	struct chain chain = { .up = up, .file = file, .name = name, .depth = up ? up->depth + 1 : 0 };
	const struct node_pair *pair = node_pair_get(file->services, name);
	struct node *service = pair->value, *extends = node_get(service, "extends"), *base;
	struct pos key_pos = pair->key_pos;

	if (!extends)
		return service->kind == NODE_MAP || service->kind == NODE_NULL ? service : NULL;
	if (chain.depth > MAX_CHAIN) {
		diag_error(f->s->d, extends->pos, "services extend each other through more than %d others",
			MAX_CHAIN);
		return NULL;
	}
	base = find_base(f, file, extends, name, &chain);
	node_remove(service, "extends");
	if (!base) {
		service->wrong = true;
		return service;
	}
	if (!may_copy(f, extends, base))
		return service;
	base = node_copy(f->s->a, base);
	apply_tags(file, name, base);
	base = merge_services(f->s, name, base, service);
	/* the pair may be elsewhere by now: the walk makes services of other files canonical when it meets
	 * them */
	node_set(f->s->a, file->services, name, key_pos, base);
	return base;
}

void extend_services(struct front *f, struct node *doc, const struct merge_tags *tags, const char *path)
{
	struct ext_file file = { .path = path,
		.dir = f->dir,
		.services = tree_map(doc, "services"),
		.wrong = tree_wrong(doc, "services") };

	if (!file.services)
		return;
	bases_index_tags(&file, tags);
	for (size_t i = 0; i < file.services->n; i++)
		resolve(f, &file, file.services->pairs[i].key, NULL);
	map_done(&file.first_tag, NULL);
}
