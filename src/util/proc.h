/* proc.h - processes: identity, birth, and workers.
 *
 * A pid on disk is worth something only with its start time and the boot it belongs to: struct proc_id. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct proc_id {
	pid_t pid;           /* 0: none */
	uint64_t start;      /* field 22 of /proc/PID/stat, clock ticks since boot */
};

/* This boot's id (/proc/sys/kernel/random/boot_id), 36 characters, cached. */
const char *proc_boot_id(void);
/* 0 and the start time, or -1 when there is no such process. */
int proc_start_time(pid_t pid, uint64_t *ret_start);
/* 0 and *ret with the start time of the living process. */
int proc_identify(pid_t pid, struct proc_id *ret);
/* True when exactly this process exists and is not a zombie. */
bool proc_alive(const struct proc_id *id);
/* A pidfd of exactly this process, or -1 (ESRCH: it is gone or the pid belongs to somebody else by now). */
int proc_pidfd(const struct proc_id *id);
/* Its parent, which an orphan finds anew; 0: there is no such process. */
pid_t proc_parent(pid_t pid);
/* How a process ended that may be anybody's child: 1 with an exit status or 128 + signal; 0: it has not, or was not reaped yet; -1: the
 * kernel does not say (before Linux 6.15). The pidfd must be from before it was reaped. */
int proc_pidfd_ended(int pidfd, int *ret_status);
/* The same of exactly this process while nobody has reaped it: 1 or 0 (it lives, is gone, or we may not know). */
int proc_zombie_ended(const struct proc_id *id, int *ret_status);
int proc_pidfd_signal(int pidfd, int sig);   /* 0 or -1 with errno */

/* Starts a program. The child is born with all signals blocked, then gets default dispositions and an empty mask, stdio as
 * given, every other descriptor closed but those in pass[] (kept at their numbers), and the given environment. */
struct spawn {
	const char *const *argv;          /* argv[0] is looked up in PATH unless it has a slash */
	const char *file;                 /* what is executed under the name argv[0]; NULL: that itself */
	const char *const *envp;          /* NULL: inherited */
	int stdio[3];                     /* -1: /dev/null; not consumed */
	const int *pass;                  /* descriptors that stay open, sorted upwards */
	size_t n_pass;
	const char *cwd;                  /* NULL: unchanged */
	bool new_session;
	bool die_with_parent;             /* SIGKILL when the process that starts it ends */
	/* In the child, after signals and stdio, before closing; non-zero ends it with status 125. The parent waits until it
	 * returned, so it must be short. */
	int (*before_exec)(void *arg);
	void *arg;
};
struct child {
	pid_t pid;
	int pidfd;                        /* readable when it ended; close after reaping */
};
/* Returns when the program runs. One that cannot be executed is err, "run 'crun': No such file or directory". */
int proc_spawn(const struct spawn *s, struct child *ret, struct err *err);
/* Reaps without blocking. 1: it ended, *ret_status is its exit status or 128 + signal; 0: it runs; -1: errno. The pidfd stays
 * open, here and in proc_wait(). */
int proc_reap(struct child *c, int *ret_status);
/* Reaps, waiting at most timeout_ms (-1: for ever; then SIGKILL and ERR_TIMEOUT naming `who`). For the command line only, never in a loop. */
int proc_wait(struct child *c, int timeout_ms, const char *who, int *ret_status, struct err *err);

/* A worker is a forked child of ours that runs a function that may block, and reports on a pipe: *ret is what it says (taken
 * over the pipe as JSON, at most 4 MiB), or err. It has its own signals, no event loop, and must not touch the parent's sockets.
 * It dies with its parent, and keeps the parent's descriptors, so that `arg` may hold some: a function that starts programs does
 * so by proc_spawn(). When worker_read() says 1, the pipe reached its end and worker_finish() may be called. */
typedef int worker_fn(void *arg, json_t **ret, struct err *err);
struct worker {
	struct child child;
	int fd;                           /* readable; read with worker_read() until it says 1 */
	struct { char *p; size_t len, cap; } in;
};
int worker_start(worker_fn *fn, void *arg, struct worker *ret, struct err *err);
/* Takes what is there without blocking. 1: complete, 0: more to come. */
int worker_read(struct worker *w);
/* After worker_read() said 1: reaps and releases. 0 and *ret (may be NULL; json_decref it) or -1 with the worker's own err; a
 * worker that died without a word is an err that says by which signal. */
int worker_finish(struct worker *w, json_t **ret, struct err *err);
/* SIGKILLs and releases it (deadline passed). */
void worker_abort(struct worker *w);
/* In a worker: the descriptor that its result goes to, for who closes all but what it needs. Elsewhere -1. */
int worker_own_fd(void);
/* Starts and waits with a deadline; for the command line only. */
int worker_run(worker_fn *fn, void *arg, int timeout_ms, json_t **ret, struct err *err);
