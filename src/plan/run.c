/* run.c - `davit run`: a container beside those of the model, made from one of its services.
 *
 * What its service needs was brought up before, by an `up` of its own (cmd_run.c), so this plan touches nobody: it only waits for the
 * conditions of depends_on, as the start of the service would. As for the reference, `stop`, `start`, `restart` and `rm` know nothing of such
 * containers; `down` removes them with their service, `up --remove-orphans` those that have ended. */
#include "../util/mem.h"
#include "plan_ops.h"

/* It runs, or is about to. */
static bool is_busy(const struct unit_rec *r)
{
	return !r->state || !(STREQ(r->state, "stopped") || STREQ(r->state, "failed"));
}

void run_surplus(struct ctx *c, struct slot *s)
{
	if (is_busy(s->rec))
		return;
	if (c->req->remove_orphans)
		plan_leave(c, s, "orphan");
	else
		strs_add(&c->plan->orphans, s->name);
}

static struct slot *slot_called(struct ctx *c, const char *name)
{
	each_slot(c, s)
		if (STREQ(s->name, name))
			return s;
	return NULL;
}

int make_run(struct ctx *c, struct err *err)
{
	size_t svc = c->req->services ? service_index(c->model, c->req->services[0]) : OP_NONE;
	struct slot *s;

	if (choose(c, false, err) < 0)
		return -1;
	if (svc == OP_NONE || !c->req->run_slot)
		return err_set(err, ERR_PROTO, "the request names no service to run");
	if (!slot_called(c, c->req->run_slot))
		slot_add(c, xstrdup(c->req->run_slot), c->req->services[0], 1, svc);
	s = slot_called(c, c->req->run_slot);
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	each_slot(c, other)
		if (other != s && !other->wanted && (other->is_run || other->svc == OP_NONE) && c->req->remove_orphans)
			up_surplus(c, other);
	if (s->rec && s->rec->started_ns)        /* it has run: the request was made again */
		return 0;
	s->svc = svc;
	plan_start(c, s, "new");
	edges_of_start(c, s);
	return 0;
}
