/* network.c - bridges, host ends of containers' interfaces, rules and addresses: each belongs to a record, each record has its own. */
#include "check.h"

#include <string.h>

#include "../../netdrv/net.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

static bool is_kind(const json_t *l, const char *kind)
{
	return str_eq(jx_str(l, "kind"), kind);
}

static bool of_project(const json_t *l, const struct patient *p)
{
	return str_eq(jx_str(l, "project"), p->name);
}

static bool has_network(const struct doctor *d, const char *name)
{
	const json_t *n;
	size_t i;

	json_array_foreach(d->nets, i, n)
		if (str_eq(jx_str(n, "name"), name))
			return true;
	return false;
}

static size_t networks_of(const struct doctor *d, const struct patient *p)
{
	const json_t *n;
	size_t i, count = 0;

	json_array_foreach(d->nets, i, n)
		count += of_project(n, p);
	return count;
}

/* ------------------------------------------------------------------ too much */

static void look_links(struct doctor *d, const struct patient *p)
{
	const json_t *l;
	size_t i;

	json_array_foreach(d->links, i, l) {
		const char *name = jx_str(l, "name"), *of = jx_str(l, "of");

		if (!of_project(l, p))
			continue;
		if (is_kind(l, "bridge") && !has_network(d, of))
			amiss(d, name, "bridge '%s' of network '%s', which there is no record of", name, of);
		else if (is_kind(l, "veth") && !record_of(p, of))
			amiss(d, name, "interface '%s' of container '%s-%s', which there is no record of", name, p->name, of);
		else if (is_kind(l, "table") && !networks_of(d, p) && !p->w.units.n)
			amiss(d, name, "nftables table '%s' of project '%s', which has neither networks nor containers", name, p->name);
	}
}

static void look_strangers(struct doctor *d)
{
	const json_t *l;
	size_t i;

	if (d->only)
		return;
	json_array_foreach(d->links, i, l)
		if (!patient_called(d, jx_str(l, "project")))
			amiss(d, jx_str(l, "name"), "%s '%s' of project '%s', which there is no record of", jx_str(l, "kind"), jx_str(l, "name"),
			      jx_str(l, "project"));
}

static void look_leases(struct doctor *d, const struct patient *p)
{
	auto_free char *prefix = xasprintf("%s/", p->name);
	const json_t *n;
	size_t i;

	json_array_foreach(d->nets, i, n) {
		const char *who;
		const json_t *addr;

		json_object_foreach(jx_obj(n, "addrs"), who, addr)
			if (str_starts(who, prefix) && !record_of(p, who + strlen(prefix)))
				amiss(d, jx_str(n, "name"), "address %s is leased to '%s', which there is no record of", json_string_value(addr), who);
		if (of_project(n, p) && p->p.state_fd < 0)
			amiss(d, jx_str(n, "name"), "network '%s' is in the address book, but its project '%s' is gone", jx_str(n, "name"), p->name);
	}
}

static void look_books(struct doctor *d)
{
	const json_t *n;
	size_t i;

	if (d->only)
		return;
	json_array_foreach(d->nets, i, n)
		if (!patient_called(d, jx_str(n, "project")))
			amiss(d, jx_str(n, "name"), "network '%s' is in the address book, but its project '%s' is gone", jx_str(n, "name"),
			      jx_str(n, "project"));
}

/* ------------------------------------------------------------------ too little */

static size_t links_of(const struct doctor *d, const struct patient *p, const char *slot)
{
	const json_t *l;
	size_t i, n = 0;

	json_array_foreach(d->links, i, l)
		n += is_kind(l, "veth") && of_project(l, p) && str_eq(jx_str(l, "of"), slot) && jx_bool(l, "up", false) &&
		     jx_bool(l, "bridged", false);
	return n;
}

static void look_wires(struct doctor *d, const struct patient *p)
{
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		size_t n = links_of(d, p, r->slot);
		if (rec_is(r, "running") && unit_rec_alive(r) && n != r->n_addrs)
			amiss(d, r->slot, "container '%s' has %zu addresses and %zu interfaces that are up and on a bridge", r->name, r->n_addrs, n);
	}
}

static void look_bridges(struct doctor *d, const struct patient *p)
{
	const json_t *l;
	size_t i;

	json_array_foreach(d->links, i, l)
		if (is_kind(l, "bridge") && of_project(l, p) && !jx_bool(l, "up", false))
			amiss(d, jx_str(l, "name"), "bridge '%s' of network '%s' is down", jx_str(l, "name"), jx_str(l, "of"));
}

static bool has_rules(const struct doctor *d, const struct patient *p)
{
	const json_t *l;
	size_t i;

	json_array_foreach(d->links, i, l)
		if (is_kind(l, "table") && of_project(l, p) && jx_int(l, "rules", 0) > 0)
			return true;
	return false;
}

static void look_rules(struct doctor *d, const struct patient *p)
{
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		if (rec_is(r, "running") && r->n_ports && r->n_addrs && !has_rules(d, p)) {
			amiss(d, p->name, "container '%s' publishes ports, but project '%s' has no rules in an nftables table", r->name, p->name);
			return;
		}
	}
}

const struct check network_checks[] = {
	{ "links", look_links, look_strangers, "its subnet may be in the way of others", "'davit -p NAME down'; or 'ip link delete', 'nft delete table inet'" },
	{ "leases", look_leases, look_books, "addresses and subnets run out", "'davit -p NAME down', or remove the file of that name in STATE/networks" },
	{ "wires", look_wires, NULL, "it cannot be reached under each of its names", "'davit -p NAME restart SERVICE'; if that is no help, '--force-recreate'" },
	{ "bridges", look_bridges, NULL, "nobody on it reaches anybody", "'ip link set BRIDGE up', and find out who took it down" },
	{ "rules", look_rules, NULL, "nobody outside reaches what is published", "kill the supervisor: the next one makes the rules anew" },
	{ 0 }
};
