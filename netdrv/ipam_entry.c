/* ipam_entry.c - one network's entry in the address book, as a value: what it says, and whether it is the one that is asked for. */
#include "ipam_entry.h"

#include <stdio.h>

#include "../src/util/json.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "pool.h"

int entry_pool(const json_t *entry, struct pool *ret, struct err *err)
{
	const char *subnet, *gateway, *range = jx_str(entry, "ip_range");
	if (jx_need_str(entry, "subnet", &subnet, err) < 0 ||
		jx_need_str(entry, "gateway", &gateway, err) < 0 ||
		pool_parse(subnet, gateway, range, ret, err) < 0)
		return err_wrap(err, "network '%s'", jx_str(entry, "name") ? jx_str(entry, "name") : "?");
	return 0;
}

/* Whether the entry that is there is the one that is asked for. */
int entry_matches(const struct net_spec *spec, const json_t *e, struct err *err)
{
	const char *project = jx_str(e, "project");
	if (!str_eq(project, spec->project)) {
		err_set(err, ERR_EXISTS, "network '%s' belongs to project '%s'", spec->name,
			project ? project : "?");
		return err_hint(err, "declare it 'external: true' to use it together");
	}
	struct pool have, want;
	if (!spec->subnet)
		return 0;
	if (entry_pool(e, &have, err) < 0 ||
		pool_parse(spec->subnet, spec->gateway, spec->ip_range, &want, err) < 0)
		return err_wrap(err, "network '%s'", spec->name);
	if (have.subnet == want.subnet && have.prefix == want.prefix && have.gateway == want.gateway &&
		str_eq(jx_str(e, "ip_range"), spec->ip_range))
		return 0;
	return err_set(err, ERR_EXISTS, "network '%s' exists with subnet '%s', gateway '%s'", spec->name,
		jx_str(e, "subnet"), jx_str(e, "gateway"));
}

int entry_net(const json_t *e, bool external, struct net *ret, struct err *err)
{
	struct pool pool;
	const char *bridge;
	if (entry_pool(e, &pool, err) < 0 || jx_need_str(e, "bridge", &bridge, err) < 0)
		return -1;
	*ret = (struct net){
		.name = xstrdup(jx_str(e, "name")),
		.project = xstrdup(jx_str(e, "project")),
		.internal = jx_bool(e, "internal", false),
		.external = external,
		.subnet = pool.subnet,
		.gateway = pool.gateway,
		.prefix = pool.prefix,
		.mtu = (unsigned)jx_int(e, "mtu", 0),
	};
	snprintf(ret->bridge, sizeof ret->bridge, "%s", bridge);
	return 0;
}
