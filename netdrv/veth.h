/* veth.h - the pair of interfaces that puts a slot on a bridge.
 *
 * The host's end is "dv" and 12 hex digits of SHA-256 of the pin's path, the inner interface's name and the
 * namespace's inode: it can be found from the pin, and a namespace that the kernel is still taking apart does
 * not stand in its successor's way. */
#pragma once

#include "net.h"
#include "nls.h"

void veth_name(const char *netns_path, uint64_t ns_inode, const char *ifname, char ret[static NET_IFNAMSIZ]);
/* Queues on a session of the host the making of the pair: host end on the bridge, inner end in the namespace.
 */
void veth_queue_make(struct nls *host, const char *name, const struct net_attach *a, int bridge_index,
	int ns_fd, const char *group_of);
/* Moves a host end that is there to another bridge. */
void veth_queue_master(struct nls *host, const char *name, int bridge_index);
/* Queues what can be told only to an existing port of a bridge: alias, hairpin, up. */
void veth_queue_set(struct nls *host, const char *name, const char *alias);
void veth_queue_drop(struct nls *host, int index, const char *name);

/* Queues on a session of the slot's namespace: up, address, routes. index is that of a->ifname there. */
void veth_queue_inner(struct nls *inner, const struct net_attach *a, int index);
void veth_queue_lo(struct nls *inner);
/* Makes the kernel act now on what changed about an interface's carrier. It would do so by itself, in its own
 * time, and drop packets until then: the first connection of a container would wait a second for its
 * repetition. sock_fd: any socket of the namespace. */
void veth_settle(int sock_fd, const char *name);
/* Whether the interface of this index in the slot has the attachment's address. 1: yes, 0: no, -1. */
int veth_has_address(struct nls *inner, const struct net_attach *a, int index, struct err *err);
