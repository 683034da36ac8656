/* up.h - what cmd_up.c and its parts share: the options, the checks before, staying attached. */
#pragma once

#include <jansson.h>

#include "cli.h"

enum { EXIT_INTERRUPTED = 130 };

struct up_opts {
	bool detach, wait, no_start, force_recreate, no_recreate, always_recreate_deps, remove_orphans, strict,
		no_deps, renew_anon_volumes, quiet_pull;
	bool build, no_build, quiet_build, watch;
	bool adopt, menu, no_color, no_prefix, timestamps, attach_deps, abort_on_exit, abort_on_failure;
	struct opt_int timeout, wait_timeout;
	struct strs attach, no_attach, scale;
	const char *exit_code_from, *pull, *bundle;
};

/* Which services an `up` is about: the named ones (or all) and, unless --no-deps, what they need. One flag
 * for each of project.services. */
bool *up_scope(const struct cli *c, const struct up_opts *o);
bool up_in_scope(const struct cli *c, const bool *scope, const char *service);
/* The request to the supervisor; NULL with *err. */
json_t *up_request(struct cli *c, const struct up_opts *o, struct err *err);
/* What it would change, images included; whatever would make it fail early fails here, too. 0, CLI_PRINTED or -1. */
struct changes;
int up_changes(struct cli *c, const struct up_opts *o, struct changes *ret, struct err *err);
/* cmd_plan.c: up --dry-run. */
int up_dry_run(struct cli *c, const struct up_opts *o, struct err *err);
/* What can fail early does, then images are pulled and built. 0, CLI_PRINTED, a status, or -1. */
int up_get_ready(struct cli *c, const struct up_opts *o, const bool *scope, struct err *err);
/* The command itself, for those that are it with other options. */
int up_run(struct cli *c, const void *opts, struct err *err);
/* What can be known to fail before anything is touched or fetched: images that nobody may fetch, bind sources, files of configs and
 * secrets, and what this host cannot do (super/svc_check.h). All of it is printed at once. 0 or CLI_PRINTED. */
struct image_needs;
int precheck(struct cli *c, const bool *scope, const struct image_needs *needs);
/* up_watch.c: up --watch. Whether the services have anything to watch; what keeps them from being watched. */
bool up_watch_any(const struct cli *c, const bool *scope);
int up_watch_check(struct cli *c, const bool *scope, struct err *err);
/* A `watch --no-up` of the same services, which dies with us. NULL is fine below: there is none. */
struct up_watch;
int up_watch_start(const struct cli *c, struct up_watch **ret, struct err *err);
int up_watch_fd(const struct up_watch *w);       /* readable: up_watch_take() */
/* Appends the whole lines that it has said by now. False: it has ended. */
bool up_watch_take(struct up_watch *w, struct buf *lines);
/* Ends it, unless it has; appends its last words. */
void up_watch_end(struct up_watch *w, struct buf *lines);
/* Sends req (taken) and stays: logs until all containers have stopped, Ctrl-C. Returns the exit status or
 * -1. */
int attach_run(struct cli *c, const struct up_opts *o, const bool *scope, json_t *req, struct err *err);
