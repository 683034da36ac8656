/* nft.h - libnftables, loaded when a worker needs it: linked, it would cost every davit process its start-up time. */
#pragma once

#include "../src/util/err.h"

/* Runs nft commands in one transaction, in the namespace the thread is in. (worker) */
int nft_run(const char *commands, struct err *err);
/* Whether the chain exists in a table of this family (NFPROTO_): 1, 0, -1. Asks the kernel for just this one. */
int nft_has_chain(int family, const char *table, const char *chain, struct err *err);
