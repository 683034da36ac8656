/* joined.h - our standard streams joined to a container's: for `run` in the foreground and for `attach`.
 *
 * What the container prints is read from its log files, byte for byte; what is typed goes into its FIFO or terminal, of which the client
 * has a descriptor of its own. The connection to the supervisor (super/attend.h) only brings the terminal and the news of the end; when it
 * breaks, another one is made, and the container notices nothing of all this, nor of this client's death. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "../ctl/ctl.h"
#include "cli.h"

struct lograw;

struct joined {
	struct cli *c;
	const char *slot;                /* borrowed */
	struct ctl *ctl;                 /* on which "attached" has come or is to come; owned */
	struct lograw *log;              /* owned */
	int signal_fd;                   /* joined_signals() */
	int in_fd;                       /* where our standard input goes; -1: nowhere, or into the terminal that comes; owned */
	bool pass_input, pass_signals;
	bool all_of_it;                  /* nothing of the output may be missed: the container waits when we are slow */
	const char *detach_keys;         /* "ctrl-p,ctrl-q"; NULL: that */
	const char *greeting_for;        /* the container's name, with which a terminal is told at the beginning how to leave; NULL: it is not */
};

/* Blocks what is passed on and what ends us, from now on, and gives a descriptor that tells of them; *ret_old: what was blocked before. */
int joined_signals(sigset_t *ret_old, struct err *err);
/* "ctrl-p,ctrl-q", "a,ctrl-[": ERR_USAGE when it is none. */
int joined_check_keys(const char *keys, struct err *err);
/* How the last container of that slot ended, from the project's events (-1: unknown); false: they do not know of its end. */
bool joined_history(const struct cli *c, const char *slot, int *ret_code);
/* attached: the event that came, or NULL: it is asked for and waited for. Until the container has ended: its status; or until the keys were
 * pressed: *ret_detached. Closes what it owns. -1. */
int joined_run(struct joined *j, const json_t *attached, bool *ret_detached, struct err *err);
