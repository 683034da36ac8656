/* dev_sync.h - changed files of the host go into the containers of a service, removed ones are removed there. */
#pragma once

#include "cli.h"

struct dev_file {
	char *host, *target; /* where it is, or was, and where it is in the container; owned */
	bool top;            /* it is what the rule names: nothing but this file goes when it has gone */
};
struct dev_files {
	const char *service; /* borrowed */
	struct dev_file *v;
	size_t n, cap;
};
void dev_files_done(struct dev_files *l);
/* Into all containers of the service. In a child, which may mount what it needs. What failed is told, with the first reason; the rest is done.
 * 0, or -1 when nothing could be done. */
int dev_sync(struct cli *c, const struct dev_files *files, struct err *err);
