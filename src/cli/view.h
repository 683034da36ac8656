/* view.h - a container as people see it: the journal's record in docker's words, checked against the
 * kernel. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/buf.h"
#include "cli.h"

struct view {
	const struct unit_rec *r;        /* borrowed from the world */
	const char *state;               /* "created", "running", "paused", "restarting", "exited", "removing" */
	int exit_code;                   /* of the last run; -1: unknown */
	int64_t finished_ns;
};

/* run_fd: where the exits file is, -1: nowhere. A record that says "running" whose process is gone has
 * ended. */
void view_init(struct view *v, const struct unit_rec *r, int run_fd);
/* It has processes: running or paused. */
bool view_up(const struct view *v);
/* "Up 3 minutes (healthy)", "Exited (0) 5 seconds ago". */
void view_status(const struct view *v, int64_t now_ns, struct buf *out);
/* Why it ended or does not run: "out of memory", "stopped by 'davit stop'"; NULL: of itself, or it runs. Borrowed. */
const char *view_reason(const struct view *v);
/* "0.0.0.0:8080->80/tcp, 6379/tcp". */
void view_ports(const struct view *v, struct buf *out);
bool view_has_ports(const struct view *v);
/* The ports of a container that runs: those that are published and, with host 0, those that are only exposed; sorted by their number in the
 * container. *ret is malloc'ed, what it points to is the record's. Returns how many. */
size_t view_port_list(const struct view *v, struct unit_port **ret);
/* "3 minutes ago". */
void view_ago(int64_t then_ns, int64_t now_ns, struct buf *out);
/* The first 12 digits of an id, without "sha256:"; "" when there is none. */
const char *view_short_id(const char *id, char buf[static 16]);
/* False once the container has come to rest: nothing more will be heard of it unless somebody acts. */
bool view_busy(const struct unit_rec *r);

/* The views of all units (or of those that `selected` names on the command line), sorted by name;
 * malloc'ed. */
struct view *view_list(const struct cli *c, size_t *ret_n);
/* The one container of a service: index 0 is any that runs, one of `run` only when there is no other. ERR_NOT_FOUND: "service "web" is not running". */
int view_running(struct cli *c, const char *service, int64_t index, const struct unit_rec **ret,
		 struct err *err);
