/* cgroup.h - the work of cgroup_prepare() and its siblings on any tree, so that it can be tried on one
 * made of plain files. */
#pragma once

#include "oci.h"

int cgroup_prepare_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err);
int cgroup_remove_at(int root_fd, enum oci_cgroup_mode mode, const char *project, struct err *err);
int cgroup_kill_at(int root_fd, enum oci_cgroup_mode mode, const char *path, struct err *err);
