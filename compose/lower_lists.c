/* lower_lists.c - the lists of a service. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/map.h"
#include "../src/util/str.h"
#include "lower.h"
#include "val.h"

static void low_port(struct lower *l, struct port *p, const struct node *n)
{
	const char *published = tree_str(n, "published"), *protocol = tree_str(n, "protocol");
	char *why;

	p->pos = n->pos;
	p->name = low_str(l, n, "name");
	p->app_protocol = low_str(l, n, "app_protocol");
	p->host_ip = low_str(l, n, "host_ip");
	p->target = (unsigned)low_int(n, "target", 0);
	p->protocol = val_protocol(l->a, protocol ? protocol : "tcp");
	p->mode = low_str(l, n, "mode");
	if (published &&
		val_port_range(l->a, published, "host port", &p->published_min, &p->published_max, &why) == 0)
		p->published = true;
}

static const char *port_identity(struct lower *l, const struct port *p)
{
	return arena_printf(l->a, "%s|%u-%u|%u|%s", p->host_ip ? p->host_ip : "", p->published_min,
		p->published_max, p->target, p->protocol);
}

/* The reference keeps `published: 80` and `published: "80"` apart, where one is in the way of the other. */
void low_ports(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *seq = tree_seq(n, "ports");
	struct map seen = MAP_INIT;

	svc->ports = low_array(l, seq, sizeof *svc->ports);
	tree_items(seq, it) {
		struct port *p = &svc->ports[svc->n_ports];
		const struct node *at;

		if ((*it)->kind != NODE_MAP || val_port_trouble(l->a, *it, &at))
			continue;
		low_port(l, p, *it);
		if (!map_get(&seen, port_identity(l, p))) {
			map_set(&seen, port_identity(l, p), p);
			svc->n_ports++;
		}
	}
	map_done(&seen, NULL);
}

/* ------------------------------------------------------------------ mounts */

static enum mount_type mount_type(const char *type)
{
	static const char *const names[] = {
		[MOUNT_BIND] = "bind",
		[MOUNT_VOLUME] = "volume",
		[MOUNT_TMPFS] = "tmpfs",
		[MOUNT_IMAGE] = "image",
		[MOUNT_CLUSTER] = "cluster",
		[MOUNT_NPIPE] = "npipe",
	};

	for (size_t i = 0; type && i < sizeof names / sizeof *names; i++)
		if (STREQ(names[i], type))
			return (enum mount_type)i;
	return MOUNT_VOLUME;
}

/* What the user means by "v:/data"; check said so. */
static void low_letter_mount(struct mount *m, const struct val_mount *letter)
{
	m->type = MOUNT_VOLUME;
	m->source = letter->source;
	m->target = letter->target;
	m->read_only = letter->read_only;
	m->nocopy = letter->nocopy;
	m->propagation = letter->propagation;
	m->selinux = letter->selinux;
	m->tmpfs_bytes = m->tmpfs_mode = -1;
}

static void low_mount(struct lower *l, struct mount *m, const struct node *n)
{
	const struct node *bind = tree_map(n, "bind"), *volume = tree_map(n, "volume"),
			  *tmpfs = tree_map(n, "tmpfs");
	const char *recursive = tree_str(bind, "recursive"), *type = tree_str(n, "type");
	struct val_mount letter;

	m->pos = n->pos;
	if (type && val_letter_mount(l->a, type, tree_str(n, "source"), tree_str(n, "target"), &letter)) {
		low_letter_mount(m, &letter);
		return;
	}
	m->type = mount_type(type);
	m->source = low_str(l, n, "source");
	m->target = low_str(l, n, "target");
	m->read_only = tree_true(n, "read_only");
	m->consistency = low_str(l, n, "consistency");
	m->propagation = low_str(l, bind, "propagation");
	m->create_host_path = tree_true(bind, "create_host_path");
	m->selinux = low_str(l, bind, "selinux");
	m->recursive_disabled = recursive && STREQ(recursive, "disabled");
	m->nocopy = tree_true(volume, "nocopy");
	m->subpath = low_str(l, volume, "subpath");
	if (m->type == MOUNT_IMAGE)
		m->subpath = low_str(l, tree_map(n, "image"), "subpath");
	m->tmpfs_bytes = low_bytes(tmpfs, "size", -1);
	m->tmpfs_mode = low_int(tmpfs, "mode", -1);
}

void low_mounts(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *seq = tree_seq(n, "volumes");

	svc->mounts = low_array(l, seq, sizeof *svc->mounts);
	tree_items(seq, it)
		if ((*it)->kind == NODE_MAP)
			low_mount(l, &svc->mounts[svc->n_mounts++], *it);
}

/* ------------------------------------------------------------------ networks */

static int by_priority(const void *a, const void *b)
{
	const struct service_network *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

void low_networks(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *map = tree_map(n, "networks");

	svc->networks = low_array(l, map, sizeof *svc->networks);
	tree_each(map, p) {
		struct service_network *net = &svc->networks[svc->n_networks++];
		const struct node *v = p->value->kind == NODE_MAP ? p->value : NULL;

		net->pos = p->key_pos;
		net->network = arena_strdup(l->a, p->key);
		net->aliases = low_strv(l, v, "aliases");
		net->ipv4_address = low_str(l, v, "ipv4_address");
		net->ipv6_address = low_str(l, v, "ipv6_address");
		net->mac_address = low_str(l, v, "mac_address");
		net->interface_name = low_str(l, v, "interface_name");
		net->link_local_ips = low_strv(l, v, "link_local_ips");
		net->driver_opts = low_kvs(l, v, "driver_opts");
		net->priority = low_num(v, "priority", 0);
		net->gw_priority = low_num(v, "gw_priority", 0);
	}
	if (svc->n_networks)
		qsort(svc->networks, svc->n_networks, sizeof *svc->networks, by_priority);
}

/* ------------------------------------------------------------------ dependencies */

static enum dep_condition condition(const char *text)
{
	if (text && STREQ(text, "service_healthy"))
		return DEP_HEALTHY;
	return text && STREQ(text, "service_completed_successfully") ? DEP_COMPLETED : DEP_STARTED;
}

static int by_service(const void *a, const void *b)
{
	return strcmp(((const struct dependency *)a)->service, ((const struct dependency *)b)->service);
}

void low_dependencies(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *map = tree_map(n, "depends_on");

	svc->depends_on = low_array(l, map, sizeof *svc->depends_on);
	tree_each(map, p) {
		struct dependency *dep = &svc->depends_on[svc->n_depends_on++];

		dep->pos = p->key_pos;
		dep->service = arena_strdup(l->a, p->key);
		dep->condition = condition(tree_str(p->value, "condition"));
		dep->restart = tree_true(p->value, "restart");
		dep->required = low_tri(p->value, "required") != TRI_NO;
	}
	if (svc->n_depends_on)
		qsort(svc->depends_on, svc->n_depends_on, sizeof *svc->depends_on, by_service);
}

/* ------------------------------------------------------------------ configs, secrets, hosts, devices,
 * ulimits */

void low_file_refs(
	struct lower *l, struct file_ref **ret, size_t *ret_n, const struct node *n, const char *key)
{
	const struct node *seq = tree_seq(n, key);

	*ret = low_array(l, seq, sizeof **ret);
	*ret_n = 0;
	tree_items(seq, it) {
		struct file_ref *r = &(*ret)[(*ret_n)++];
		const char *mode = tree_str(*it, "mode");

		r->pos = (*it)->pos;
		r->source = low_str(l, *it, "source");
		r->target = low_str(l, *it, "target");
		r->uid = low_str(l, *it, "uid");
		r->gid = low_str(l, *it, "gid");
		if (!mode || val_mode(mode, &r->mode) < 0)
			r->mode = -1;
	}
}

void low_hosts(struct lower *l, struct host_entry **ret, size_t *ret_n, const struct node *n)
{
	const struct node *seq = tree_seq(n, "extra_hosts");

	*ret = low_array(l, seq, sizeof **ret);
	*ret_n = 0;
	tree_items(seq, it) {
		const char *eq = (*it)->kind == NODE_STR ? strchr((*it)->text, '=') : NULL;

		if (!eq)
			continue;
		(*ret)[(*ret_n)++] = (struct host_entry){
			.host = arena_strndup(l->a, (*it)->text, (size_t)(eq - (*it)->text)),
			.ip = arena_strdup(l->a, eq + 1)
		};
	}
}

void low_devices(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *seq = tree_seq(n, "devices");

	svc->devices = low_array(l, seq, sizeof *svc->devices);
	tree_items(seq, it) {
		struct device *d = &svc->devices[svc->n_devices];

		d->source = low_str(l, *it, "source");
		if (!d->source)
			continue;
		svc->n_devices++;
		d->target = tree_str(*it, "target") ? low_str(l, *it, "target") : d->source;
		d->permissions = tree_str(*it, "permissions") ? low_str(l, *it, "permissions")
							      : arena_strdup(l->a, "rwm");
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ulimit *)a)->name, ((const struct ulimit *)b)->name);
}

void low_ulimits(struct lower *l, struct ulimit **ret, size_t *ret_n, const struct node *n)
{
	const struct node *map = tree_map(n, "ulimits");

	*ret = low_array(l, map, sizeof **ret);
	*ret_n = 0;
	tree_each(map, p) {
		struct ulimit *u = &(*ret)[(*ret_n)++];

		u->name = arena_strdup(l->a, p->key);
		if (p->value->kind == NODE_INT) {
			u->soft = u->hard = p->value->i;
		} else {
			u->soft = low_int(p->value, "soft", 0);
			u->hard = low_int(p->value, "hard", 0);
		}
	}
	if (*ret_n)
		qsort(*ret, *ret_n, sizeof **ret, by_name);
}

/* ------------------------------------------------------------------ hooks */

static void low_hook(struct lower *l, struct hook *h, const struct node *n)
{
	h->pos = n->pos;
	h->command = low_strv(l, n, "command");
	h->image = low_str(l, n, "image");
	h->user = low_str(l, n, "user");
	h->working_dir = low_str(l, n, "working_dir");
	h->environment = low_kvs(l, n, "environment");
	h->privileged = tree_true(n, "privileged");
	h->per_replica = tree_true(n, "per_replica");
}

void low_hooks(struct lower *l, struct hook **ret, size_t *ret_n, const struct node *n, const char *key)
{
	const struct node *seq = tree_seq(n, key);

	*ret = low_array(l, seq, sizeof **ret);
	*ret_n = 0;
	tree_items(seq, it)
		low_hook(l, &(*ret)[(*ret_n)++], *it);
}

/* ------------------------------------------------------------------ develop.watch */

static enum watch_action watch_action(const char *word)
{
	static const char *const words[] = { [WATCH_REBUILD] = "rebuild", [WATCH_SYNC] = "sync", [WATCH_RESTART] = "restart",
					     [WATCH_SYNC_RESTART] = "sync+restart", [WATCH_SYNC_EXEC] = "sync+exec" };

	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (STREQ(words[i], word))
			return (enum watch_action)i;
	return WATCH_REBUILD;
}

void low_watch(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *seq = tree_seq(tree_map(n, "develop"), "watch");

	svc->watch = low_array(l, seq, sizeof *svc->watch);
	tree_items(seq, it) {
		struct watch_rule *w = &svc->watch[svc->n_watch++];
		const struct node *exec = tree_map(*it, "exec");

		w->pos = (*it)->pos;
		w->action = watch_action(tree_str(*it, "action"));
		w->path = low_str(l, *it, "path");
		w->target = low_str(l, *it, "target");
		w->include = low_strv(l, *it, "include");
		w->ignore = low_strv(l, *it, "ignore");
		w->initial_sync = tree_true(*it, "initial_sync");
		if (exec)
			low_hook(l, &w->exec, exec);
	}
}
