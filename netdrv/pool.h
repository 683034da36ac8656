/* pool.h - subnets: reading them, what overlaps, which is free, which address is next. No files here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../src/util/err.h"

struct pool {
	uint32_t subnet, gateway;
	uint8_t prefix;
	uint32_t first, last; /* of the range that addresses are given from */
};

/* "172.20.0.0/16", gateway and range may be NULL (the first address; all). */
int pool_parse(
	const char *subnet, const char *gateway, const char *ip_range, struct pool *ret, struct err *err);
void pool_subnet_format(const struct pool *p, char buf[static 20]);
bool pool_overlaps(const struct pool *p, uint32_t subnet, uint8_t prefix);
/* In the subnet, and neither its first, its last nor the gateway. */
bool pool_usable(const struct pool *p, uint32_t addr);
/* The lowest one of the range that is not among taken[] (which gets sorted). -1: none. */
int pool_lowest(const struct pool *p, uint32_t *taken, size_t n, uint32_t *ret);

struct subnets {
	struct subnet {
		uint32_t addr;
		uint8_t prefix;
	} * v;
	size_t n, cap;
};
void subnets_add(struct subnets *s, uint32_t addr, uint8_t prefix);
void subnets_done(struct subnets *s);
#define auto_subnets __attribute__((cleanup(subnets_done)))
/* Where this host routes to, but for the default route. */
int subnets_of_host(struct subnets *ret, struct err *err);

/* The first of the default pools that overlaps none of taken. */
int pool_choose(const struct subnets *taken, struct pool *ret, struct err *err);
