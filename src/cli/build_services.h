/* build_services.h - has the images of services built, and shows what the builders print. */
#pragma once

#include "../build/build.h"
#include "cli.h"

struct building {
	const bool *wanted;              /* one for each of project.services; those without `build` are left out */
	struct build_opts opts;
	bool quiet;                      /* nothing is shown of what goes well */
	char **ids;                      /* NULL, or room for the id of each service, malloc'ed; NULL where none was built */
};
/* 0; 130: interrupted, nothing is left behind; -1. Unchanged images keep their containers: they have the same id. */
int build_services(struct cli *c, const struct building *what, struct err *err);

/* build_prune() on this host. */
int build_cache_prune(struct cli *c, bool all, int64_t *ret_bytes, struct err *err);
