#include "act.h"

static int run(struct cli *c, const char *op, const char *verb, struct err *err)
{
	return act_any(c, op) ? act_run(c, act_request(c, op), verb, err) : 0;
}

static int pause_run(struct cli *c, const void *opts, struct err *err)
{
	return run(c, "pause", "Pausing", err);
}

static int unpause_run(struct cli *c, const void *opts, struct err *err)
{
	return run(c, "unpause", "Unpausing", err);
}

static const struct opt no_flags[] = { { 0 } };

const struct cmd cmd_pause = {
	.name = "pause",
	.args = "[SERVICE...]",
	.summary = "stop the processes of containers where they are",
	.details = "They keep all they have and go on with 'unpause', with a signal, or to be stopped.",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = no_flags,
	.run = pause_run,
};

const struct cmd cmd_unpause = {
	.name = "unpause",
	.args = "[SERVICE...]",
	.summary = "let the processes of paused containers go on",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = no_flags,
	.run = unpause_run,
};
