/* svc_check.h - what a compose file may say of a service and this host cannot do, whatever else is there. (What is wrong on any host,
 * compose/ has said already.)
 *
 * The command line asks before it makes a request, and shows all of it at once; the supervisor, which anybody may ask, refuses on the
 * first. Nothing is remembered or changed; /proc, the program search path and the like are read. */
#pragma once

#include "../../compose/model.h"
#include "../util/err.h"

/* where: from the service down, "logging/options/max-sise", "dns/1". is_key: the last word itself is what is wrong, not what stands
 * there. why: may be taken (err_move()). */
typedef void svc_wrong_fn(void *arg, const char *where, bool is_key, struct err *why);
/* Calls wrong() for each. */
void svc_check(const struct project *m, const struct service *svc, svc_wrong_fn *wrong, void *arg);
