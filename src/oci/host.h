/* host.h - the parts of oci_host() that can be tried on any directory. */
#pragma once

#include <stdbool.h>

#include "oci.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

enum oci_cgroup_mode host_cgroup_mode(int root_fd);
/* Fill only the controllers' fields of *h from a tree of that kind. */
void host_controllers_v2(int root_fd, struct oci_host *h);
void host_controllers_v1(int root_fd, struct oci_host *h);
/* True when the word stands in a list separated by blanks, commas or line ends. */
bool host_word_in(const char *list, const char *word);
