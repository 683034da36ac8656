/* run.h - what cmd_run.c and run_describe.c share: the options of `run`, and what they come to. */
#pragma once

#include <jansson.h>

#include "cli.h"

struct run_opts {
	bool detach, rm, build, no_deps, service_ports, remove_orphans, use_aliases, interactive, tty, no_tty;
	bool quiet, quiet_build, quiet_pull;
	struct strs env, env_files, volumes, ports, labels, cap_add, cap_drop;
	const char *entrypoint, *user, *workdir, *name, *pull;
	char *const *command;            /* what follows the service's name; borrowed */
	size_t n_command;
};

/* Whether the container gets a terminal: that of ours when both ends are one, unless the options say otherwise. */
bool run_has_tty(const struct run_opts *o, const struct service *svc);
/* What is different about the container (super/run.h), with a new slot and name. New reference; NULL with *err. */
json_t *run_describe(struct cli *c, const struct run_opts *o, const struct service *svc, struct err *err);
