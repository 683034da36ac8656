/* diff.c - model × world → operations.
 *
 * First all slots are listed (slots.c) and those of the request chosen (choose.c). Then each verb plans for its chosen slots (up.c with commit.c, undo.c, verbs.c),
 * and edges are drawn from the dependency graph (edges.c). */
#include "../../compose/graph.h"
#include "plan_ops.h"

int plan_make(const struct project *model, const struct world *world, const struct plan_request *req,
	      struct plan *ret, struct err *err)
{
	struct plan plan = { 0 };
	struct ctx c = { .model = model, .world = world, .req = req, .plan = &plan, .op_setup = OP_NONE, .op_commit = OP_NONE };
	int r = -1;

	if (!model && req->verb != PLAN_DOWN && req->verb != PLAN_STOP && req->verb != PLAN_REMOVE)
		return err_set(err, ERR_NOT_FOUND, "the project was never brought up");
	c.graph = model ? graph_new(model) : NULL;
	slots_list(&c);
	switch (req->verb) {
	case PLAN_UP:
		r = make_up(&c, err);
		break;
	case PLAN_UNDO:
		r = make_undo(&c, err);
		break;
	case PLAN_DOWN:
		r = make_down(&c, err);
		break;
	case PLAN_START:
		r = make_start(&c, false, err);
		break;
	case PLAN_RESTART:
		r = make_start(&c, true, err);
		break;
	case PLAN_STOP:
		r = make_stop(&c, err);
		break;
	case PLAN_REMOVE:
		r = make_remove(&c, err);
		break;
	case PLAN_RUN:
		r = make_run(&c, err);
		break;
	case PLAN_BOOT:
		r = make_boot(&c, err);
		break;
	}
	slots_done(&c);
	if (r < 0)
		plan_done(&plan);
	else
		*ret = plan;
	return r;
}
