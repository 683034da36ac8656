/* self.h - davit runs itself: for commands that consist of others. */
#pragma once

#include <signal.h>

#include "../util/proc.h"
#include "cli.h"

/* With the same options before the command as this one was given. It has our standard output and error, or out_fd for both unless that is -1,
 * nothing to read, and dies with us. env: "NAME=VALUE" that its environment has in front of ours; NULL: none. */
int self_start(const struct cli *c, const struct strs *args, const struct strs *env, int out_fd, struct child *ret, struct err *err);
/* Waits for its end; when *stop is not 0 it is asked to end (SIGINT). Signals that set it are best blocked by the caller: here they are not. The exit status, or -1. */
int self_wait(struct child *child, const volatile sig_atomic_t *stop, struct err *err);
int self_run(const struct cli *c, const struct strs *args, const struct strs *env, const volatile sig_atomic_t *stop, struct err *err);
