/* owner.h - how things in the kernel say whose they are.
 *
 * Bridges carry the alias "davit PROJECT NETWORK", the host's ends of slots "davit PROJECT/SLOT"; all of a
 * project are in one interface group, so that they can be deleted with one request. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

#define OWNER_ALIAS_MAX 256

void owner_bridge_alias(const char *project, const char *network, char buf[static OWNER_ALIAS_MAX]);
/* From the pin RUN/projects/PROJECT/netns/SLOT. */
void owner_slot_alias(const char *netns_path, char buf[static OWNER_ALIAS_MAX]);
/* SLOT, borrowed from the path. */
const char *owner_slot(const char *netns_path);
/* True when the alias is one of this project's, bridge or slot; project NULL: any project's. */
bool owner_is(const char *alias, const char *project);
/* Never 0, which is the group of everybody else. */
uint32_t owner_group(const char *project);
/* The project, from an alias; false when it is none of ours. */
bool owner_project(const char *alias, char *ret, size_t size);
