/* How it works: services are canonical and interpolated when `extends` is looked at, so a base is a copy of a
 * tree and merging is merge.c's. A base in another file comes from that whole file, read once, its paths made
 * absolute at once; its own `extends` is followed there. `extends` is removed from what is done, so that each
 * service is merged once. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "attr.h"
#include "diag.h"
#include "front.h"
#include "tree.h"

enum { MAX_CHAIN = 500 };

/* A set of services that are extended within each other. */
struct ext_file {
	const char *path;              /* absolute */
	const char *dir;               /* what `extends.file` in it is relative to */
	struct node *services;         /* NULL: the file has none */
	bool wrong;                    /* services may be missing for what was reported */
	const struct merge_tags *tags; /* of the document; NULL: applied already */
	struct map first_tag;          /* service → index of its first tag + 1 */
};

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

static struct ext_file *file_load(struct front *f, const char *path, const struct node *named)
{
	struct ext_file *file = map_get(f->bases, path);
	auto_free char *dir = path_join(path, "..");
	struct node *root = NULL;

	if (file)
		return file;
	file = arena_alloc(f->s->a, sizeof *file);
	file->path = path;
	file->dir = arena_strdup(f->s->a, dir);
	map_set(f->bases, path, file);
	file->wrong = read_file(f, path, named, NULL, READ_BASE, &root) < 0;
	if (!root)
		return file;
	if (!f->s->no_path_resolution)
		paths_resolve(f->s, root, file->dir);
	file->services = tree_map(root, "services");
	file->wrong = tree_wrong(root, "services");
	return file;
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
	return file_load(f, arena_strdup(f->s->a, path), name);
}

/* What is to be removed from a base before `name` of this document is merged onto it. */
static void apply_tags(const struct ext_file *file, const char *name, struct node *base)
{
	size_t from = file->tags ? (size_t)map_get(&file->first_tag, name) : 0, to;
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

	if (!ref || ref->kind != NODE_STR)
		return NULL; /* canon has reported it */
	from = base_file(f, file, extends);
	if (!from)
		return NULL;
	if (!node_get(from->services, ref->text)) {
		if (from->wrong)
			return NULL;
		diag_error(f->s->d, ref->pos,
			"service '%s' cannot extend '%s': there is no such service in %s", name, ref->text,
			front_shown(f, from->path));
		diag_where(f->s->d, arena_printf(f->s->a, "services.%s.extends", name), ref->origin,
			ref->span);
		if (from->services)
			select_hint(f->s, from->services, ref->text);
		return NULL;
	}
	if (in_chain(chain, from, ref->text)) {
		report_cycle(f, chain, from, ref->text, ref);
		return NULL;
	}
	return resolve(f, from, ref->text, chain);
}

/* The service with its bases merged in. NULL when it is no mapping. */
static struct node *resolve(struct front *f, struct ext_file *file, const char *name, const struct chain *up)
{
	struct chain chain = { .up = up, .file = file, .name = name, .depth = up ? up->depth + 1 : 0 };
	struct node_pair *pair = node_pair_get(file->services, name);
	struct node *service = pair->value, *extends = node_get(service, "extends"), *base;

	if (!extends)
		return service->kind == NODE_MAP ? service : NULL;
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
	f->totals->copied += node_count(base);
	if (f->totals->copied > FRONT_MAX_COPIED) {
		diag_error(f->s->d, extends->pos, "services grow beyond %d nodes by extending each other",
			FRONT_MAX_COPIED);
		return service;
	}
	base = node_copy(f->s->a, base);
	apply_tags(file, name, base);
	base = merge_services(f->s->a, f->s->d, name, base, service);
	/* the walk may have gone through other services of this map, but it adds none: the pair is where it
	 * was */
	pair->value = base;
	return base;
}

void extend_drop_nulls(struct node *doc)
{
	struct node *services = node_get(doc, "services");

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		struct node *service = services->pairs[i].value;
		size_t kept = 0;

		if (!node_get(service, "extends"))
			continue;
		for (size_t k = 0; k < service->n; k++) {
			const struct node_pair *p = &service->pairs[k];
			const struct attr *row = attr_find(&attr_service, p->key);

			if (p->value->kind != NODE_NULL || !row || (row->flags & AF_NULL))
				service->pairs[kept++] = *p;
		}
		node_truncate(service, kept);
	}
}

void extend_services(struct front *f, struct node *doc, const struct merge_tags *tags, const char *path)
{
	struct ext_file file = { .path = path,
		.dir = f->dir,
		.services = tree_map(doc, "services"),
		.wrong = tree_wrong(doc, "services"),
		.tags = tags };

	if (!file.services)
		return;
	for (size_t i = tags->n; i-- > 0;) {
		if (tags->v[i].n > 1 && STREQ(tags->v[i].keys[0], "services"))
			map_set(&file.first_tag, tags->v[i].keys[1], (void *)(i + 1));
	}
	for (size_t i = 0; i < file.services->n; i++)
		resolve(f, &file, file.services->pairs[i].key, NULL);
	map_done(&file.first_tag, NULL);
}
