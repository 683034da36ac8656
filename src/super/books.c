/* books.c - volumes, networks and addresses that the model asks for: entries in the stores, made in a worker, since their locks may have
 * to be waited for. What comes back is applied here; what the kernel has to make of it is network.c's. */
#include "sup.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* ------------------------------------------------------------------ networks and volumes of the model */

void network_forget_nets(struct super *s)
{
	for (size_t i = 0; i < s->n_nets; i++)
		net_done(&s->nets[i]);
	free(s->nets);
	s->nets = NULL;
	s->n_nets = 0;
}

static int reserve_network(struct super *s, const struct network *n, struct net *ret, struct err *err)
{
	struct net_spec spec = plan_net_spec(s->model, n);

	if (n->driver && *n->driver && !STREQ(n->driver, "bridge") && !STREQ(n->driver, "default")) {
		err_set(err, ERR_INPUT, "network '%s': driver '%s' is not supported", n->key, n->driver);
		return err_hint(err, "davit has the driver 'bridge'");
	}
	if (ipam_network(s->ipam, &spec, ret, err) == 0)
		return 0;
	if (err && err->kind == ERR_EXISTS)
		err_hint(err, "'davit down' removes the one there is; then it can be made anew");
	if (n->external)
		return err_hint(err, "'%s' is external: bring up the project that makes a network of that name first", n->key);
	return err_wrap(err, "network '%s'", n->key);
}

static json_t *kvs_json(const struct kvs *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < l->n; i++)
		jx_set_str(o, l->v[i].key, l->v[i].value ? l->v[i].value : "");
	return o;
}

static int reserve_volume(struct super *s, const struct volume *v, json_t *made, json_t *warnings, struct err *err)
{
	auto_json json_t *labels = kvs_json(&v->labels);
	auto_json json_t *opts = kvs_json(&v->driver_opts);
	auto_free char *foreign = NULL;
	struct vol_spec spec = {
		.name = v->name, .project = s->p.name, .key = v->key, .driver = v->driver,
		.labels = labels, .driver_opts = opts, .external = v->external,
	};
	int r = vol_create(s->volumes, &spec, &foreign, err);

	if (r < 0)
		return err_wrap(err, "volume '%s'", v->key);
	if (r == 0)
		json_array_append_new(made, json_string(v->name));
	if (foreign) {
		auto_free char *msg = xasprintf("volume '%s' was made by %s%s%s", v->name,
						*foreign ? "project '" : "nobody known", foreign, *foreign ? "'" : "");
		json_array_append_new(warnings, json_string(msg));
	}
	return 0;
}

static json_t *net_json(const struct net *n)
{
	return json_pack("{s:s,s:s,s:s?,s:b,s:b,s:I,s:I,s:i,s:i}", "name", n->name, "bridge", n->bridge, "project", n->project,
			 "internal", (int)n->internal, "external", (int)n->external, "subnet", (json_int_t)n->subnet, "gateway",
			 (json_int_t)n->gateway, "prefix", (int)n->prefix, "mtu", (int)n->mtu);
}

static void net_from_json(const json_t *j, struct net *n)
{
	n->name = xstrdup(jx_str(j, "name"));
	n->project = xstrdup(jx_str(j, "project"));
	snprintf(n->bridge, sizeof n->bridge, "%s", jx_str(j, "bridge") ? jx_str(j, "bridge") : "");
	n->internal = jx_bool(j, "internal", false);
	n->external = jx_bool(j, "external", false);
	n->subnet = (uint32_t)jx_int(j, "subnet", 0);
	n->gateway = (uint32_t)jx_int(j, "gateway", 0);
	n->prefix = (uint8_t)jx_int(j, "prefix", 24);
	n->mtu = (unsigned)jx_int(j, "mtu", 0);
}

/* ------------------------------------------------------------------ addresses */

static int by_priority(const void *a, const void *b)
{
	const struct service_network *x = *(const struct service_network *const *)a;
	const struct service_network *y = *(const struct service_network *const *)b;

	if (x->gw_priority != y->gw_priority)
		return x->gw_priority > y->gw_priority ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->network, y->network);
}

static char *lease_name(const struct super *s, const char *slot)
{
	return xasprintf("%s/%s", s->p.name, slot);
}

/* Networks that the service has left: their addresses are free again. */
static void release_left(struct super *s, const struct unit *u, const struct service *svc)
{
	auto_free char *who = lease_name(s, u->rec.slot);

	for (size_t i = 0; i < u->rec.n_addrs; i++) {
		bool stays = false;
		for (size_t k = 0; k < svc->n_networks && !stays; k++) {
			const struct network *n = project_network(s->model, svc->networks[k].network);
			stays = n && STREQ(n->name, u->rec.addrs[i].network);
		}
		if (!stays)
			ipam_release(s->ipam, u->rec.addrs[i].network, who);
	}
}

static void clear_addrs(struct unit *u)
{
	for (size_t i = 0; i < u->rec.n_addrs; i++) {
		free(u->rec.addrs[i].network);
		free(u->rec.addrs[i].mac);
	}
	free(u->rec.addrs);
	u->rec.addrs = NULL;
	u->rec.n_addrs = 0;
}


static int lease_one(struct super *s, const char *slot, const struct service_network *sn, const char *mac, json_t *out,
		     struct err *err)
{
	const struct network *n = project_network(s->model, sn->network);
	auto_free char *who = lease_name(s, slot);
	uint32_t addr;

	if (!n)
		return err_set(err, ERR_NOT_FOUND, "network '%s' is not in the project", sn->network);
	if (ipam_take(s->ipam, n->name, who, sn->ipv4_address, &addr, err) < 0)
		return err_wrap(err, "network '%s'", n->key);
	json_array_append_new(out, json_pack("[s,I,s?]", n->name, (json_int_t)addr, mac));
	return 0;
}

static bool is_bridge_mode(const struct service *svc)
{
	return svc->network_mode && (STREQ(svc->network_mode, "bridge") || STREQ(svc->network_mode, "default"));
}

/* The service's own mac_address is that of its first interface. */
static const char *mac_of(const struct service *svc, const struct service_network *sn, size_t nth)
{
	return sn->mac_address ? sn->mac_address : nth == 0 ? svc->mac_address : NULL;
}

/* network_mode: bridge. Docker's default bridge is the machine's; here it is the project's, and as there nobody has a name on it. */
static int lease_bridge(struct super *s, const char *slot, json_t *out, struct err *err)
{
	auto_free char *name = xasprintf("%s_bridge", s->p.name);
	auto_free char *who = lease_name(s, slot);
	uint32_t addr;

	if (ipam_take(s->ipam, name, who, NULL, &addr, err) < 0)
		return -1;
	json_array_append_new(out, json_pack("[s,I,n]", name, (json_int_t)addr));
	return 0;
}

static int lease(struct super *s, const struct op *op, json_t *leases, struct err *err)
{
	const struct service *svc = project_service(s->model, op->service);
	const struct unit *u = unit_get(s, op->slot);
	const struct service_network **order;
	json_t *out = json_array();

	json_object_set_new(leases, op->slot, out);
	if (!svc)
		return 0;
	if (is_bridge_mode(svc))
		return lease_bridge(s, op->slot, out, err);
	if (u && !unit_rec_way_back(&u->rec) && !plan_has(s->leasing, OP_PARK, op->slot))     /* else there may be a way back */
		release_left(s, u, svc);
	order = xcalloc(svc->n_networks + 1, sizeof *order);
	for (size_t i = 0; i < svc->n_networks; i++)
		order[i] = &svc->networks[i];
	qsort(order, svc->n_networks, sizeof *order, by_priority);
	for (size_t i = 0; i < svc->n_networks; i++)
		if (lease_one(s, op->slot, order[i], mac_of(svc, order[i], i), out, err) < 0)
			return -1;
	return 0;
}

void network_release(struct super *s, struct unit *u)
{
	auto_free char *who = lease_name(s, u->rec.slot);

	for (size_t i = 0; i < u->rec.n_addrs; i++)
		ipam_release(s->ipam, u->rec.addrs[i].network, who);
}

static bool is_planned(const struct plan *p, const char *slot)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == OP_PREPARE && str_eq(p->ops[i].slot, slot))
			return true;
	return false;
}

void network_release_others(struct super *s, bool (*keeps)(struct super *s, const char *slot))
{
	auto_free char *ours = lease_name(s, "");
	auto_json json_t *nets = ipam_list(s->ipam, NULL);
	const json_t *net, *addr;
	const char *who;
	size_t i;

	json_array_foreach(nets, i, net)
		json_object_foreach(jx_obj(net, "addrs"), who, addr)
			if (str_starts(who, ours) && !keeps(s, who + strlen(ours)))
				ipam_release(s->ipam, jx_str(net, "name"), who);
}

/* Else a worker that was killed had taken it for a container that was never made, nor is to be now. */
static bool is_claimed(struct super *s, const char *slot)
{
	const struct unit *u = unit_get(s, slot);

	return (u && (u->rec.id || u->rec.parked)) || is_planned(s->leasing, slot);
}

/* ------------------------------------------------------------------ the worker */

static int reserve_bridge(struct super *s, json_t *nets, struct err *err)
{
	auto_free char *name = xasprintf("%s_bridge", s->p.name);
	struct net_spec spec = { .project = s->p.name, .name = name };
	struct net n = { 0 };
	bool wanted = false;

	for (size_t i = 0; i < s->model->n_services; i++)
		wanted |= is_bridge_mode(&s->model->services[i]);
	if (!wanted)
		return 0;
	if (ipam_network(s->ipam, &spec, &n, err) < 0)
		return err_wrap(err, "network '%s'", name);
	json_array_append_new(nets, net_json(&n));
	net_done(&n);
	return 0;
}

static int write_books(struct super *s, json_t *out, struct err *err)
{
	json_t *nets = json_array(), *made = json_array(), *warnings = json_array(), *leases = json_object();
	const struct project *m = s->model;

	json_object_set_new(out, "nets", nets);
	json_object_set_new(out, "made", made);
	json_object_set_new(out, "warnings", warnings);
	json_object_set_new(out, "leases", leases);
	for (size_t i = 0; i < m->n_networks; i++) {
		struct net n = { 0 };

		if (reserve_network(s, &m->networks[i], &n, err) < 0)
			return -1;
		json_array_append_new(nets, net_json(&n));
		net_done(&n);
	}
	if (reserve_bridge(s, nets, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_volumes && !s->adopting; i++)
		if (reserve_volume(s, &m->volumes[i], made, warnings, err) < 0)
			return -1;
	for (size_t i = 0; s->leasing && i < s->leasing->n; i++) {
		const struct op *op = &s->leasing->ops[i];
		const struct unit *u = op->kind == OP_PREPARE ? unit_get(s, op->slot) : NULL;
		bool restored = op->kind == OP_RESTORE;
		if ((!restored && op->kind != OP_PREPARE) || op->init_of ||
		    (!restored && !plan_makes_anew(s->leasing, op, u ? &u->rec : NULL)) || lease(s, op, leases, err) == 0)
			continue;
		jx_set_str(out, "service", op->service);
		jx_set_str(out, "attr", "networks");
		return -1;
	}
	return 0;
}

/* A failure travels in the result, together with what was made before it. */
static int books_work(void *arg, json_t **ret, struct err *err)
{
	struct super *s = arg;
	struct err why = ERR_INIT;

	*ret = json_object();
	ipam_sweep(s->ipam);             /* of a worker that was killed */
	if (s->leasing)
		network_release_others(s, is_claimed);
	if (write_books(arg, *ret, &why) < 0) {
		jx_set_str(*ret, "failed", err_msg(&why));
		jx_set_str(*ret, "kind", err_kind_str(why.kind));
		jx_set_str(*ret, "hint", why.hint);
	}
	return 0;
}

void network_books(struct super *s, const struct plan *leasing, network_done_fn *done, void *arg)
{
	s->leasing = leasing;
	network_submit(s, books_work, done, arg);
}

/* ------------------------------------------------------------------ what came back */

static void apply_lease(struct super *s, const char *slot, const json_t *addrs)
{
	struct unit *u = unit_get(s, slot);
	const json_t *a;
	size_t i;

	if (!u)
		return;
	clear_addrs(u);
	u->rec.addrs = xcalloc(json_array_size(addrs) + 1, sizeof *u->rec.addrs);
	json_array_foreach(addrs, i, a)
		u->rec.addrs[u->rec.n_addrs++] = (struct unit_addr){
			.network = xstrdup(json_string_value(json_array_get(a, 0))),
			.addr = (uint32_t)json_integer_value(json_array_get(a, 1)),
			.mac = xstrdup(json_string_value(json_array_get(a, 2))),
		};
}

int network_apply_books(struct super *s, const json_t *result, struct strs *new_volumes, struct err *err)
{
	const json_t *nets = jx_arr(result, "nets"), *v;
	const char *slot;
	size_t i;

	network_forget_nets(s);
	s->nets = xcalloc(json_array_size(nets) + 1, sizeof *s->nets);
	json_array_foreach(nets, i, v)
		net_from_json(v, &s->nets[s->n_nets++]);
	json_array_foreach(jx_arr(result, "made"), i, v) {
		super_event(s, EV_VOLUME_CREATE, json_string_value(v), NULL);
		publish_step(s, txn_client(s), "volume", json_string_value(v), NULL, "Created", NULL);
		if (new_volumes)
			strs_add(new_volumes, json_string_value(v));
	}
	json_array_foreach(jx_arr(result, "warnings"), i, v)
		publish_warn(s, NULL, NULL, json_string_value(v));
	json_object_foreach(jx_obj(result, "leases"), slot, v)
		apply_lease(s, slot, v);
	if (!jx_str(result, "failed"))
		return 0;
	err_set(err, err_kind_parse(jx_str(result, "kind")), "%s", jx_str(result, "failed"));
	if (jx_str(result, "hint"))
		err_hint(err, "%s", jx_str(result, "hint"));
	return -1;
}

const char *network_slot_of_container(struct super *s, const char *name)
{
	map_each(&s->units, it) {
		const struct unit *u = it->value;
		if (u->rec.id && (str_eq(u->rec.name, name) || (strlen(name) >= 12 && str_starts(u->rec.id, name))))
			return u->rec.slot;
	}
	return NULL;
}

char *network_joined_slot(struct super *s, const struct service *svc)
{
	const char *mode = svc->network_mode;

	if (mode && str_starts(mode, "service:"))
		return slot_of(s, mode + strlen("service:"), 1);
	if (mode && str_starts(mode, "container:"))
		return xstrdup(network_slot_of_container(s, mode + strlen("container:")));
	return NULL;
}

char *network_netns(struct super *s, const struct service *svc, const char *slot)
{
	auto_free char *joined = network_joined_slot(s, svc);

	if (joined)
		return super_run_path(s, "netns", joined);
	if (svc->network_mode && STREQ(svc->network_mode, "host"))
		return NULL;
	return super_run_path(s, "netns", slot);
}
