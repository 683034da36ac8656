/* attend.h - private to src/super: clients that are attached to a container: `run` in the foreground, and `attach`.
 *
 * Such a client reads the container's log files and writes into its FIFO or terminal by itself; nothing that it does or leaves undone
 * holds up the container or this process. From here it gets the terminal's master, and the news of the end:
 *
 *   {"ev":"attached", "slot":…, "name":…, "id":…, "pid": n, "start": n, "tty": bool, "stdin": bool}     with the master, if there is a tty
 *   {"ev":"exited", "service":…, "name":…, "code": n}      all that it wrote is in the log; code -1: nobody knows
 *
 * The client of a `run` says {"op":"read", "seq": n} when it has come to segment n of the log: what it has not read is not dropped, and when
 * that is two segments, the container's pipe fills until it has read on, or is gone. So a dump into a slow pipe is whole, as it would be with
 * any pipe. `attach` says nothing of the kind: whoever looks at a service does not slow it down.
 *
 * As long as it stays connected a container with "rm" is not removed, so that it can read the log to its end; then it says {"op":"leave"}. */
#pragma once

#include "sup.h"

struct attendant;

/* Tells the client about the container, which runs or has just ended, and stays with it. */
struct attendant *attend_begin(struct client *c, struct unit *u);
/* op attach: of `slot`. While containers are being adopted it waits for that: there is no terminal to hand over before. */
struct attendant *attend_request(struct super *s, struct client *c, const json_t *req);
/* Some container is in another state. */
void attend_look(struct attendant *a);
/* It says something more: "leave", it has read the log. It is told "done" when a container that leaves has been removed, else at once. */
void attend_hear(struct attendant *a, const json_t *msg);
/* Its client is gone. NULL is fine. */
void attend_end(struct attendant *a);
/* Whether it keeps the container from being removed. */
bool attend_is_of(const struct attendant *a, const struct unit *u);
/* Whether the next thing that is moved into the container's log may push out what this client is to read. */
bool attend_holds(const struct attendant *a, const struct unit *u);
