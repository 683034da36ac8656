/* container_root.h - the files of a container, seen from outside: nothing of the container's is run for it.
 *
 * While it runs (or is paused) its root is /proc/PID/root, opened after a pidfd has shown that PID is still the process of its record: with
 * its volumes, configs and tmpfs, as its processes see them. Else its layers are mounted in a mount namespace of this process's own, with
 * what its bundle mounts from the host; these mounts are gone when this process is. */
#pragma once

#include "../copy/copy.h"
#include "cli.h"

struct container_root {
	int fd;
	char *label;                 /* "web:" for messages */
	bool own_mounts;             /* this process has left the mount namespace that it came from */
};

/* As its processes see it, or would. */
int container_root_open(struct cli *c, const struct unit_rec *r, struct container_root *ret, struct err *err);
/* Its image and what it has changed, without anything that is mounted there. */
int container_layers_open(struct cli *c, const struct unit_rec *r, struct container_root *ret, struct err *err);
void container_root_done(struct container_root *root);
