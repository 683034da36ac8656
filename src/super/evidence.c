/* evidence.c - `up --bundle`: who asked looks at what has failed before it is undone, and says when he has seen it.
 *
 * The operations have ended, and the undoing waits for the request "evidence" on another connection, until its asker goes away, somebody
 * supersedes it, or EVIDENCE_MS have passed. Killed meanwhile, the next supervisor finds the request unfinished, as always. */
#include "txn.h"

#include "../util/clock.h"
#include "../util/json.h"

enum { EVIDENCE_MS = 30000 };

static void on_seen(evutil_socket_t fd, short what, void *arg)
{
	txn_plan_over(arg);
}

bool evidence_wait(struct txn *t)
{
	const struct timeval limit = { .tv_sec = EVIDENCE_MS / 1000 };

	if (t->evidence) {               /* it has been waited; whoever comes first ends that */
		event_del(t->evidence);
		return false;
	}
	if (t->superseded || !t->c || !jx_bool(t->req, "bundle", false))
		return false;
	t->evidence = evtimer_new(t->s->base, on_seen, t);
	evtimer_add(t->evidence, &limit);
	client_send(t->c, json_pack("{s:s}", "ev", "evidence"));
	return true;
}

void evidence_seen(struct txn *t)
{
	if (t && t->evidence && evtimer_pending(t->evidence, NULL))
		event_active(t->evidence, EV_TIMEOUT, 0);
}
