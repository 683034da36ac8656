/* runtime.h - the runtime's command line, apart from running it. */
#pragma once

#include "../util/str.h"
#include "oci.h"

/* What is executed in the place of r->path, NULL: that itself; good until the next call. sealed_drop(): it cannot be executed here. */
const char *sealed_path(const struct oci_runtime *r);
void sealed_drop(struct sealed *x);
void sealed_free(struct sealed *x);

void runtime_argv(const struct oci_call *c, enum oci_cgroup_mode mode, struct strs *argv);
