/* super.h - the one thing the command line may know of the supervisor: how to bring it to life. */
#pragma once

#include "../ctl/ctl.h"
#include "../state/dirs.h"
#include "../util/err.h"

/* Connects to the project's supervisor, or starts one (keeper, then supervisor) and connects: exactly one exists however many
 * ask at once (flock). Waits at most 10 s for the socket. */
int super_connect(const struct dirs *d, const char *project, struct ctl **ret, struct err *err);

/* The supervisor itself: what `davit-keeper` runs as `davit --supervise NAME --state-dir … --run-dir …`, with KEEPER_FD as
 * descriptor 3. Returns the exit status; 0 tells the keeper that all is done. */
int super_main(const struct dirs *d, const char *project);
