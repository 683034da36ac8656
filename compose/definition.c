/* definition.c - what a service is, in two parts: what its containers are made from, and what is applied to those that are there. */
#include "definition.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/hash.h"
#include "../src/util/str.h"
#include "attr.h"
#include "dump.h"
#include "project.h"
#include "tree.h"

/* These decide how many containers there are, when they start, or where the image comes from; not what is in them. */
static const char *const not_in_it[] = { "scale", "restart", "depends_on", "profiles", "pull_policy", "pull_refresh_after", "build",
	"attach", "develop" };
static const char *const not_in_deploy[] = { "replicas", "update_config", "rollback_config", "restart_policy", "placement", "mode" };
/* Of these, what a supervisor goes by as soon as it has them. */
static const char *const policy[] = { "restart", "depends_on" };
static const char *const policy_of_deploy[] = { "update_config", "rollback_config", "restart_policy" };

static void remove_all(struct node *map, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		node_remove(map, keys[i]);
}

struct node *definition_of_container(struct arena *a, const struct node *n)
{
	struct node *shown = dump_value(a, &attr_service, n), *deploy;

	remove_all(shown, not_in_it, ARRAY_LEN(not_in_it));
	deploy = tree_map(shown, "deploy");
	if (!deploy)
		return shown;
	remove_all(deploy, not_in_deploy, ARRAY_LEN(not_in_deploy));
	/* a `deploy` that only held those is as good as none */
	if (!deploy->n || (deploy->n == 1 && tree_map(deploy, "resources") && !tree_map(deploy, "resources")->n))
		node_remove(shown, "deploy");
	return shown;
}

/* ------------------------------------------------------------------ as a document */

static void keep_keys(struct arena *a, struct node *to, const struct node *from, const char *const *keys, size_t n)
{
	for (size_t i = 0; from && i < n; i++) {
		struct node *value = node_get(from, keys[i]);

		if (value)
			node_set(a, to, keys[i], value->pos, value);
	}
}

static struct node *policy_of(struct arena *a, const struct node *n)
{
	struct node *shown = dump_value(a, &attr_service, n), *out = node_new(a, NODE_MAP, n->pos), *deploy = node_new(a, NODE_MAP, n->pos);

	keep_keys(a, out, shown, policy, ARRAY_LEN(policy));
	keep_keys(a, deploy, tree_map(shown, "deploy"), policy_of_deploy, ARRAY_LEN(policy_of_deploy));
	if (deploy->n)
		node_set(a, out, "deploy", deploy->pos, deploy);
	return out;
}

static void set_text(struct arena *a, struct node *map, const char *key, const char *text)
{
	if (text)
		node_set(a, map, key, map->pos, node_str(a, text, map->pos));
}

static void set_name(struct arena *a, struct node *section, const char *key, const char *name)
{
	struct node *item = node_new(a, NODE_MAP, section->pos);

	set_text(a, item, "name", name);
	node_set(a, section, key, section->pos, item);
}

/* What is in it is a number here: who reads a plan is not shown it. */
static void add_object(struct arena *a, struct node *section, const struct file_object *o)
{
	struct node *item = node_new(a, NODE_MAP, section->pos);
	char hex[HASH_HEX_LEN + 1];

	set_text(a, item, "name", o->name);
	set_text(a, item, "file", o->file);
	set_text(a, item, "environment", o->environment);
	if (o->content)
		hash_sha256_hex(o->content, strlen(o->content), hex);
	set_text(a, item, "content", o->content ? hex : o->digest);
	node_set(a, section, o->key, section->pos, item);
}

static struct node *objects_of(struct arena *a, const struct node *n, const struct file_object *list, size_t n_list,
	const struct file_ref *refs, size_t n_refs)
{
	struct node *section = node_new(a, NODE_MAP, n->pos);

	for (size_t i = 0; i < n_refs; i++)
		for (size_t k = 0; k < n_list; k++)
			if (str_eq(refs[i].source, list[k].key))
				add_object(a, section, &list[k]);
	return section;
}

static struct node *networks_of(struct arena *a, const struct node *n, const struct project *p, const struct service *s)
{
	struct node *section = node_new(a, NODE_MAP, n->pos);

	for (size_t i = 0; i < s->n_networks; i++) {
		const struct network *net = project_network(p, s->networks[i].network);

		if (net)
			set_name(a, section, net->key, net->name);
	}
	return section;
}

static struct node *volumes_of(struct arena *a, const struct node *n, const struct project *p, const struct service *s)
{
	struct node *section = node_new(a, NODE_MAP, n->pos);

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct mount *m = &s->mounts[i];
		const struct volume *v = m->type == MOUNT_VOLUME && m->source ? project_volume(p, m->source) : NULL;

		if (v)
			set_name(a, section, v->key, v->name);
	}
	return section;
}

void project_definition(const struct project *p, const char *service, struct buf *out)
{
	const struct service *s = project_service(p, service);
	const struct node *n = s ? tree_map(tree_map(p->root, "services"), service) : NULL;
	struct arena *a;
	struct node *all, *container, *davit;

	if (!n) {
		buf_str(out, "{}");
		return;
	}
	a = arena_new();
	all = node_new(a, NODE_MAP, n->pos);
	container = definition_of_container(a, n);
	davit = tree_map(n, "$davit");
	if (davit)
		node_set(a, container, "x-davit", davit->pos, davit);
	node_set(a, all, "container", n->pos, container);
	node_set(a, all, "policy", n->pos, policy_of(a, n));
	node_set(a, all, "networks", n->pos, networks_of(a, n, p, s));
	node_set(a, all, "volumes", n->pos, volumes_of(a, n, p, s));
	node_set(a, all, "configs", n->pos, objects_of(a, n, p->configs, p->n_configs, s->configs, s->n_configs));
	node_set(a, all, "secrets", n->pos, objects_of(a, n, p->secrets, p->n_secrets, s->secrets, s->n_secrets));
	dump_json(out, a, all, -1);
	arena_free(a);
}
