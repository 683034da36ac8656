/* txn_crash.c - a request that ends one supervisor after another.
 *
 * What a supervisor was at when it was killed its successor goes on with, and when that is what killed it, so it goes for ever. So each time
 * that a request is gone on with is counted in txn.json ("crashes"), before anything of it is done. The count begins anew when the plan is
 * shorter than any before ("least", operations), for then something was done; that cannot happen for ever. Not counted: a supervisor that
 * made room for another program, and one that went down with the host.
 *
 * A request that is given up has failed: an `up` is undone, with a count of its own, and when that is given up, too, things stay as they
 * are. STATE/…/given-up.json says so, {"op", "at": wall ns, "msg"}, until a later request of the kind, or an `up`, ends well. */
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/proc.h"

enum { CRASHES_MAX = 3 };

static const char given_up[] = "given-up.json";

static void store(struct super *s, json_t *req)
{
	auto_err struct err err = ERR_INIT;

	jx_set_str(req, "boot_id", proc_boot_id());
	if (jx_store(s->p.state_fd, "txn.json", req, 0600, 0, &err) < 0)
		log_warn("txn.json: %s", err_msg(&err));
}

void crash_count(struct super *s, json_t *req)
{
	bool same_boot = str_eq(jx_str(req, "boot_id"), proc_boot_id());

	jx_set_int(req, "crashes", same_boot ? jx_int(req, "crashes", 0) + 1 : 0);
	store(s, req);
}

void crash_uncount(struct super *s)
{
	struct txn *t = s->txn;

	if (!t || !t->recorded)
		return;
	jx_set_int(t->req, "crashes", jx_int(t->req, "crashes", 0) - 1);
	store(s, t->req);
}

void crash_count_anew(struct txn *t)
{
	json_object_del(t->req, "crashes");
	json_object_del(t->req, "least");
}

void crash_note_plan(struct txn *t)
{
	int64_t least = jx_int(t->req, "least", INT64_MAX), n = (int64_t)t->plan.n;

	if (jx_int(t->req, "crashes", 0) <= 0 || n >= least)
		return;
	if (least != INT64_MAX)
		jx_set_int(t->req, "crashes", 1);
	jx_set_int(t->req, "least", n);
	store(t->s, t->req);
}

/* For `davit doctor`. */
static void put_on_record(const struct txn *t, const char *msg)
{
	auto_json json_t *o = json_object();
	auto_err struct err err = ERR_INIT;

	jx_set_str(o, "op", jx_str(t->req, "op"));
	jx_set_int(o, "at", clock_wall_ns());
	jx_set_str(o, "msg", msg);
	if (jx_store(t->s->p.state_fd, given_up, o, 0600, 0, &err) < 0)
		log_warn("%s: %s", given_up, err_msg(&err));
	log_error("%s", msg);
	super_event(t->s, EV_SUPERVISOR_GAVE_UP, t->s->p.name, json_pack("{s:s*,s:s}", "request", jx_str(t->req, "op"), "why", msg));
}

/* What the undoing needs to know of it. */
static void learn_progress(struct txn *t)
{
	t->fresh = jx_bool(t->req, "fresh", false);
	t->committed = jx_bool(t->req, "committed", false);
	t->rolling = jx_bool(t->req, "rolling", false);
	t->generation = jx_int(t->req, "generation", 0);
	t->from = jx_int(t->req, "from", 0);
}

int crash_check(struct txn *t, struct err *err)
{
	bool undoing = t->verb == PLAN_UP && jx_obj(t->req, "undo");
	int64_t n = jx_int(t->req, "crashes", 0);
	const char *why = jx_str(jx_obj(t->req, "undo"), "msg");

	if (n < CRASHES_MAX)
		return 0;
	t->recorded = true;
	learn_progress(t);
	if (undoing) {
		t->rollback = t->undo_failed = t->undo_again = true;     /* and it has been tried often enough */
		t->fresh = false;        /* what there is stays */
		err_set(err, ERR_FAIL, "%s; the supervisor was killed %lld times while it was undoing that: it is given up", why ? why : "it failed",
			(long long)n);
	} else {
		err_set(err, ERR_FAIL, "the supervisor was killed %lld times while it was at '%s': that is given up", (long long)n,
			plan_verb_str(t->verb));
	}
	err_hint(err, "'davit -p %s bundle' collects what is known of it", t->s->p.name);
	put_on_record(t, err_msg(err));
	return -1;
}

void crash_settled(const struct txn *t)
{
	auto_json json_t *o = NULL;

	if (jx_load(t->s->p.state_fd, given_up, CTL_MAX, &o, NULL) == 0 &&
	    (t->verb == PLAN_UP || str_eq(jx_str(o, "op"), jx_str(t->req, "op"))))
		unlinkat(t->s->p.state_fd, given_up, 0);
}
