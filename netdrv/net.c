#include "net.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "br.h"
#include "netns.h"
#include "nls.h"
#include "owner.h"

void net_done(struct net *n)
{
	free(n->name);
	free(n->project);
	*n = (struct net){ 0 };
}

int net_up(const struct net *n, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_ROUTE, err) < 0 || br_up(&s, n, err) < 0)
		return err_wrap(err, "network '%s'", n->name);
	return 0;
}

int net_down(const char *bridge, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_ROUTE, err) < 0)
		return -1;
	return br_down(&s, bridge, err);
}

int net_slot_down(const char *netns_path, struct err *err)
{
	if (netns_drop(netns_path, err) < 0)
		return err_wrap(err, "slot '%s'", owner_slot(netns_path));
	return 0;
}

static int drop_pins(const char *netns_dir, struct err *err)
{
	auto_closedir DIR *d = opendir(netns_dir);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, errno, "read '%s'", netns_dir);
	struct dirent *e;
	while ((e = readdir(d))) {
		if (STREQ(e->d_name, ".") || STREQ(e->d_name, ".."))
			continue;
		auto_free char *pin = xasprintf("%s/%s", netns_dir, e->d_name);
		if (netns_drop(pin, err) < 0)
			return -1;
	}
	return 0;
}

static void queue_drop_group(struct nls *s, uint32_t group, const char *project)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nls_msg(RTM_DELLINK, 0, &ifi, sizeof ifi);
	nla_put_u32(msg, IFLA_GROUP, group);
	nls_queue(s, msg, ENODEV, "delete the interfaces of project '%s'", project);
}

static void queue_drop_link(struct nls *s, const struct nls_link *l)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = l->index };
	nls_queue(s, nls_msg(RTM_DELLINK, 0, &ifi, sizeof ifi), ENODEV, "delete '%s'", l->name);
}

/* By its alias or, when its maker was killed before it got one, by the group it was born into; a stranger in
 * our group has another sort of name. */
static bool belongs_to(const struct nls_link *l, const char *project)
{
	if (l->alias && *l->alias)
		return owner_is(l->alias, project);
	return l->group == owner_group(project) && str_starts(l->name, "dv");
}

/* The project's interfaces all at once: deleted singly, each costs a wait for the kernel's grace period. Only
 * when a stranger has put his own into our group (or somebody changed it) they are taken one by one. */
static int drop_links(const char *project, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	auto_links struct nls_links all = { 0 };
	if (nls_open(&s, NETLINK_ROUTE, err) < 0 || nls_links(&s, &all, err) < 0)
		return -1;
	uint32_t group = owner_group(project);
	size_t ours = 0, in_group = 0, both = 0;
	for (size_t i = 0; i < all.n; i++) {
		bool is_ours = belongs_to(&all.v[i], project);
		ours += is_ours;
		in_group += all.v[i].group == group;
		both += is_ours && all.v[i].group == group;
	}
	if (ours && ours == both && in_group == both)
		queue_drop_group(&s, group, project);
	else
		for (size_t i = 0; i < all.n; i++)
			if (belongs_to(&all.v[i], project))
				queue_drop_link(&s, &all.v[i]);
	return nls_flush(&s, err);
}

int net_sweep(const char *netns_dir, const char *project, struct err *err)
{
	if (drop_pins(netns_dir, err) < 0 || drop_links(project, err) < 0)
		return -1;
	return fw_remove(project, err);
}
