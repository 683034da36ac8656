/* normalise.c - what the user left unsaid. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "env.h"
#include "stages.h"
#include "tree.h"
#include "val.h"

static void set_text(struct arena *a, struct node *map, const char *key, const char *text, struct pos pos)
{
	node_set(a, map, key, pos, node_str(a, text, pos));
}

static struct node *set_map(struct arena *a, struct node *map, const char *key, struct pos pos)
{
	struct node *n = node_new(a, NODE_MAP, pos);

	node_set(a, map, key, pos, n);
	return n;
}

/* ------------------------------------------------------------------ defaults */

static void default_watch(struct arena *a, struct node *service)
{
	tree_items(tree_seq(tree_map(service, "develop"), "watch"), rule) {
		struct node *exec;

		if ((*rule)->kind != NODE_MAP || node_get(*rule, "exec"))
			continue;
		exec = set_map(a, *rule, "exec", (*rule)->pos);
		node_set(a, exec, "command", (*rule)->pos, node_new(a, NODE_NULL, (*rule)->pos));
	}
}

/* Where there is a `deploy`, it says how many, too. */
static void default_replicas(const struct stage_ctx *s, struct node *service, struct node *deploy)
{
	struct node *scale = node_get(service, "scale");

	if (scale && scale->kind == NODE_INT && deploy && !s->no_consistency && !node_get(deploy, "replicas"))
		node_set(s->a, deploy, "replicas", scale->pos, scale);
}

static void default_service(const struct stage_ctx *s, struct node *service)
{
	struct node *build = tree_map(service, "build");

	if (build && !node_get(build, "context"))
		set_text(s->a, build, "context", ".", build->pos);
	tree_each(tree_map(service, "depends_on"), dep)
		if (dep->value->kind == NODE_MAP && !node_get(dep->value, "required"))
			node_set(s->a, dep->value, "required", dep->key_pos,
				node_bool(s->a, true, dep->key_pos));
}

void default_values(const struct stage_ctx *s, struct node *root)
{
	tree_each(tree_map(root, "services"), p)
		default_service(s, p->value);
}

static void default_parts(const struct stage_ctx *s, struct node *service)
{
	struct node *deploy = tree_map(service, "deploy");

	if (deploy && !node_get(deploy, "resources"))
		set_map(s->a, deploy, "resources", deploy->pos);
	if (deploy && !node_get(deploy, "placement"))
		set_map(s->a, deploy, "placement", deploy->pos);
	default_watch(s->a, service);
	default_replicas(s, service, deploy);
}

void default_maps(const struct stage_ctx *s, struct node *root)
{
	static const char *const sections[] = { "networks", "volumes" };

	if (stage_as_written(s))
		return;
	if (!s->no_interpolate)
		tree_each(tree_map(root, "services"), p)
			default_parts(s, p->value);
	for (size_t i = 0; i < 2; i++)
		tree_each(tree_map(root, sections[i]), p) {
			if (p->value->kind == NODE_NULL)
				p->value = node_new(s->a, NODE_MAP, p->key_pos);
			if (i == 0 && !s->no_interpolate && p->value->kind == NODE_MAP &&
				!node_get(p->value, "ipam"))
				set_map(s->a, p->value, "ipam", p->key_pos);
		}
}

/* ------------------------------------------------------------------ implied dependencies */

/* `from` is the attribute that implies it: kept under a key that no file can have, for messages. */
static void imply(const struct stage_ctx *s, struct node *service, const char *name, bool restart,
	const struct node *why, const char *from)
{
	struct node *deps = tree_map(service, "depends_on"), *dep;

	if (!deps)
		deps = set_map(s->a, service, "depends_on", why->pos);
	if (node_pair_get(deps, name))
		return;
	dep = node_new(s->a, NODE_MAP, why->pos);
	dep->span = why->span;
	dep->origin = why->origin;
	set_text(s->a, dep, "condition", "service_started", why->pos);
	node_set(s->a, dep, "restart", why->pos, node_bool(s->a, restart, why->pos));
	node_set(s->a, dep, "required", why->pos, node_bool(s->a, true, why->pos));
	set_text(s->a, dep, "$from", from, why->pos);
	node_set(s->a, deps, name, why->pos, dep);
}

static const char *before_colon(const struct stage_ctx *s, const char *text)
{
	return arena_strndup(s->a, text, strcspn(text, ":"));
}

/* SERVICE or SERVICE:ALIAS; what has more colons is no link to anything that exists. */
static const char *linked(const struct stage_ctx *s, const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && !strchr(colon + 1, ':') ? before_colon(s, text) : text;
}

static void implied(const struct stage_ctx *s, struct node *service)
{
	static const char *const modes[] = { "network_mode", "ipc", "pid", "uts", "cgroup" };

	tree_items(tree_seq(service, "links"), link)
		if ((*link)->kind == NODE_STR)
			imply(s, service, linked(s, (*link)->text), true, *link, "links");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		const struct node *mode = tree_str_node(service, modes[i]);

		if (mode && str_starts(mode->text, "service:"))
			imply(s, service, mode->text + strlen("service:"), true, mode, modes[i]);
	}
	tree_items(tree_seq(service, "volumes_from"), from)
		if ((*from)->kind == NODE_STR && !str_starts((*from)->text, "container:"))
			imply(s, service, before_colon(s, (*from)->text), false, *from, "volumes_from");
}

/* ------------------------------------------------------------------ the rest */

static void normal_mounts(const struct stage_ctx *s, struct node *service)
{
	tree_items(tree_seq(service, "volumes"), m) {
		const struct node *target = tree_str_node(*m, "target");
		struct node *clean;

		if (!target)
			continue;
		clean = node_str(s->a, val_path_clean(s->a, target->text), target->pos);
		clean->span = target->span;
		clean->origin = target->origin;
		node_set(s->a, *m, "target", target->pos, clean);
	}
}

/* An argument that is set nowhere is none. A list is what it still may be while variables are left alone. */
static void drop_unset(struct node *args)
{
	size_t kept = 0;

	for (size_t i = 0; args->kind == NODE_MAP && i < args->n; i++)
		if (args->pairs[i].value->kind != NODE_NULL)
			args->pairs[kept++] = args->pairs[i];
	for (size_t i = 0; args->kind == NODE_SEQ && i < args->n; i++)
		if (strchr(args->items[i]->text, '='))
			args->items[kept++] = args->items[i];
	node_truncate(args, kept);
}

static void normal_build(const struct stage_ctx *s, struct node *service)
{
	struct node *build = tree_map(service, "build"), *args = build ? node_get(build, "args") : NULL;

	if (!build)
		return;
	if (!node_get(build, "dockerfile") && !node_get(build, "dockerfile_inline"))
		set_text(s->a, build, "dockerfile", "Dockerfile", build->pos);
	if (args && (args->kind == NODE_MAP || args->kind == NODE_SEQ))
		drop_unset(args);
}

static void normal_pull_policy(const struct stage_ctx *s, struct node *service)
{
	const struct node *policy = tree_str_node(service, "pull_policy");

	if (policy && STREQ(policy->text, "if_not_present"))
		set_text(s->a, service, "pull_policy", "missing", policy->pos);
}

/* Whether the service is on the network `default`, which it is when it says nothing. */
static bool join_default(const struct stage_ctx *s, struct node *service, struct pos pos)
{
	struct node *nets = tree_map(service, "networks");

	if (node_get(service, "network_mode") || node_get(service, "provider"))
		return false;
	if (!nets || !nets->n) {
		nets = set_map(s->a, service, "networks", pos);
		node_set(s->a, nets, "default", pos, node_new(s->a, NODE_NULL, pos));
	}
	return node_pair_get(nets, "default") != NULL;
}

static void declare_default(const struct stage_ctx *s, struct node *root)
{
	struct node *nets = tree_map(root, "networks"), *def;

	if (!nets)
		nets = set_map(s->a, root, "networks", root->pos);
	if (node_pair_get(nets, "default"))
		return;
	def = set_map(s->a, nets, "default", root->pos);
	if (!s->no_interpolate)
		set_map(s->a, def, "ipam", root->pos);
}

static void name_all(const struct stage_ctx *s, struct node *root)
{
	static const char *const sections[] = { "networks", "volumes", "configs", "secrets" };

	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		tree_each(tree_map(root, sections[i]), p) {
			if (p->value->kind != NODE_MAP || node_get(p->value, "name"))
				continue;
			set_text(s->a, p->value, "name",
				tree_true(p->value, "external")
					? p->key
					: arena_printf(s->a, "%s_%s", s->project_name, p->key),
				p->key_pos);
		}
}

/* A config or secret made of a variable keeps its value beside the name, under a key that no file can have
 * and that is never printed: the model outlives the environment. */
static void keep_values(const struct stage_ctx *s, struct node *root)
{
	static const char *const sections[] = { "configs", "secrets" };
	struct map kept = MAP_INIT; /* name → the one node with its value: many may be made of one variable */

	for (size_t i = 0; s->env && i < sizeof sections / sizeof *sections; i++)
		tree_each(tree_map(root, sections[i]), p) {
			const char *name = tree_str(p->value, "environment"),
				   *value = name ? env_value(s->env, name) : NULL;

			if (value && !map_has(&kept, name))
				map_set(&kept, name, node_str(s->a, value, p->key_pos));
			if (value)
				node_set(s->a, p->value, "$value", p->key_pos, map_get(&kept, name));
		}
	map_done(&kept, NULL);
}

void normalise(const struct stage_ctx *s, struct node *root)
{
	bool on_default = false;

	if (!s->no_normalize && !stage_as_written(s))
		set_text(s->a, root, "name", s->project_name, root->pos);
	keep_values(s, root);
	if (s->no_normalize)
		return;
	tree_each(tree_map(root, "services"), p) {
		if (p->value->kind != NODE_MAP)
			continue;
		normal_build(s, p->value);
		normal_pull_policy(s, p->value);
		normal_mounts(s, p->value);
		implied(s, p->value);
		on_default |= join_default(s, p->value, p->key_pos);
	}
	if (on_default)
		declare_default(s, root);
	name_all(s, root);
}
