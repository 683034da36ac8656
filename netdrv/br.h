/* br.h - bridges. Work on a session of NETLINK_ROUTE in the host's namespace, which the thread is in
 * (sysctls). */
#pragma once

#include "net.h"
#include "nls.h"

/* Makes the bridge or mends it: address, MTU, alias, up, sysctls. */
int br_up(struct nls *s, const struct net *n, struct err *err);
/* Deletes it unless it is somebody else's; an absent one is fine. */
int br_down(struct nls *s, const char *bridge, struct err *err);
/* Lets packets of 127.0.0.1 leave through the bridge, for ports published there; a
 * failure is logged. */
void br_route_localnet(const char *bridge);
/* Turns this host into a router unless it is one already. */
int br_forwarding(struct err *err);
