/* run.h - private to src/super: the containers of `davit run`.
 *
 * Such a container is a unit like any other, with a slot "SERVICE-run-HASH", a record, a root, a log and a control group of its own, so that
 * it outlives the supervisor and is taken over as all containers are. What is different about it is here. It is made from its service in
 * the model and from what the request says instead, which is in its record (rec.run) from before it is made:
 *
 *   {"slot":…, "name":…, "rm": bool, "tty": bool, "stdin": "none"|"open"|"once", "rows": n, "cols": n, "use_aliases": bool,
 *    "command": […], "entrypoint": […], "environment": {NAME: value or null}, "labels": {…}, "user":…, "working_dir":…,
 *    "cap_add": […], "cap_drop": […],
 *    "ports": [{"ip":…, "min": n, "max": n, "target": n, "udp": bool}],        absent: the service's
 *    "volumes": [{"type": "bind"|"volume", "source":…, "target":…, "ro": bool, "nocopy": bool, "propagation":…}]}
 *
 * What is absent is the service's. "once": the standard input ends with the last who can write into its FIFO, which the client made and
 * holds (cli/run_stdin.c); "open": it never ends, and `attach` may write. It is never restarted. "rm": this supervisor removes it when it has
 * ended and no client is attached any more (attend.h), whatever became of the command that asked for it. */
#pragma once

#include "sup.h"

/* Whether the request can be followed. ERR_NOT_FOUND: it was made before ("again"), and of the container nothing is left. */
int run_check(struct super *s, const json_t *req, struct err *err);
/* The operation's unit, which may be new. */
void run_note(struct unit *u, const json_t *req);
/* up_new_container() is through: what its record has instead. */
void run_new(struct unit *u);
/* What it is to be made from; lives in the arena. svc NULL: NULL. */
const struct service *run_service(const struct unit *u, const struct service *svc, struct arena *a);
/* It has ended, or could not be made, and nobody wants to see it: it is to be removed. */
bool run_leaves(const struct unit *u);
/* A resting one, when something about that may have changed: removes it when it leaves. */
void run_settle(struct unit *u);
/* After an adoption: its client, if there is one, is given a moment to attach again. */
void run_settle_later(struct unit *u);
/* The pipes of standard inputs that clients made who died before their container was asked for. */
void run_sweep(struct super *s);
/* In a moment, when all of a process that dies is closed. */
void run_sweep_soon(struct super *s);
/* Its client's end of the standard input says when it ends. */
bool run_stdin_once(const struct unit *u);
/* The window size that it begins with; false: none is known. */
struct winsize;
bool run_window(const struct unit *u, struct winsize *ret);
