/* Slots, made or mended. How it works, in five passes over all of them:
 *
 *  1. each namespace: opened, or made and pinned; inside it the resolver's redirection, a netlink session,
 *     what is there already
 *  2. from the host: all missing veth pairs in one batch, then what can be told only to existing links in
 *     another
 *  3. through each slot's session: addresses, routes, up
 *  4. inside again, only for slots with sysctls of their own: these may name interfaces, which exist only now
 *  5. carriers: what the kernel would do later about them is done before we return
 *
 * Requests of pass 2 are the expensive ones and are joined; the rest costs microseconds. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "net.h"
#include "netns.h"
#include "nls.h"
#include "owner.h"
#include "redirect.h"
#include "veth.h"

struct slot {
	const struct net_slot *want;
	int ns_fd;
	uint64_t ns_inode;
	bool fresh;
	struct nls inner;       /* a session of its namespace */
	struct nls_links there; /* what a slot that was found has inside; empty when fresh */
	bool *made;             /* per attachment: the pair is new and wants its address */
	char alias[OWNER_ALIAS_MAX];
};

struct run {
	int home_fd;
	struct nls host;
	struct nls_links links; /* of the host, before we began */
	struct slot *slots;
	size_t n;
};

static void run_done(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct slot *s = &r->slots[i];
		if (s->ns_fd >= 0)
			close(s->ns_fd);
		nls_close(&s->inner);
		nls_links_done(&s->there);
		free(s->made);
	}
	free(r->slots);
	nls_links_done(&r->links);
	nls_close(&r->host);
	if (r->home_fd >= 0)
		close(r->home_fd);
}

static int run_init(struct run *r, const struct net_slot *slots, size_t n, struct err *err)
{
	r->slots = xcalloc(n, sizeof *r->slots);
	r->n = n;
	for (size_t i = 0; i < n; i++) {
		r->slots[i] = (struct slot){ .want = &slots[i], .ns_fd = -1, .inner = NLS_INIT };
		r->slots[i].made = xcalloc(slots[i].n_attach + 1, sizeof(bool));
		owner_slot_alias(slots[i].netns_path, r->slots[i].alias);
	}
	r->home_fd = netns_here(err);
	if (r->home_fd < 0 || nls_open(&r->host, NETLINK_ROUTE, err) < 0)
		return -1;
	return nls_links(&r->host, &r->links, err);
}

/* --- pass 1 --- */

/* Neither the containers nor their neighbours use IPv6 yet; without it no interface waits for duplicate
 * address detection. ::1 stays. */
static int first_sysctls(struct err *err)
{
	if (netns_sysctl("net.ipv6.conf.default.disable_ipv6", "1", err) < 0)
		return -1;
	return netns_sysctl("net.ipv6.conf.default.accept_ra", "0", err) < 0 ? -1 : 0;
}

static int open_inside(struct slot *s, struct err *err)
{
	struct stat st;
	if (fstat(s->ns_fd, &st) < 0)
		return err_sys(err, errno, "look at the network namespace");
	s->ns_inode = st.st_ino;
	if (s->fresh ? first_sysctls(err) < 0 : netns_enter(s->ns_fd, err) < 0)
		return -1;
	if (nls_open(&s->inner, NETLINK_ROUTE, err) < 0)
		return -1;
	if (!s->fresh && nls_links(&s->inner, &s->there, err) < 0)
		return -1;
	if (s->want->dns_port_udp || s->want->dns_port_tcp)
		return redirect_install(s->fresh, s->want->dns_port_udp, s->want->dns_port_tcp, err);
	return 0;
}

static int open_slot(struct slot *s, struct err *err)
{
	int r = netns_open(s->want->netns_path, &s->ns_fd, err);
	if (r < 0)
		return -1;
	s->fresh = r == 1;
	if (s->fresh && netns_new(s->want->netns_path, &s->ns_fd, err) < 0)
		return -1;
	return open_inside(s, err);
}

static int pass_open(struct run *r, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (open_slot(&r->slots[i], err) < 0)
			rc = err_wrap(err, "slot '%s'", owner_slot(r->slots[i].want->netns_path));
	netns_back(r->home_fd);
	return rc;
}

/* --- pass 2 --- */

static bool wants_link(const struct slot *s, const char *name)
{
	for (size_t i = 0; i < s->want->n_attach; i++) {
		char wanted[NET_IFNAMSIZ];
		veth_name(s->want->netns_path, s->ns_inode, s->want->attach[i].ifname, wanted);
		if (STREQ(wanted, name))
			return true;
	}
	return false;
}

/* Host ends of the slot that nobody asks for any more: of a network that it left, or of an earlier namespace
 * that somebody still holds. One without a bridge belongs to a namespace that the kernel is taking apart, and
 * goes by itself. */
static void drop_unwanted(struct run *r, const struct slot *s)
{
	for (size_t i = 0; i < r->links.n; i++) {
		const struct nls_link *l = &r->links.v[i];
		if (l->master && l->alias && STREQ(l->alias, s->alias) && !wants_link(s, l->name))
			veth_queue_drop(&r->host, l->index, l->name);
	}
}

/* 1: the pair is as wanted (but for its port of the bridge), 0: not there, or removed because it is wrong. */
static int keep_pair(struct run *r, struct slot *s, const struct net_attach *a, const struct nls_link *host,
	struct err *err)
{
	const struct nls_link *inner = nls_link_find(&s->there, a->ifname);
	int right = host && inner && inner->peer == host->index && inner->up &&
	            memcmp(inner->mac, a->mac, sizeof a->mac) == 0 &&
	            (!a->net->mtu || inner->mtu == a->net->mtu);
	if (right)
		right = veth_has_address(&s->inner, a, inner->index, err);
	if (right != 0)
		return right;
	if (host)
		veth_queue_drop(&r->host, host->index, host->name);
	else if (inner)
		veth_queue_drop(&s->inner, inner->index, inner->name);
	return 0;
}

static int attach_one(
	struct run *r, struct slot *s, size_t nth, char name[static NET_IFNAMSIZ], struct err *err)
{
	const struct net_attach *a = &s->want->attach[nth];
	const struct nls_link *bridge = nls_link_find(&r->links, a->net->bridge);
	if (!bridge)
		return err_set(err, ERR_NOT_FOUND, "bridge '%s' of network '%s' is not there", a->net->bridge,
			a->net->name);
	veth_name(s->want->netns_path, s->ns_inode, a->ifname, name);
	const struct nls_link *host = nls_link_find(&r->links, name);
	int keep = s->fresh && !host ? 0 : keep_pair(r, s, a, host, err);
	if (keep < 0 || nls_flush(&s->inner, err) < 0)
		return -1;
	if (keep && host->master == bridge->index && host->up)
		return 0;
	s->made[nth] = !keep;
	if (keep) {
		veth_queue_master(&r->host, name, bridge->index);
	} else {
		char project[OWNER_ALIAS_MAX];
		owner_project(s->alias, project, sizeof project);
		veth_queue_make(&r->host, name, a, bridge->index, s->ns_fd, project);
	}
	return 1;
}

/* Queues the making of all pairs, flushes, and queues what existing links are told. */
static int pass_attach(struct run *r, struct err *err)
{
	struct nls then = { .fd = -1 };
	int rc = 0;
	for (size_t i = 0; i < r->n && rc == 0; i++) {
		struct slot *s = &r->slots[i];
		drop_unwanted(r, s);
		for (size_t k = 0; k < s->want->n_attach && rc == 0; k++) {
			char name[NET_IFNAMSIZ];
			int todo = attach_one(r, s, k, name, err);
			if (todo < 0)
				rc = err_wrap(err, "slot '%s'", owner_slot(s->want->netns_path));
			else if (todo)
				veth_queue_set(&then, name, s->alias);
		}
	}
	if (rc == 0)
		rc = nls_flush(&r->host, err);
	if (rc == 0) {
		then.fd = r->host.fd;
		then.seq = r->host.seq;
		rc = nls_flush(&then, err);
		r->host.seq = then.seq;
		then.fd = -1;
	}
	nls_close(&then);
	return rc;
}

/* --- passes 3 and 4 --- */

static int address_slot(struct slot *s, struct err *err)
{
	bool any = s->fresh;
	for (size_t k = 0; k < s->want->n_attach; k++)
		any = any || s->made[k];
	if (!any)
		return 0;
	auto_links struct nls_links now = { 0 };
	if (s->want->n_attach && nls_links(&s->inner, &now, err) < 0)
		return -1;
	veth_queue_lo(&s->inner);
	for (size_t k = 0; k < s->want->n_attach; k++) {
		const struct net_attach *a = &s->want->attach[k];
		const struct nls_link *l = nls_link_find(&now, a->ifname);
		if (!s->made[k])
			continue;
		if (!l)
			return err_set(
				err, ERR_NOT_FOUND, "interface '%s' vanished while it was set up", a->ifname);
		veth_queue_inner(&s->inner, a, l->index);
	}
	return nls_flush(&s->inner, err);
}

static int own_sysctls(struct slot *s, struct err *err)
{
	if (!s->want->n_sysctls)
		return 0;
	if (netns_enter(s->ns_fd, err) < 0)
		return -1;
	for (size_t i = 0; i < s->want->n_sysctls; i++) {
		const struct net_sysctl *c = &s->want->sysctls[i];
		int r = netns_sysctl(c->name, c->value, err);
		if (r == 1)
			return err_set(err, ERR_NOT_FOUND, "this kernel has no sysctl '%s'", c->name);
		if (r < 0)
			return -1;
	}
	return 0;
}

static int pass_inside(struct run *r, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < r->n && rc == 0; i++)
		if (address_slot(&r->slots[i], err) < 0 || own_sysctls(&r->slots[i], err) < 0)
			rc = err_wrap(err, "slot '%s'", owner_slot(r->slots[i].want->netns_path));
	netns_back(r->home_fd);
	return rc;
}

/* --- pass 5 --- */

/* The ports first: it is they that give a bridge its carrier. */
static int pass_settle(struct run *r, struct err *err)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "open a socket");
	const char *bridge = NULL;
	for (int bridges = 0; bridges < 2; bridges++)
		for (size_t i = 0; i < r->n; i++) {
			const struct slot *s = &r->slots[i];
			for (size_t k = 0; k < s->want->n_attach; k++) {
				const struct net_attach *a = &s->want->attach[k];
				char name[NET_IFNAMSIZ];
				veth_name(s->want->netns_path, s->ns_inode, a->ifname, name);
				if (!bridges)
					veth_settle(fd, name);
				else if (!bridge || !STREQ(bridge, a->net->bridge))
					veth_settle(fd, bridge = a->net->bridge);
			}
		}
	return 0;
}

int net_slots_up(const struct net_slot *slots, size_t n, struct err *err)
{
	struct run r = { .home_fd = -1, .host = NLS_INIT };
	int rc = run_init(&r, slots, n, err);
	if (rc == 0)
		rc = pass_open(&r, err);
	if (rc == 0)
		rc = pass_attach(&r, err);
	if (rc == 0)
		rc = pass_inside(&r, err);
	if (rc == 0)
		rc = pass_settle(&r, err);
	run_done(&r);
	return rc;
}

static int redirect_slot(const struct net_slot *slot, struct err *err)
{
	auto_close int ns = -1;
	int r = netns_open(slot->netns_path, &ns, err);
	if (r == 1)
		return err_set(err, ERR_NOT_FOUND, "there is no network namespace at '%s'", slot->netns_path);
	if (r < 0 || netns_enter(ns, err) < 0)
		return -1;
	return redirect_install(false, slot->dns_port_udp, slot->dns_port_tcp, err);
}

int net_slots_resolver(const struct net_slot *slots, size_t n, struct err *err)
{
	auto_close int home = netns_here(err);
	int rc = home < 0 ? -1 : 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		if ((slots[i].dns_port_udp || slots[i].dns_port_tcp) && redirect_slot(&slots[i], err) < 0)
			rc = err_wrap(err, "slot '%s'", owner_slot(slots[i].netns_path));
	if (home >= 0)
		netns_back(home);
	return rc;
}
