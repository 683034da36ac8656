/* ctl.h - the wire between the command line and the supervisor.
 *
 * A Unix stream socket RUN/projects/NAME/sock, mode 0600, peers checked by SO_PEERCRED (same uid or root). A message is a 4-byte little-endian length
 * and that many bytes of JSON, one object; CTL_MAX bounds it. Memory grows with what arrives, not with what is announced.
 *
 * Requests: {"v": n, "v_oldest": n, "id": …, "op": …, "services": [names] or absent for all, …}. One request per connection; the answer is a stream of events that ends with "done" or
 * "error". Closing the connection early cancels nothing.
 *
 *   op        further fields
 *   up        model (wire form), no_start, force_recreate, no_recreate, always_recreate_deps, remove_orphans, no_deps, renew_anon_volumes (bools), timeout_s,
 *             wait (bool: done only when all are running or healthy), wait_timeout_s (0: none), command (for the history), images ({service: {"id"}}:
 *             what they run, whatever their names stand for)
 *             bundle (bool: what failed is not undone before "evidence" was asked, the asker went away, or 30 s have passed)
 *   evidence  the containers of the `up` that failed have been looked at
 *   down      volumes, remove_orphans (bools), timeout_s; without services the supervisor ends after "done"
 *   start     no_deps             stop      timeout_s, shutdown (bool: the host goes down; the supervisor ends after "done")
 *   restart   timeout_s, no_deps  boot      what ran when the host went down is brought up
 *   kill      signal              rm        stop, volumes (bools)
 *   pause, unpause                their processes stand still, go on
 *   wait      (services) done when they all have stopped; event "exited" for each
 *   subscribe events of the project until either side closes
 *   run       model, no_deps, remove_orphans as up; the one of services, run (super/run.h: what is different), attach (bool: no "done", but the
 *             answer of attach when it has started), again (bool: made before, to a supervisor that went away: never make it a second time)
 *   attach    slot: "attached", then "exited", and "done" after one more message: {"op":"leave"} (super/attend.h)
 *   ping      "pong" and done at once: "pid", "version", "v", "v_oldest", "program" and its "file" (device:inode), "ready" (false
 *             while what runs is still being taken over), "back" (a program that was to take over did not come up)
 *   upgrade   program (a path): the supervisor makes room for it without a further word
 * timeout_s absent: each service's stop_grace_period.
 * All that act may have "parallel" (so many containers are made, started, stopped or removed at a time; absent: all that may be) and
 * "origin" (state/origin.h): who asks from another directory than the project is known to come from is refused.
 *
 * Versions: each end says which version of this protocol it speaks and the oldest that it can do with (util/version.h; "v_oldest" absent:
 * only "v"); they talk in the newest that both know. Without one the answer is an "error" of kind "proto" that says the supervisor's
 * "v", "v_oldest" and "version" (none of them: a supervisor from before all this, 1). ping and upgrade are the same in all versions. Fields
 * and events that an end does not know are ignored.
 * A request that is made again with the same "id", because its supervisor was replaced meanwhile, joins what became of it; what has ended
 * meanwhile is answered, and not begun again.
 *
 * Events: {"ev":"step", "kind":"network"|"volume"|"container", "name":…, "service":…, "status": one of the words docker compose
 *          prints (Creating Created Starting Started Waiting Healthy Running Recreate Recreated Stopping Stopped Removing Removed Exited Killing Killed Error),
 *          "text": more, may be absent}
 *         {"ev":"unit", "unit": {struct unit_rec}, "what": "create"|"start"|"die"|"health_status"|…, "event": {…}}   subscribers: what
 *          state/events.h has of a container, when it is on disk
 *         {"ev":"event", "event": {…}}                            subscribers: the other events
 *         {"ev":"warn", "msg":…, "service":…}
 *         {"ev":"exited", "service":…, "name":…, "code": n}
 *         {"ev":"failed", "step": kind of the operation, "name":…, "service":…, "lines": [its last ones]}   of an `up`, before anything
 *          is undone; without a container only "step"
 *         {"ev":"undone", "generation": n, may be absent, "whole": bool, "stopped": bool, "untouched": bool}   it is; not whole: some of
 *          it could not be; untouched: there was nothing to undo
 *         {"ev":"evidence"}                                       up with "bundle": it has failed, and waits
 *         {"ev":"done"}                                           last
 *         {"ev":"error", "kind": err_kind_str, "msg":…, "hint":…, "service":…, "attr":"image"|"command"|"ports[0]"|…}   last
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../util/err.h"

enum { CTL_MAX = 64 << 20 };

/* --- framing, for both ends --- */
struct ctl_in {                  /* a growing input; all zero is empty */
	char *p;
	size_t len, cap;
	size_t at;               /* what lies before it was taken already */
	int passed;              /* a descriptor that came along, plus 1; 0: none; the last one counts */
};
/* Takes one message out of what was read. 1: *ret is a new reference, 0: not complete, -1: nonsense (too long, no object). */
int ctl_parse(struct ctl_in *in, json_t **ret, struct err *err);
/* Reads once from the (non-blocking or blocking) socket. 1: something came, 0: EAGAIN, 2: end, -1. */
int ctl_fill(struct ctl_in *in, int fd, struct err *err);
void ctl_in_done(struct ctl_in *in);
/* The descriptor that came, now the caller's; -1: none did. */
int ctl_in_take_fd(struct ctl_in *in);
/* A complete frame, malloc'ed; NULL when it would be longer than CTL_MAX. */
char *ctl_frame(const json_t *msg, size_t *ret_len);

/* --- the command line's end --- */
struct ctl;
/* Connects to run_fd/sock (by descriptor, so its path may be longer than sun_path). ERR_NOT_FOUND: no supervisor listens there
 * (absent or refused); ERR_TIMEOUT: it does not accept within 2 s. */
int ctl_connect(int run_fd, struct ctl **ret, struct err *err);
void ctl_close(struct ctl *c);
int ctl_fd(const struct ctl *c);
/* Adds "v", "v_oldest" and, unless there is one, "id" to req, which is borrowed; blocks at most 10 s. */
int ctl_send(struct ctl *c, json_t *req, struct err *err);
/* 1: *ret is a new reference; 0: nothing within timeout_ms (0: look only, -1: wait); -1: closed or broken (ERR_PROTO, ERR_FAIL "the supervisor went away"). */
int ctl_recv(struct ctl *c, int timeout_ms, json_t **ret, struct err *err);
/* A descriptor that came with a message received so far, now the caller's; -1: none. */
int ctl_take_fd(struct ctl *c);
/* Fills err from an "error" event; returns -1. */
int ctl_error(const json_t *event, struct err *err);
/* Whether both ends can talk; said: what the other one said. */
bool ctl_understands(const json_t *said);
/* An "error" that says no more than that we cannot talk, as the supervisor is too old for us. */
bool ctl_too_old(const json_t *event);

/* --- the supervisor's end --- */
/* Listens at run_fd/sock (mode 0600), in the place of what was there; whoever comes sees the old or the new. Non-blocking. */
int ctl_listen(int run_fd, int *ret_fd, struct err *err);
/* Accepts one and checks who it is: 1 with *ret_fd (non-blocking), 0: none waiting or not allowed, -1. */
int ctl_accept(int listen_fd, int *ret_fd, struct err *err);
