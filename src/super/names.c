/* names.c - who is called what, for the resolver: services, container names and aliases, per network, of what runs. */
#include "sup.h"

#include <string.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/mem.h"

static bool answers(const struct unit *u)
{
	return u->have_launch && (u->state == U_RUNNING || u->state == U_STARTING || u->state == U_STOPPING);
}

static const struct launch_net *membership(const struct unit *u, const char *network)
{
	for (size_t i = 0; i < u->launch.n_nets; i++)
		if (STREQ(u->launch.nets[i].network, network))
			return &u->launch.nets[i];
	return NULL;
}

static uint32_t address_in(const struct unit *u, const char *network)
{
	for (size_t i = 0; i < u->rec.n_addrs; i++)
		if (STREQ(u->rec.addrs[i].network, network))
			return u->rec.addrs[i].addr;
	return 0;
}

/* "web", or "web.demo_default" with the network's name behind it. */
static bool same_name(const char *own, const char *network, const char *name)
{
	size_t n = strlen(own);

	return strncasecmp(own, name, n) == 0 && (!name[n] || (name[n] == '.' && strcasecmp(name + n + 1, network) == 0));
}

static bool is_called(const struct launch_net *n, const char *name)
{
	for (size_t i = 0; i < n->names.n; i++)
		if (same_name(n->names.v[i], n->network, name))
			return true;
	return false;
}

/* links: an alias that only this slot knows. */
static const char *through_links(const struct unit *from, const char *name)
{
	for (size_t i = 0; i < from->launch.links.n; i++) {
		const char *l = from->launch.links.v[i], *eq = strchr(l, '=');
		if (eq && strlen(name) == (size_t)(eq - l) && strncasecmp(l, name, (size_t)(eq - l)) == 0)
			return eq + 1;
	}
	return name;
}

static bool have(const uint32_t *addrs, int n, uint32_t addr)
{
	for (int i = 0; i < n; i++)
		if (addrs[i] == addr)
			return true;
	return false;
}

static int lookup_those(void *ctx, const char *slot, const char *name, bool settled, uint32_t *addrs, size_t max)
{
	struct super *s = ctx;
	struct unit *from = unit_get(s, slot);
	bool ours = false;
	int n = 0;

	if (!from)
		return -1;
	name = through_links(from, name);
	for (size_t i = 0; i < from->launch.n_nets; i++) {
		const char *network = from->launch.nets[i].network;
		map_each(&s->units, it) {
			const struct unit *u = it->value;
			const struct launch_net *m = u->have_launch ? membership(u, network) : NULL;
			uint32_t addr = m && is_called(m, name) ? address_in(u, network) : 0;
			if (!addr)
				continue;
			ours = true;
			if (answers(u) && !u->rec.rotation == settled && (size_t)n < max && !have(addrs, n, addr))
				addrs[n++] = addr;
		}
	}
	return ours ? n : -1;
}

/* Who is about to serve, or does no longer, is named when there is nobody else. */
static int lookup(void *ctx, const char *slot, const char *name, uint32_t *addrs, size_t max)
{
	int n = lookup_those(ctx, slot, name, true, addrs, max);

	return n ? n : lookup_those(ctx, slot, name, false, addrs, max);
}

static const char *reverse(void *ctx, const char *slot, uint32_t addr)
{
	struct super *s = ctx;

	map_each(&s->units, it) {
		const struct unit *u = it->value;
		for (size_t i = 0; i < u->rec.n_addrs; i++)
			if (u->rec.addrs[i].addr == addr && answers(u))
				return u->rec.name;
	}
	return NULL;
}

const struct dns_ops names_ops = { .lookup = lookup, .reverse = reverse };
