/* super.h - the one thing the command line may know of the supervisor: how to bring it to life. */
#pragma once

#include <stdbool.h>

#include "../ctl/ctl.h"
#include "../state/dirs.h"
#include "../util/err.h"

/* Connects to the project's supervisor, or starts one (keeper, then supervisor) and connects: exactly one exists however many
 * ask at once (flock). Waits at most 10 s for the socket. */
int super_connect(const struct dirs *d, const char *project, struct ctl **ret, struct err *err);

/* The next supervisor of this boot brings up what ran before it, as a whole and in order: to be called before super_connect(). A mark in
 * the run directory, which is made; a supervisor that runs already takes no notice, and is to be asked ("boot"). */
int super_mark_boot(const struct dirs *d, const char *project, struct err *err);

/* The supervisor itself: what `davit-keeper` runs as `davit --supervise NAME --state-dir … --run-dir …`, with KEEPER_FD as
 * descriptor 3. Returns the exit status; 0 tells the keeper that all is done. */
int super_main(const struct dirs *d, const char *project);

/* --- which davit supervises a project, and putting another one in its place --- */
struct super_about {
	int pid;
	char *version;                   /* NULL: it is from before supervisors knew theirs */
	char *program, *file;            /* its path and "DEVICE:INODE"; NULL as above */
	bool ready;                      /* it has taken over what runs */
	bool back;                       /* another one was to take over and did not come up */
};
void super_about_done(struct super_about *a);
/* Asks the supervisor that is there, at most timeout_ms long. ERR_NOT_FOUND: there is none; ERR_TIMEOUT: it does not answer. */
int super_about(const struct dirs *d, const char *project, int timeout_ms, struct super_about *ret, struct err *err);

/* Puts the davit at `program` (absolute; NULL: the one that runs this) in the place of the project's supervisor, whichever of them is
 * newer; containers, connections, names, logs and requests in progress do not notice. The keeper stays. Waits until the new one has
 * taken over, or is known not to come up: then the one before supervises again. 0 with *ret_old and *ret_new; SUPER_SAME: it is that
 * program already, *ret_old is filled; -1 (ERR_NOT_FOUND: nothing is supervised). */
enum { SUPER_SAME = 1 };
int super_upgrade(const struct dirs *d, const char *project, const char *program, struct super_about *ret_old, struct super_about *ret_new,
		  struct err *err);
