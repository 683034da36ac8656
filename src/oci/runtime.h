/* runtime.h - the runtime's command line, apart from running it. */
#pragma once

#include "../util/str.h"
#include "oci.h"

void runtime_argv(const struct oci_call *c, enum oci_cgroup_mode mode, struct strs *argv);
