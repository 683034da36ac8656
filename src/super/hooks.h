/* hooks.h - private to src/super: post_start and pre_stop, commands that a service has executed in its container.
 *
 * post_start: after each start, whoever asked for it, one after the other, beside the container's own process. Until the last one is over
 * the container is `running`, but does not count as started (hooks_pending): `up` waits, and so do those that depend on it. One that fails
 * makes the `up` fail; the rest is not executed, the container stays.
 * pre_stop: before each stop that davit makes. They have nine tenths of the stop's grace time; the signal comes when they are over, and the
 * container has what is left. One that fails is a warning.
 *
 * Their output goes into the container's log. How far they are stands in the record, so that a successor goes on: a hook that was being
 * executed when the supervisor died is killed and executed again. */
#pragma once

#include "sup.h"

enum hook_kind { HOOK_POST_START, HOOK_PRE_STOP };

/* "post_start[0]", as the user's file has it; malloc'ed. */
char *hook_attr(enum hook_kind kind, unsigned index);
/* Its process file in the bundle; malloc'ed. */
char *hook_file(enum hook_kind kind, unsigned index);

/* A start is about to be made: all of them are to come. */
void hooks_reset(struct unit *u);
/* It runs: begins with post_start, or goes on where a dead supervisor was. */
void hooks_after_start(struct unit *u);
/* Ends post_start; whether the stop's signal has to wait for pre_stop: it is sent when they are over. grace_ms is not 0. */
bool hooks_before_stop(struct unit *u, int64_t grace_ms);
/* A dead supervisor began a stop: goes on with pre_stop where it was, when the signal is still to be sent. */
void hooks_resume_stop(struct unit *u);
/* It is killed: nobody has time for pre_stop, nor has a successor. */
void hooks_skip_stop(struct unit *u);
/* Nothing is executed any more; what is being executed is killed. */
void hooks_end(struct unit *u);
/* The one that is being executed, as "post_start[0]", malloc'ed; NULL: none. */
char *hooks_in_flight(const struct unit *u);
/* 0: done, or there are none; 1: not yet; -1: one failed in this run, or the run was over before them: *err (may be NULL) says why. */
int hooks_started(const struct unit *u, struct err *err);
