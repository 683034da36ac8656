/* lower_build.c - how a service's image is built. */
#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "lower.h"

static void low_build_texts(struct lower *l, struct build *b, const struct node *n)
{
	b->context = low_str(l, n, "context");
	b->dockerfile = low_str(l, n, "dockerfile");
	b->dockerfile_inline = low_str(l, n, "dockerfile_inline");
	b->target = low_str(l, n, "target");
	b->network = low_str(l, n, "network");
	b->isolation = low_str(l, n, "isolation");
	b->provenance = low_str(l, n, "provenance");
	b->sbom = low_str(l, n, "sbom");
	if (b->dockerfile_inline && *b->dockerfile_inline)
		b->dockerfile = NULL;
}

static void low_build_lists(struct lower *l, struct build *b, const struct node *n)
{
	b->args = low_kvs(l, n, "args");
	b->labels = low_kvs(l, n, "labels");
	b->additional_contexts = low_kvs(l, n, "additional_contexts");
	b->cache_from = low_strv(l, n, "cache_from");
	b->cache_to = low_strv(l, n, "cache_to");
	b->no_cache_filter = low_strv(l, n, "no_cache_filter");
	b->ssh = low_strv(l, n, "ssh");
	b->tags = low_strv(l, n, "tags");
	b->platforms = low_strv(l, n, "platforms");
	b->entitlements = low_strv(l, n, "entitlements");
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
