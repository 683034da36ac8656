/* bases.c - files that services are extended from, service by service. */
#include "bases.h"

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "front.h"
#include "tree.h"

void bases_index_tags(struct ext_file *file, const struct merge_tags *tags)
{
	file->tags = tags;
	for (size_t i = tags->n; i-- > 0;) {
		if (tags->v[i].n > 1 && STREQ(tags->v[i].keys[0], "services"))
			map_set(&file->first_tag, tags->v[i].keys[1], (void *)(i + 1));
	}
}

/* Only services are extended from. */
static void keep_service_tags(struct merge_tags *tags)
{
	size_t kept = 0;

	for (size_t i = 0; i < tags->n; i++)
		if (STREQ(tags->v[i].keys[0], "services"))
			tags->v[kept++] = tags->v[i];
	tags->n = kept;
}

/* A later document's tags act on those before it at once, and on what its services extend when that is known.
 */
static void add_document(struct front *f, struct ext_file *file, struct node *doc)
{
	struct merge_tags *tags = arena_alloc(f->s->a, sizeof *tags);
	struct node *services;

	if (read_raw(f, doc, tags) < 0) {
		file->wrong = true;
		return;
	}
	keep_service_tags(tags);
	for (size_t i = 0; i < file->n_docs; i++)
		merge_apply_tags(file->docs[i], tags, 1);
	file->wrong |= tree_wrong(doc, "services");
	services = tree_map(doc, "services");
	if (services)
		file->docs[file->n_docs++] = services;
	map_done(&file->first_tag, NULL);
	bases_index_tags(file, tags);
}

struct ext_file *bases_open(struct front *f, const char *path, const struct node *named)
{
	struct ext_file *file = map_get(f->bases, path);
	auto_free char *dir = path_join(path, ".."), *base = path_relative(f->dir, dir);
	struct node **docs;
	size_t n;

	if (file)
		return file;
	file = arena_alloc(f->s->a, sizeof *file);
	file->path = path;
	file->dir = arena_strdup(f->s->a, dir);
	file->base = arena_strdup(f->s->a, base);
	map_set(f->bases, path, file);
	if (read_docs(f, path, named, &docs, &n) < 0) {
		file->wrong = true;
		return file;
	}
	file->services = node_new(f->s->a, NODE_MAP, (struct pos){ 0 });
	file->docs = arena_array(f->s->a, n, sizeof *file->docs);
	for (size_t i = 0; i < n; i++)
		add_document(f, file, docs[i]);
	return file;
}

/* A tree in which nothing but this service is. */
static struct node *alone(struct arena *a, const struct node_pair *service)
{
	struct node *root = node_new(a, NODE_MAP, service->key_pos),
		    *services = node_new(a, NODE_MAP, service->key_pos);

	node_set(a, root, "services", service->key_pos, services);
	node_set(a, services, service->key, service->key_pos, service->value);
	return root;
}

bool bases_has(struct front *f, struct ext_file *file, const char *name)
{
	struct node *merged = NULL;
	struct pos pos = { 0 };

	if (node_pair_get(file->services, name))
		return true;
	for (size_t i = 0; i < file->n_docs; i++) {
		struct node_pair *p = node_pair_get(file->docs[i], name);
		struct node *service;

		if (!p)
			continue;
		service = canon_service(f->s, name, p->value);
		merged = merged ? merge_services(f->s, name, merged, service) : service;
		pos = p->key_pos;
	}
	if (!merged)
		return false;
	if (f->s->no_interpolate)
		canon_open_ports(f->s, merged);
	paths_resolve(f->s, alone(f->s->a, node_set(f->s->a, file->services, name, pos, merged)), file->base);
	return true;
}

void bases_hint(struct front *f, const struct ext_file *file, const char *name)
{
	if (!file->n_docs && file->services)
		select_hint(f->s, file->services, name);
	for (size_t i = 0; i < file->n_docs; i++)
		select_hint(f->s, file->docs[i], name);
}

void bases_done(struct map *files)
{
	map_each (files, it)
		map_done(&((struct ext_file *)it->value)->first_tag, NULL);
	map_done(files, NULL);
}
