/* helper.h - within src/reg: docker-credential-NAME, as docker-credential-helpers documents its protocol: a verb as argument, the rest
 * on standard input, the answer on standard output. */
#pragma once

#include "creds.h"

/* Each waits at most timeout_ms and then kills it. 1: found, 0: it has none for this server, -1. */
int helper_get(const char *name, const char *server, int timeout_ms, struct reg_creds *ret, struct err *err);
int helper_store(const char *name, const char *server, const struct reg_creds *c, int timeout_ms, struct err *err); /* 0 or -1 */
int helper_erase(const char *name, const char *server, int timeout_ms, struct err *err); /* 1: erased, 0: there were none, -1 */
