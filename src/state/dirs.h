/* dirs.h - where davit keeps things, as root or not (DESIGN, "Names and places").
 *
 * STATE: images, volumes, networks,
 *        projects/NAME/{model.json, generations/N.json, journal, events, logs/SLOT, containers/ID/{upper,work,launch.json}}
 * RUN:   projects/NAME/{sock, lock, exits, netns/SLOT, fifo/SLOT.{out,err,in}, rootfs/SLOT, bundle/ID/{config.json,hosts,…}, subpath/SLOT/N, oci, tmp} */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

struct dirs {
	char *state, *run; /* absolute; owned */
};
/* The options win over DAVIT_STATE_DIR / DAVIT_RUN_DIR, these over the defaults. Makes nothing. */
int dirs_init(const char *state_opt, const char *run_opt, struct dirs *ret, struct err *err);
/* They are root's defaults: a davit of root's that nobody tells anything finds the same. */
bool dirs_usual(const struct dirs *d);
void dirs_done(struct dirs *d);

struct pdirs { /* one project's */
	char *name;
	char *state_root, *run_root; /* STATE, RUN */
	char *state, *run;	     /* STATE/projects/NAME, RUN/projects/NAME */
	int state_fd, run_fd;	     /* -1 when absent and not made */
};
/* make: creates them (0711 root directories, 0700 projects). name was checked to be [a-z0-9][a-z0-9_-]*. */
int pdirs_open(const struct dirs *d, const char *name, bool make, struct pdirs *ret, struct err *err);
void pdirs_done(struct pdirs *p);
/* Names of all projects with a state or run directory, sorted; NULL at its end, all malloc'ed. */
int dirs_projects(const struct dirs *d, char ***ret, struct err *err);

/* The project's lock (RUN/projects/NAME/lock, flock): held by its keeper for life. 0 with *ret_fd; ERR_BUSY
 * when held. */
int lock_take(const struct pdirs *p, int *ret_fd, struct err *err);
/* Whether somebody holds it. For a moment lock_take() may find it held by the one that asks. */
bool lock_held(const struct pdirs *p);
/* Whether fd is the project's lock, and not that of a run directory which is gone. */
bool lock_is(const struct pdirs *p, int fd);
