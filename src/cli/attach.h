/* attach.h - `up` in the foreground: what attach.c, the loop, shares with attach_ends.c, the ends of containers. */
#pragma once

#include <signal.h>

#include "../ctl/ctl.h"
#include "../state/journal.h"
#include "act.h"
#include "follow.h"
#include "menu.h"
#include "up.h"

struct attach {
	struct cli *c;
	const struct up_opts *o;
	const bool *scope;
	struct ctl *up, *stop, *kill, *sub;      /* NULL: not (or no longer) in flight */
	json_t *req;                     /* of up, borrowed: to ask again */
	struct act_tries tries;
	struct progress *p;
	struct follow *f;
	int signal_fd, watch_fd;
	sigset_t old_mask;
	struct strs exits;               /* "SLOT exited …", told of before the logs are shown */
	bool shown;                      /* `up` is done: logs are printed */
	unsigned interrupts;
	bool aborting, abort_due;        /* due: as soon as the logs are shown */
	int status;                      /* ours in the end; -1: nothing has ended that it could come from */
	struct menu *menu;               /* NULL: no keys */
	bool detached;
	struct up_watch *watcher;        /* of --watch, or the menu; NULL: none */
};

/* Whether the logs of a service are shown, as the flags, the arguments and the file have it. */
bool attach_shows(const struct attach *a, const char *service);
/* Whether its end is one of those that this command waits for: of the named services, as docker compose does, else of all. */
bool attach_counts(const struct attach *a, const char *service);
/* Everything is stopped, because one has ended; as soon as `up` is done. 0 or -1. */
int attach_abort(struct attach *a, struct err *err);
/* "web-1 exited with code 1" below what it has printed. */
int attach_tell_end(struct attach *a, const char *slot, const char *text, struct err *err);
/* Acts on all ends that the supervisor has told of by now. */
int attach_take_ends(struct attach *a, struct err *err);
/* The exit status, when nobody interrupted. */
int attach_status(const struct attach *a);
