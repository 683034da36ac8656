/* check_values.c - values that contradict each other, or that no form can have. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "check.h"
#include "tree.h"
#include "val.h"

/* A text that has to be there; what was wrong with it was said. */
static bool lacks(const struct node *map, const char *key)
{
	return !tree_str(map, key) && !tree_wrong(map, key);
}

/* ------------------------------------------------------------------ a service against itself */

static const struct node *at_path(const struct node *n, const char *const *keys)
{
	for (; n && *keys; keys++)
		n = n->kind == NODE_MAP ? node_get(n, *keys) : NULL;
	return n;
}

/* Numbers, and sizes, which are digits; 0 for what is absent. */
static double amount(const struct node *n)
{
	if (!n)
		return 0;
	return n->kind == NODE_STR ? strtod(n->text, NULL) : n->kind == NODE_INT ? (double)n->i : n->f;
}

static void report_twins(const struct stage_ctx *s, const char *path, const struct node *own,
	const struct node *other, const char *key, const char *shown)
{
	if (own->wrong || other->wrong)
		return;
	check_error(s, own, path, "'%s' and '%s' have different values", key, shown);
	if (other->kind == NODE_MAP) {
		diag_note(s->d, other->pos, "'%s' is missing here", strrchr(shown, '.') + 1);
		diag_hint(s->d, "say it in one place: '%s'", shown);
	} else {
		diag_note(s->d, other->pos, "'%s' is here", shown);
	}
}

/* A limit of the service and its twin under `deploy` must agree: when it is not 0, and there are limits
 * there, of whatever. */
static void check_twins(const struct stage_ctx *s, const char *name, const struct node *service)
{
	static const struct {
		const char *own, *shown, *sort, *key;
	} twins[] = {
		{ "mem_limit", "deploy.resources.limits.memory", "limits", "memory" },
		{ "mem_reservation", "deploy.resources.reservations.memory", "reservations", "memory" },
		{ "cpus", "deploy.resources.limits.cpus", "limits", "cpus" },
		{ "pids_limit", "deploy.resources.limits.pids", "limits", "pids" },
	};
	const struct node *deploy = tree_map(service, "deploy"), *scale = node_get(service, "scale"),
			  *replicas = deploy ? node_get(deploy, "replicas") : NULL;

	if (scale && replicas && amount(scale) != amount(replicas))
		report_twins(s, check_path(s, "services", name, "scale"), scale, replicas, "scale",
			"deploy.replicas");
	for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
		const struct node *own = node_get(service, twins[i].own),
				  *all = tree_map(tree_map(deploy, "resources"), twins[i].sort),
				  *twin = all ? node_get(all, twins[i].key) : NULL;

		if (all && amount(own) != 0 && amount(own) != amount(twin))
			report_twins(s, check_path(s, "services", name, twins[i].own), own, twin ? twin : all,
				twins[i].own, twins[i].shown);
	}
}

/* What is synchronised goes somewhere. */
static void check_watch(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *rules = tree_seq(tree_map(service, "develop"), "watch");

	for (size_t i = 0; rules && i < rules->n; i++) {
		const struct node *rule = rules->items[i];
		const char *action = tree_str(rule, "action");

		if (!action || STREQ(action, "rebuild") || STREQ(action, "restart") ||
			tree_str(rule, "target") || tree_wrong(rule, "target"))
			continue;
		check_error(s, rule,
			check_path(s, "services", name, arena_printf(s->a, "develop.watch[%zu]", i)),
			"action '%s' needs a 'target'", action);
	}
}

static void check_image(const struct stage_ctx *s, const struct node_pair *p)
{
	const struct node *service = p->value, *build = tree_map(service, "build");
	const char *name = p->key;

	if (lacks(service, "image") && !build && !tree_map(service, "provider")) {
		const struct node at = { .pos = p->key_pos, .span = (unsigned)strlen(name) };

		check_error(s, &at, check_path(s, "services", name, ""),
			"service '%s' has neither an image nor a build", name);
		diag_hint(s->d, "add `image: NAME` or `build: DIRECTORY`");
	}
	if (tree_str(build, "dockerfile") && tree_str(build, "dockerfile_inline"))
		check_error(s, node_get(build, "dockerfile_inline"),
			check_path(s, "services", name, "build.dockerfile_inline"),
			"service '%s': 'dockerfile' and 'dockerfile_inline' exclude each other", name);
}

static void check_platform(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *platform = tree_str_node(service, "platform");
	const struct node *list = tree_seq(tree_map(service, "build"), "platforms");

	if (!platform || !list || !list->n)
		return;
	tree_items(list, it)
		if ((*it)->kind == NODE_STR && STREQ((*it)->text, platform->text))
			return;
	check_error(s, platform, check_path(s, "services", name, "platform"),
		"platform '%s' is not among 'build.platforms'", platform->text);
}

static void check_networking(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *mode = tree_str_node(service, "network_mode"),
			  *nets = tree_map(service, "networks");

	if (mode && *mode->text && nets && nets->n) {
		check_error(s, mode, check_path(s, "services", name, "network_mode"),
			"service '%s': 'network_mode' and 'networks' exclude each other", name);
		diag_note(s->d, nets->pos, "'networks' is here");
	}
}

static void check_test(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *test = tree_seq(tree_map(service, "healthcheck"), "test");
	const char *how = test && test->n && test->items[0]->kind == NODE_STR ? test->items[0]->text : NULL;

	if (!test || !test->n || !how || STREQ(how, "CMD") || STREQ(how, "CMD-SHELL") || STREQ(how, "NONE"))
		return;
	check_error(s, test->items[0], check_path(s, "services", name, "healthcheck.test[0]"),
		"a health check in list form starts with CMD, CMD-SHELL or NONE, not with '%s'", how);
	diag_hint(s->d, "[\"CMD\", \"%s\", …] runs it without a shell", how);
}

/* The reference prints a device without a name, and fails when it comes to make it. */
static void check_device(const struct stage_ctx *s, const char *path, const struct node *device)
{
	const struct node *source = tree_str_node(device, "source");

	if (device->kind != NODE_MAP)
		return;
	if (!node_get(device, "target") && !tree_wrong(device, "target"))
		check_error(s, device, path, "a device needs a 'target'");
	if (source && !*source->text) {
		diag_warn(s->d, device->pos, "a device without a source is left out");
		diag_where(s->d, path, device->origin, device->span);
	}
}

static void check_devices(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *list = tree_seq(service, "devices");
	static const char *const keys[] = { "deploy", "resources", "reservations", "devices", NULL };
	static const char *const shown[] = { "deploy.resources.reservations.devices", "gpus" };
	const struct node *requests[] = { at_path(service, keys), tree_seq(service, "gpus") };

	for (size_t i = 0; list && i < list->n; i++)
		check_device(s, check_path(s, "services", name, arena_printf(s->a, "devices[%zu]", i)),
			list->items[i]);
	for (size_t k = 0; k < 2; k++)
		tree_items(requests[k], r)
			if ((*r)->kind == NODE_MAP && node_get(*r, "count") && node_get(*r, "device_ids"))
				check_error(s, node_get(*r, "device_ids"),
					check_path(s, "services", name,
						arena_printf(s->a, "%s[%td].device_ids", shown[k],
							r - requests[k]->items)),
					"'count' and 'device_ids' exclude each other");
}

/* The reference prints a port that nobody can publish, and fails when it comes to publish it. */
static void check_publishable(const struct stage_ctx *s, const char *path, const struct node *port)
{
	const struct node *at;
	char *why = val_port_trouble(s->a, port, &at);

	if (!why || s->no_interpolate)
		return;
	diag_warn(s->d, at->pos, "%s; it is not published", why);
	diag_where(s->d, path, at->origin, at->span);
}

static void check_port(const struct stage_ctx *s, const char *path, const struct node *port)
{
	const struct node *target = node_get(port, "target"), *ip = tree_str_node(port, "host_ip");

	if (ip && !val_ip(ip->text)) {
		check_error(s, ip, path, "'%s' is no IP address", ip->text);
		if (*ip->text == '[')
			diag_hint(s->d, "leave the brackets out");
	}
	if (!target && !tree_wrong(port, "target"))
		check_error(s, port, path, "a port needs a 'target'");
	else if (target && target->kind == NODE_INT && (target->i < 0 || target->i > UINT32_MAX))
		check_error(s, target, path, "container port %lld is out of range (1-65535)", target->i);
	else if (target)
		check_publishable(s, path, port);
}

static void check_ports(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *list = tree_seq(service, "ports");

	for (size_t i = 0; list && i < list->n; i++)
		if (list->items[i]->kind == NODE_MAP)
			check_port(s, check_path(s, "services", name, arena_printf(s->a, "ports[%zu]", i)),
				list->items[i]);
}

static long long target_of(const struct node *port)
{
	const struct node *n = node_get(port, "target");

	return n && n->kind == NODE_INT ? n->i : 0;
}

static long long replicas_of(const struct node *service)
{
	static const char *const keys[] = { "deploy", "replicas", NULL };
	const struct node *n = node_get(service, "scale");

	if (!n)
		n = at_path(service, keys);
	return n && n->kind == NODE_INT ? n->i : 1;
}

/* With another's network namespace, or none, there is nothing to publish from. */
static void check_ports_reach(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *mode = tree_str_node(service, "network_mode"), *ports = tree_seq(service, "ports");

	if (!mode || !ports || !ports->n || STREQ(mode->text, "bridge") || !*mode->text)
		return;
	diag_warn(s->d, ports->items[0]->pos, "ports are not published with 'network_mode: %s'", mode->text);
	diag_where(s->d, check_path(s, "services", name, "ports"), NULL, 0);
}

/* One host port is for all of the service's containers together; of a range each has one. */
static void check_ports_suffice(const struct stage_ctx *s, const char *name, const struct node *service)
{
	long long replicas = replicas_of(service);

	tree_items(tree_seq(service, "ports"), port) {
		const struct node *published = tree_str_node(*port, "published");
		unsigned min, max;
		char *why;

		if (!published || val_port_range(s->a, published->text, "host port", &min, &max, &why) < 0 ||
			min == max || max - min + 1 >= replicas)
			continue;
		diag_warn(s->d, published->pos,
			"service '%s' is to run %lld times, but has %u host ports for port %lld", name,
			replicas, max - min + 1, target_of(*port));
		diag_where(
			s->d, check_path(s, "services", name, "ports"), published->origin, published->span);
		diag_hint(s->d, "give \"%u-%lld:…\" for one each, or \"%u:…\" for one that is spread over them", min,
			min + replicas - 1, min);
	}
}

static void check_scale(const struct stage_ctx *s, const char *name, const struct node *service)
{
	const struct node *container = tree_str_node(service, "container_name");

	if (container && replicas_of(service) > 1) {
		check_error(s, container, check_path(s, "services", name, "container_name"),
			"service '%s' is to run %lld times, but a container_name can be given to one only",
			name, replicas_of(service));
		diag_hint(s->d, "leave 'container_name' out");
	}
}

void check_service_values(const struct stage_ctx *s, const struct node_pair *p)
{
	const struct node *service = p->value;
	const char *name = p->key;

	if (service->kind != NODE_MAP)
		return;
	check_mounts(s, name, service);
	check_devices(s, name, service);
	check_ports(s, name, service);
	if (!s->no_interpolate)
		check_test(s, name, service);
	if (s->no_consistency)
		return;
	check_image(s, p);
	check_platform(s, name, service);
	check_networking(s, name, service);
	check_twins(s, name, service);
	check_watch(s, name, service);
	check_scale(s, name, service);
	check_ports_reach(s, name, service);
	check_ports_suffice(s, name, service);
}

/* ------------------------------------------------------------------ services against each other */

void check_container_names(const struct stage_ctx *s, const struct node *services)
{
	struct map seen = MAP_INIT; /* container name → the node that says it */

	tree_each(services, p) {
		const struct node *name = tree_str_node(p->value, "container_name"), *first;

		if (!name)
			continue;
		first = map_get(&seen, name->text);
		if (first) {
			check_error(s, name, check_path(s, "services", p->key, "container_name"),
				"container name '%s' is used twice", name->text);
			diag_note(s->d, first->pos, "it is here first");
		} else {
			map_set(&seen, name->text, (void *)name);
		}
	}
	map_done(&seen, NULL);
}

/* The same host port in two services is no error: one of them may never be started. But it cannot work with
 * both. */
static void note_published(
	const struct stage_ctx *s, struct map *seen, const char *service, const struct node *port)
{
	const struct node *published = tree_str_node(port, "published"), *first;
	const char *ip = tree_str(port, "host_ip"), *protocol = tree_str(port, "protocol"), *key;

	if (!published || strchr(published->text, '-') || STREQ(published->text, "0") || !*published->text)
		return;
	key = arena_printf(s->a, "%s|%s|%s", ip ? ip : "", published->text, protocol ? protocol : "tcp");
	first = map_get(seen, key);
	if (!first) {
		map_set(seen, key, (void *)published);
		return;
	}
	diag_warn(s->d, published->pos, "host port %s is published twice", published->text);
	diag_where(s->d, check_path(s, "services", service, "ports"), published->origin, published->span);
	diag_note(s->d, first->pos, "port %s is first published here", published->text);
}

void check_published(const struct stage_ctx *s, const struct node *services)
{
	struct map seen = MAP_INIT; /* "ip|port|protocol" → the node */

	tree_each(services, p)
		tree_items(tree_seq(p->value, "ports"), port)
			if ((*port)->kind == NODE_MAP)
				note_published(s, &seen, p->key, *port);
	map_done(&seen, NULL);
}

/* ------------------------------------------------------------------ networks, volumes, configs, secrets */

/* What is external is described elsewhere. Of volumes only the name may stand here; with networks the
 * reference lets it pass. */
static void check_external(const struct stage_ctx *s, const char *section, const struct node_pair *p)
{
	bool network = STREQ(section, "networks");

	if (!tree_true(p->value, "external"))
		return;
	tree_each(p->value, q) {
		if (STREQ(q->key, "external") || STREQ(q->key, "name") || *q->key == '$' ||
			str_starts(q->key, "x-"))
			continue;
		if (STREQ(q->key, "ipam") && q->value->kind == NODE_MAP && !q->value->n)
			continue;
		if (network)
			diag_warn(s->d, q->key_pos, "network '%s' is external: '%s' has no effect", p->key,
				q->key);
		else
			diag_error(s->d, q->key_pos, "'external' and '%s' exclude each other in volume '%s'",
				q->key, p->key);
		diag_where(s->d, check_path(s, section, p->key, q->key), NULL, (unsigned)strlen(q->key));
	}
}

/* The sources that are given: more than one is an error, beside `external` they have no effect. Returns
 * whether there is one. */
static bool check_sources(
	const struct stage_ctx *s, const char *section, const struct node_pair *p, const char *sort)
{
	static const char *const sources[] = { "file", "environment", "content" };
	const char *first = NULL;

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		const struct node *n = node_get(p->value, sources[i]);
		const char *path = check_path(s, section, p->key, sources[i]);

		if (!n)
			continue;
		if (first) {
			check_error(s, n, path, "%s '%s': '%s' and '%s' exclude each other", sort, p->key,
				first, sources[i]);
		} else if (tree_true(p->value, "external")) {
			diag_warn(s->d, n->pos, "%s '%s' is external: '%s' has no effect", sort, p->key,
				sources[i]);
			diag_where(s->d, path, n->origin, n->span);
		}
		first = sources[i];
	}
	return first != NULL;
}

/* Configs may come from nowhere when they say something of `external`, be it false; of secrets the reference
 * wants a source, even beside a driver. */
static void check_file_object(const struct stage_ctx *s, const char *section, const struct node_pair *p)
{
	bool secret = STREQ(section, "secrets");
	const char *sort = secret ? "secret" : "config";
	bool given = check_sources(s, section, p, sort) || node_get(p->value, "external") ||
		     node_get(p->value, "driver");

	if (secret && !s->no_consistency && !tree_true(p->value, "external"))
		given = node_get(p->value, "file") || tree_str(p->value, "environment") ||
			tree_wrong(p->value, "file") || tree_wrong(p->value, "environment");
	if (!given && !tree_wrong(p->value, "external"))
		check_error(s, p->value, check_path(s, section, p->key, ""),
			"%s '%s' has no source: give it 'file' or 'environment'", sort, p->key);
}

void check_resources(const struct stage_ctx *s, const struct node *root)
{
	static const char *const plain[] = { "networks", "volumes" }, *const files[] = { "configs",
		"secrets" };

	for (size_t i = 0; i < 2; i++) {
		tree_each(tree_map(root, plain[i]), p)
			if (p->value->kind == NODE_MAP)
				check_external(s, plain[i], p);
		tree_each(tree_map(root, files[i]), p)
			if (p->value->kind == NODE_MAP)
				check_file_object(s, files[i], p);
	}
}
