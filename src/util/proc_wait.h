/* proc_wait.h - within proc*.c only: waiting for a descriptor, and what every child of ours does first. */
#pragma once

#include <signal.h>

/* 1: readable or at its end, 0: not within timeout_ms (-1: wait), -1: errno. */
int proc_poll(int fd, int timeout_ms);

/* For a fork with all signals blocked: the mask there was is kept in *ret_old, to be set again in the parent. */
void proc_block_signals(sigset_t *ret_old);
/* In the child, when it is ready for them: default dispositions, nothing blocked. */
void proc_clean_signals(void);
