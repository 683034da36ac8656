/* txn_run.c - the request `run`: one container beside those of the model (run.h), made, started and, for a client in the foreground, attended. */
#include "run.h"
#include "txn.h"

#include "../util/json.h"

struct unit *txn_run_unit(const struct txn *t)
{
	const char *slot = jx_str(jx_obj(t->req, "run"), "slot");

	return slot ? unit_get(t->s, slot) : NULL;
}

int txn_run_check(struct txn *t, struct err *err)
{
	return t->verb == PLAN_RUN ? run_check(t->s, t->req, err) : 0;
}

const struct service *txn_service_of(const struct unit *u, const struct service *svc, struct arena *a)
{
	return u->rec.run ? run_service(u, svc, a) : svc;
}

/* What was not to be is removed again: its user was told why. */
static void undo(struct unit *u)
{
	if (!u->rec.id || u->rec.started_ns)
		return;
	u->recreate = false;
	u->drop_volumes = true;
	unit_want(u, W_ABSENT);
}

bool txn_run_over(struct txn *t)
{
	struct unit *u = t->verb == PLAN_RUN ? txn_run_unit(t) : NULL;

	if (!u)
		return false;
	if (t->err.kind) {
		undo(u);
		return false;
	}
	if (t->c && jx_bool(t->req, "attach", false)) {
		client_attend(t->c, u);
		return true;
	}
	run_settle(u);
	return false;
}
