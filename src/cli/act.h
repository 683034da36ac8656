/* act.h - asking the supervisor: one request, its events shown as progress until it is done. */
#pragma once

#include <jansson.h>

#include "../ctl/ctl.h"
#include "cli.h"

/* {"op": op} with the services named on the command line, if any. New reference. */
json_t *act_request(const struct cli *c, const char *op);
/* Adds "timeout_s" when it was given. */
void act_set_timeout(json_t *req, struct opt_int timeout);
/* How many containers the command line selects. */
size_t act_count(const struct cli *c);
/* Whether there is one; warns that there is "no container to" do it to. */
bool act_any(struct cli *c, const char *verb);
/* Connects, starting the supervisor when there is none. */
int act_connect(struct cli *c, struct ctl **ret, struct err *err);
/* One event of a request. ACT_MORE; ACT_DONE; -1: it failed, *err says why and cli.err_pos where in the
 * user's file. p is redrawn by the caller. */
enum { ACT_MORE = 0, ACT_DONE = 1, ACT_LOST = 2 };
int act_event(struct cli *c, struct progress *p, const json_t *event, struct err *err);
/* All of it: connect, send req (taken), show what happens; with --dry-run: what would. 0 or -1. verb: "Stopping", for the head line. */
int act_run(struct cli *c, json_t *req, const char *verb, struct err *err);
/* Handles all events that have come by now, waiting timeout_ms for the first (0: not at all, -1: for
 * ever). As act_event; ACT_LOST: the supervisor went away before it was done, *err says so. Its keeper
 * starts another one, which can be asked again: requests say what shall be. */
int act_take(struct cli *c, struct ctl *ctl, struct progress *p, int timeout_ms, struct err *err);
/* Called when a request is done: it is so after a power cut, too. */
void act_sync(const struct cli *c);
enum { ACT_TRIES = 10, ACT_CALM_MS = 10000, ACT_END_MS = 3000 };
/* Whether a request is made again of which the supervisor went away: ACT_TRIES times; those before one that went well for
 * ACT_CALM_MS count no more. When each supervisor goes away soon, the request may be why. All zero at first; now_ns is monotonic. */
struct act_tries {
	unsigned n;
	int64_t last_ns;
};
bool act_again(struct act_tries *t, int64_t now_ns);
