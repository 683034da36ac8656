/* console.h - the user's terminal joined to one of a container's: raw while that lasts, bytes both ways, the window's size passed on. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

struct console {
	int in, out;             /* the user's: terminals, and 0 and 1 as a rule; borrowed */
	int master;              /* of the container's pty, non-blocking; borrowed */
	/* Readable when something happened beside: on_wake is called, and says 1 when the container's side has ended. */
	int wake_fd;
	int (*on_wake)(void *arg);
	void *arg;
};

/* Gives the container's terminal the window size of the user's, if that has one. For on_wake at SIGWINCH. */
void console_resize(const struct console *c);
/* Runs until on_wake said 1 and what was still under way is printed: all of it if nobody in the container has the terminal any more,
 * else what comes without a pause of LINGER_MS. The user's terminal is as before then. The master may break off earlier; who ended is
 * on_wake's to say. An end of the input is none of it. Errors: the user's terminal is gone (what is printed is thrown away then, and it
 * goes on), or poll() itself. */
int console_run(const struct console *c, struct err *err);
