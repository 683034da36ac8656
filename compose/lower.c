/* lower.c - the canonical tree becomes struct project. */
#include "lower.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"

/* ------------------------------------------------------------------ top-level elements */

static const struct node *body(const struct node_pair *p)
{
	return p->value->kind == NODE_MAP ? p->value : NULL;
}

static char *name_of(struct lower *l, const struct node_pair *p)
{
	const struct node *given = tree_str_node(p->value, "name");
	char *name;

	if (given && *given->text)
		return arena_strdup(l->a, given->text);
	if (!given || tree_true(p->value, "external"))
		return arena_strdup(l->a, p->key);
	/* the reference prints it so and fails when it comes to make it */
	name = arena_printf(l->a, "%s_%s", l->s->project_name, p->key);
	diag_warn(l->s->d, given->pos, "an empty name: '%s' is used", name);
	diag_where(l->s->d, NULL, given->origin, given->span);
	return name;
}

static void low_ipam(struct lower *l, struct network *net, const struct node *n)
{
	const struct node *seq = tree_seq(tree_map(n, "ipam"), "config");

	net->ipam = low_array(l, seq, sizeof *net->ipam);
	tree_items(seq, it) {
		struct ipam_config *c = &net->ipam[net->n_ipam++];

		c->subnet = low_str(l, *it, "subnet");
		c->gateway = low_str(l, *it, "gateway");
		c->ip_range = low_str(l, *it, "ip_range");
		c->aux_addresses = low_kvs(l, *it, "aux_addresses");
	}
}

static void low_network(struct lower *l, struct network *net, const struct node_pair *p)
{
	const struct node *n = body(p);

	net->key = arena_strdup(l->a, p->key);
	net->name = name_of(l, p);
	net->pos = p->key_pos;
	net->driver = low_str(l, n, "driver");
	net->driver_opts = low_kvs(l, n, "driver_opts");
	net->labels = low_kvs(l, n, "labels");
	net->external = tree_true(n, "external");
	net->internal = tree_true(n, "internal");
	net->attachable = tree_true(n, "attachable");
	net->enable_ipv4 = low_tri(n, "enable_ipv4");
	net->enable_ipv6 = low_tri(n, "enable_ipv6");
	low_ipam(l, net, n);
}

/* Where no driver is named the reference leaves a relative directory as it is, and nobody can mount that. */
static void low_volume_device(struct lower *l, struct volume *v)
{
	struct kv *device = NULL;
	bool bind = false;

	for (size_t i = 0; i < v->driver_opts.n; i++) {
		struct kv *kv = &v->driver_opts.v[i];

		if (STREQ(kv->key, "device"))
			device = kv;
		else if (STREQ(kv->key, "o"))
			bind = kv->value && STREQ(kv->value, "bind");
	}
	if (bind && !v->driver && device && device->value && *device->value && *device->value != '/') {
		auto_free char *path = path_join(l->s->working_dir, device->value);

		device->value = arena_strdup(l->a, path);
	}
}

static void low_volume(struct lower *l, struct volume *v, const struct node_pair *p)
{
	const struct node *n = body(p);

	v->key = arena_strdup(l->a, p->key);
	v->name = name_of(l, p);
	v->pos = p->key_pos;
	v->driver = low_str(l, n, "driver");
	v->driver_opts = low_kvs(l, n, "driver_opts");
	v->labels = low_kvs(l, n, "labels");
	v->external = tree_true(n, "external");
	low_volume_device(l, v);
}

static void low_file_object(struct lower *l, struct file_object *o, const struct node_pair *p)
{
	const struct node *n = body(p), *content = tree_str_node(n, "content");

	o->key = arena_strdup(l->a, p->key);
	o->name = name_of(l, p);
	o->pos = p->key_pos;
	o->file = low_str(l, n, "file");
	o->environment = low_str(l, n, "environment");
	o->digest = low_str(l, n, "$digest");
	o->external = tree_true(n, "external");
	if (!content)
		content = tree_str_node(n, "$value");
	o->content = content ? (char *)content->text : NULL; /* shared, it may be large */
	/* the reference prints such a project and fails when it comes to act on it */
	if (l->s->env && o->environment && !o->content) {
		const struct node *variable = node_get(n, "environment");

		diag_warn(l->s->d, variable->pos, "variable '%s' of '%s' is not set, it will be empty",
			o->environment, o->key);
		diag_where(l->s->d, NULL, variable->origin, variable->span);
	}
}

static int by_first(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every element begins with the text that it is sorted by. */
static_assert(offsetof(struct service, name) == 0, "sorted by name");
static_assert(offsetof(struct network, key) == 0 && offsetof(struct volume, key) == 0, "sorted by key");
static_assert(offsetof(struct file_object, key) == 0, "sorted by key");

#define LOWER_MAP(l, map, list, count, fn)                                                                   \
	do {                                                                                                 \
		const struct node *m_ = (map);                                                               \
		(list) = arena_array((l)->a, (m_ ? m_->n : 0) + 1, sizeof *(list));                          \
		tree_each(m_, p_)                                                                            \
			fn(l, &(list)[(count)++], p_);                                                       \
		if (count)                                                                                   \
			qsort(list, count, sizeof *(list), by_first);                                        \
	} while (0)

/* Those that only mounts of one letter use; see select_letters(). */
static void low_letters(struct lower *l, struct project *p)
{
	const struct node *letters = tree_map(l->root, "$volumes");
	struct volume *all;
	size_t n = p->n_volumes;

	if (!letters)
		return;
	all = arena_array(l->a, n + letters->n, sizeof *all);
	if (n)
		memcpy(all, p->volumes, n * sizeof *all);
	tree_each(letters, q)
		if (!project_volume(p, q->key)) {
			low_volume(l, &all[n], q);
			all[n++].hidden = true;
		}
	p->volumes = all;
	p->n_volumes = n;
	qsort(all, n, sizeof *all, by_first);
}

struct project *lower(
	const struct stage_ctx *s, struct node *root, struct node *disabled, const struct strv *files)
{
	struct project *p = arena_alloc(s->a, sizeof *p);
	struct lower l = { .s = s, .a = s->a, .root = root, .p = p };

	p->arena = s->a;
	p->root = root;
	p->disabled_root = disabled;
	p->raw = s->no_interpolate;
	p->name = arena_strdup(s->a, s->project_name);
	p->working_dir = arena_strdup(s->a, s->working_dir);
	if (files)
		p->files = *files;
	LOWER_MAP(&l, tree_map(root, "networks"), p->networks, p->n_networks, low_network);
	LOWER_MAP(&l, tree_map(root, "volumes"), p->volumes, p->n_volumes, low_volume);
	low_letters(&l, p);
	LOWER_MAP(&l, tree_map(root, "configs"), p->configs, p->n_configs, low_file_object);
	LOWER_MAP(&l, tree_map(root, "secrets"), p->secrets, p->n_secrets, low_file_object);
	LOWER_MAP(&l, tree_map(root, "services"), p->services, p->n_services, low_service);
	LOWER_MAP(&l, disabled, p->disabled, p->n_disabled, low_service);
	return p;
}
