/* platform.c - the platform of services that name none, when the environment names one: DOCKER_DEFAULT_PLATFORM, as docker compose takes it
 * for pulling, building and running. It becomes part of the model, and so of what requires a new container; `config` does not show it. */
#include <string.h>

#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "stages.h"
#include "tree.h"

#define VARIABLE "DOCKER_DEFAULT_PLATFORM"

static bool is_built_for(const struct node *service, const char *platform)
{
	const struct node *list = tree_seq(tree_map(service, "build"), "platforms");

	if (!list || !list->n)
		return true;
	tree_items(list, it)
		if ((*it)->kind == NODE_STR && STREQ((*it)->text, platform))
			return true;
	return false;
}

void default_platform(const struct stage_ctx *s, struct node *root)
{
	const struct env_var *var = s->env ? env_find(s->env, VARIABLE) : NULL;
	const char *value = var ? env_value(s->env, VARIABLE) : NULL;
	struct node *services = node_get(root, "services");

	if (!value || !*value || !services || services->kind != NODE_MAP)
		return;
	for (size_t i = 0; i < services->n; i++) {
		struct node *service = services->pairs[i].value;

		if (service->kind != NODE_MAP || node_get(service, "platform") || node_get(service, "provider"))
			continue;
		if (!is_built_for(service, value)) {
			diag_error(s->d, node_get(service, "build")->pos, "service '%s': platform '%s' is not among 'build.platforms'",
				services->pairs[i].key, value);
			diag_hint(s->d, "%s; the service's own 'platform' comes before it", env_origin(s->a, var));
			continue;
		}
		node_set(s->a, service, "platform", service->pos, node_str(s->a, value, service->pos));
	}
}
