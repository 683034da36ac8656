/* scope.h - the unit of systemd's that a project lives in.
 *
 * On a host that systemd runs, keeper, supervisor and containers do not belong to whoever typed `up` (a login session, another service):
 * they live in a transient scope davit-PROJECT.scope, or, when systemd brought the project up at boot, in davit-PROJECT.service. A scope
 * has no main process, so no death of keeper or supervisor makes systemd end the containers; its cgroup is delegated, so systemd leaves
 * alone what is below it. Where the containers' cgroups are follows from where the supervisor is: cgroup_base() (oci.h). */
#pragma once

#include <stdint.h>

#include "../util/buf.h"
#include "../util/err.h"

enum {
	SCOPE_EXISTS = 2,
	SCOPE_STOP_S = 600,              /* what a scope may take to stop, when the host goes down, before systemd kills what is left */
};

/* Moves the calling process into the project's unit: the one it is in already, the service or the scope when there are processes in it,
 * else a new scope. Takes at most some seconds. 0; SCOPE_NONE: systemd does not run this host, or not in a way that concerns us; -1: it
 * stays where it is, *err says why. */
enum { SCOPE_NONE = 1 };
int scope_enter(const char *project, struct err *err);

/* --- scope_call.c, apart to be tried without systemd --- */
/* Asks on a fresh connection for a scope with this process in it: 0, SCOPE_EXISTS, -1. */
int scope_ask(int fd, const char *unit, uint32_t pid, const char *description, struct err *err);
/* The call alone. */
void scope_message(struct buf *b, const char *unit, uint32_t pid, const char *description);
