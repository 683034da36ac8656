#include "act.h"

static const struct opt start_flags[] = {
	{ 0, "wait", OPT_REFUSED, 0, "use 'davit up -d --wait'" },
	{ 0 }
};

static int nothing_to_start(const struct cli *c, struct err *err)
{
	if (c->args.n)
		err_set(err, ERR_NOT_FOUND, "service \"%s\" has no container to start", c->args.v[0]);
	else
		err_set(err, ERR_NOT_FOUND, "project \"%s\" has no container to start", c->name);
	return err_hint(err, "'davit up -d' creates and starts them");
}

static int start_run(struct cli *c, const void *opts, struct err *err)
{
	if (!act_count(c))
		return nothing_to_start(c, err);
	return act_run(c, act_request(c, "start"), "Running", err);
}

const struct cmd cmd_start = {
	.name = "start",
	.args = "[SERVICE...]",
	.summary = "start containers that were stopped, and what they need",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = start_flags,
	.run = start_run,
};
