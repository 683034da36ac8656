/* launch.h - a container's birth: everything that is needed to make one from (service, image, slot), done in a worker; and what
 * must be remembered of it as long as it lives, whatever later becomes of the compose file. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../compose/model.h"
#include "../util/err.h"
#include "../util/str.h"
#include "logopt.h"

struct super;
struct unit;

struct launch_net {
	char *network;                   /* full name */
	struct strs names;               /* what it answers to there */
};

struct launch_probe {                    /* x-davit.probe */
	enum probe_kind kind;
	unsigned port, status_min, status_max;
	char *path, *host;
	char *slot;                      /* in whose network namespace it is, NULL: in the host's */
};

struct launch {                          /* launch.json in the container's directory */
	char *stop_signal;               /* "SIGTERM" */
	int64_t grace_ms;
	struct restart_policy restart;
	bool tty, stdin_open;
	bool log_none;                   /* driver none: its output goes nowhere */
	int64_t log_max_bytes;
	unsigned log_max_files;
	struct log_ship ship;            /* where it is sent on */
	bool health;                     /* has a check */
	int64_t health_interval_ms, health_timeout_ms, health_start_period_ms, health_start_interval_ms;
	int64_t health_retries;
	unsigned n_post_start, n_pre_stop;   /* hooks; the bundle has a process file for each */
	struct launch_probe probe;       /* in place of a command */
	enum unhealthy_action on_unhealthy;
	struct launch_net *nets;         size_t n_nets, cap_nets;
	struct strs volumes;             /* names of the volumes it uses, anonymous ones, too */
	struct strs links;               /* "ALIAS=SERVICE" */
	struct strs dns;                 /* its own servers */
	bool joins;                      /* another container's pid, ipc, uts or cgroup namespace: its bundle is good for one run */
	char *cgroup;                    /* where it was born: cgroup_base() + "/SLOT" */
	char *runtime;                   /* its own OCI runtime, NULL: the supervisor's */
};

void launch_done(struct launch *l);
json_t *launch_to_json(const struct launch *l);
int launch_from_json(const json_t *j, struct launch *ret, struct err *err);

/* What the worker is told; everything is borrowed from the supervisor, whose memory the worker inherits. */
struct launch_job {
	struct super *s;
	struct unit *u;
	const struct service *svc;
};
/* A worker_fn. *ret: {"launch":…, "image_id":…, "command":…, "anon":["TARGET=NAME"], "warnings":[…]}. */
int launch_work(void *job, json_t **ret, struct err *err);
