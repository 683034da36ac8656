/* nft.h - libnftables, loaded when a worker needs it: linked, it would cost every davit process its start-up
 * time. */
#pragma once

#include <netinet/in.h> /* before linux/netfilter.h, which has its own copy otherwise */
#include <linux/netfilter.h>
#include <stdbool.h>

#include "../src/util/err.h"

/* Runs nft commands in one transaction, in the namespace the thread is in. (worker) */
int nft_run(const char *commands, struct err *err);
/* Whether the chain exists in a table of this family (NFPROTO_), or just the table when chain is NULL: 1, 0,
 * -1. Asks the kernel for this one alone; libnftables would read everything there is. */
int nft_has(int family, const char *table, const char *chain, struct err *err);
/* The same, and *ret_drop tells whether it is a base chain whose policy is to drop. */
int nft_chain_policy(int family, const char *table, const char *chain, bool *ret_drop, struct err *err);
/* The name of a chain of this table that begins so: 1, *ret is it; 0: there is none, or the list changed while it
 * was read; -1. */
int nft_find_chain(int family, const char *table, const char *prefix, char *ret, size_t size, struct err *err);
