/* events.h - what happened in a project, for people and programs: `davit events`.
 *
 * STATE/projects/NAME/events, and events.old which it was before it reached EVENTS_MAX: the newest 1 to 2 MiB of history. They are files
 * of their own beside the journal because the two want opposite things: the journal is rewritten as what is true now, history is what
 * was true once. One JSON object a line, one write(2) each (lines.h), keys in this order:
 *
 *   {"t": wall ns, "type": "container", "action": "die", "service": "web", "slot": "web-1", "id": …, "run": "PID:START",
 *    "attributes": {"name": "demo-web-1", "exitCode": "137", …}}      values are text, as Docker's are
 *
 * "service", "slot" and "run" are a container's only; "id" is its id, or the name of what has none; "run" tells one life of a container
 * from the next. The supervisor writes, and makes up at its start for what a predecessor could not write any more (src/super/events.c);
 * readers need neither a lock nor a supervisor. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"

enum { EVENTS_MAX = 1 << 20 };

enum event_kind {
	EV_CREATE, EV_START, EV_RESTART, EV_KILL, EV_PAUSE, EV_UNPAUSE, EV_RENAME, EV_OOM, EV_DIE, EV_STOP, EV_DESTROY, EV_HEALTH, EV_WAITING, EV_BACKOFF, EV_LOG_DROPPED,
	EV_N_OF_CONTAINER,               /* those above are about a container */
	EV_NETWORK_CREATE = EV_N_OF_CONTAINER, EV_NETWORK_DESTROY, EV_VOLUME_CREATE, EV_VOLUME_DESTROY,
	EV_SUPERVISOR_START, EV_SUPERVISOR_ADOPT, EV_SUPERVISOR_UPGRADE, EV_SUPERVISOR_LOST, EV_SUPERVISOR_GAVE_UP,
	EV_NKINDS
};

/* How often the same thing is told. */
enum event_once {
	EV_EACH,                         /* whenever it happens */
	EV_ONCE_A_CONTAINER,             /* by its id */
	EV_ONCE_A_RUN,
	EV_ON_CHANGE,                    /* in a run, when its detail is another than the last time */
};

struct event_row {
	const char *type, *action;       /* Docker's words where it has them */
	enum event_once once;
	const char *help;
};
/* The one table of them, EV_NKINDS rows. */
extern const struct event_row event_rows[];
/* "die", "health_status: healthy" of "container" …; -1: unknown. */
int event_kind_parse(const char *type, const char *action);

/* --- the writer: the supervisor --- */
struct events;
int events_open(int state_fd, struct events **ret, struct err *err);
void events_close(struct events *e);
/* Appends the object, which is borrowed. -1: it is not on disk; how many were lost that way is said in front of the next one that is. */
int events_append(struct events *e, const json_t *event, struct err *err);

/* --- readers --- */
struct evr;
/* projects: the directory STATE/projects, which need not exist, nor the project in it. live: for who wants to hear what comes, across the
 * project's end and its next beginning. */
struct evr *evr_new(const char *projects, const char *name, bool live);
void evr_free(struct evr *r);
/* Passes over what there is now. */
void evr_skip(struct evr *r);
/* 1: *ret is the next event, a new reference; 0: no more, for now; lines that are none are passed over. */
int evr_next(struct evr *r, json_t **ret);
/* Readable when evr_next() may have more; live only. -1: there is none (no inotify instance left): look from time to time. Both
 * borrowed. */
int evr_fd(const struct evr *r);
