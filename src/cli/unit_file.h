/* unit_file.h - the systemd service that brings a project up with the host and takes it down in order.
 *
 * The name needs no escaping: a project's name is [a-z0-9][a-z0-9_-]*. Source: systemd.service(5), systemd.unit(5), systemd.syntax(7) as
 * of systemd 252. */
#pragma once

#include <stdint.h>

#include "../../compose/model.h"
#include "../util/buf.h"
#include "../util/str.h"

struct unit_file {
	const char *project, *program;   /* absolute path of davit */
	const char *state_dir, *run_dir, *runtime;   /* runtime NULL: the usual one */
	struct strs mounts;              /* absolute paths that must be mounted before */
	int64_t stop_s;                  /* how long everything may take to stop */
};

void unit_file_text(const struct unit_file *u, struct buf *out);
/* Where files of the host are that the project needs: its directory, bind mounts, files of configs and secrets; each once, in order. */
void unit_file_mounts(const struct project *p, struct strs *ret);
/* The longest way through the graph: each service's stop_grace_period (once more for pre_stop hooks) and what killing and cleaning take,
 * dependents before what they depend on. */
int64_t unit_file_stop_s(const struct project *p);
