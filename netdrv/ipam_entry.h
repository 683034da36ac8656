/* ipam_entry.h - private to netdrv: entries of the address book (ipam.c says how they look). */
#pragma once

#include <jansson.h>

#include "net.h"

struct pool;
int entry_pool(const json_t *entry, struct pool *ret, struct err *err);
/* 0, or ERR_EXISTS: it is another project's, or of another subnet. */
int entry_matches(const struct net_spec *spec, const json_t *e, struct err *err);
int entry_net(const json_t *e, bool external, struct net *ret, struct err *err);
