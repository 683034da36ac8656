/* tool.h - one run of a builder's program, in namespaces of its own: whoever ends it has ended all that it started and undone all that
 * it mounted. */
#pragma once

#include "../util/buf.h"
#include "build.h"

/* The program is argv[0]; stdio is where its output goes, and its standard output instead into ret_out when that is given (at most
 * 16 MiB). Returns the exit status, or -1. It dies with the calling process. For workers: a build takes as long as it takes, so there is no
 * deadline here. Whoever waits for the worker (run.c) is told of Ctrl-C, and kills it, and with it all of this; a process that cannot
 * die, because the kernel holds it, keeps nobody waiting but its own init. */
int tool_run(const struct build_host *host, const struct strs *argv, int out_fd, struct buf *ret_out, struct err *err);
/* The same for clearing up: its output goes nowhere, and it is killed after a minute, with ERR_TIMEOUT that names it. For the command's own
 * process, whose user has pressed Ctrl-C already. */
int tool_clear(const struct build_host *host, const struct strs *argv, struct err *err);
/* The same for what must succeed: -1 names the program's command, words of argv that are no options. */
int tool_must(const struct build_host *host, const struct strs *argv, int out_fd, struct buf *ret_out, struct err *err);
