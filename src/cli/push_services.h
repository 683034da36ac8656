/* push_services.h - the images that services build go to their registries; for `push` and `build --push`. */
#pragma once

#include "cli.h"

struct pushing {
	const bool *wanted;              /* for each of project.services; those that build no image, or one that nobody has named, are left out */
	bool ignore_failures, quiet, no_verify;
};
/* Failures are printed at their `image:`. 0, CLI_PRINTED or -1. */
int push_services(struct cli *c, const struct pushing *what, struct err *err);
