/* conntrack.h - what the kernel remembers of UDP conversations. */
#pragma once

#include "net.h"

/* Forgets conversations with the published UDP ports that do not go where they are published now. A
 * translation is chosen once for each conversation, and a client that never pauses (syslog, a resolver's
 * fixed port) would go on talking to nobody for ever. */
int conntrack_forget(const struct net_publish *ports, size_t n, struct err *err);
