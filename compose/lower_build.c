/* lower_build.c - how a service's image is built. */
#include <stddef.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "lower.h"

#define B(field) offsetof(struct build, field)

static void low_build_texts(struct lower *l, struct build *b, const struct node *n)
{
	static const struct { const char *key; size_t at; } rows[] = {
		{ "context", B(context) }, { "dockerfile", B(dockerfile) }, { "dockerfile_inline", B(dockerfile_inline) },
		{ "target", B(target) }, { "network", B(network) }, { "isolation", B(isolation) }, { "provenance", B(provenance) },
		{ "sbom", B(sbom) },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		*(char **)((char *)b + rows[i].at) = low_str(l, n, rows[i].key);
	if (b->dockerfile_inline && *b->dockerfile_inline)
		b->dockerfile = NULL;
}

static void low_build_lists(struct lower *l, struct build *b, const struct node *n)
{
	static const struct { const char *key; size_t at; } lists[] = {
		{ "cache_from", B(cache_from) }, { "cache_to", B(cache_to) }, { "no_cache_filter", B(no_cache_filter) }, { "ssh", B(ssh) },
		{ "tags", B(tags) }, { "platforms", B(platforms) }, { "entitlements", B(entitlements) },
	}, pairs[] = {
		{ "args", B(args) }, { "labels", B(labels) }, { "additional_contexts", B(additional_contexts) },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		*(struct strv *)((char *)b + lists[i].at) = low_strv(l, n, lists[i].key);
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		*(struct kvs *)((char *)b + pairs[i].at) = low_kvs(l, n, pairs[i].key);
	low_hosts(l, &b->extra_hosts, &b->n_extra_hosts, n);
	low_file_refs(l, &b->secrets, &b->n_secrets, n, "secrets");
	low_ulimits(l, &b->ulimits, &b->n_ulimits, n);
}

void low_build(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *build = tree_map(n, "build");
	struct build *b = &svc->build;

	if (!build)
		return;
	b->given = true;
	b->pos = build->pos;
	b->context_pos = low_pos(build, "context");
	b->dockerfile_pos = low_pos(build, "dockerfile");
	low_build_texts(l, b, build);
	low_build_lists(l, b, build);
	b->shm_bytes = low_bytes(build, "shm_size", 0);
	b->no_cache = tree_true(build, "no_cache");
	b->pull = tree_true(build, "pull");
	b->privileged = tree_true(build, "privileged");
	if (svc->image)
		return;
	b->names_image = true;
	svc->image = arena_printf(l->a, "%s-%s", l->s->project_name, svc->name);
}
