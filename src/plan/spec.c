/* spec.c - what the model says of networks, as the drivers are asked for it. */
#include "plan.h"

#include <string.h>

static const char *kvs_get(const struct kvs *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

struct net_spec plan_net_spec(const struct project *p, const struct network *n)
{
	const char *mtu = kvs_get(&n->driver_opts, "com.docker.network.driver.mtu");
	struct net_spec spec = {
		.project = p->name, .name = n->name, .internal = n->internal, .external = n->external,
		.bridge_name = kvs_get(&n->driver_opts, "com.docker.network.bridge.name"),
	};

	if (n->n_ipam) {
		spec.subnet = n->ipam[0].subnet;
		spec.gateway = n->ipam[0].gateway;
		spec.ip_range = n->ipam[0].ip_range;
	}
	if (mtu)
		str_uint(mtu, 68, 65535, &spec.mtu);
	return spec;
}

