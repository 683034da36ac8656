#include "act.h"

struct stop_opts {
	struct opt_int timeout;
};

static const struct opt stop_flags[] = {
	{ 't', "timeout", OPT_SECONDS, offsetof(struct stop_opts, timeout), "wait this long before SIGKILL" },
	{ 0 }
};

static int stop_run(struct cli *c, const void *opts, struct err *err)
{
	const struct stop_opts *o = opts;
	json_t *req;

	if (!act_any(c, "stop"))
		return 0;
	req = act_request(c, "stop");
	act_set_timeout(req, o->timeout);
	return act_run(c, req, "Stopping", err);
}

const struct cmd cmd_stop = {
	.name = "stop",
	.args = "[SERVICE...]",
	.summary = "stop services and keep their containers",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = stop_flags,
	.opts_size = sizeof(struct stop_opts),
	.run = stop_run,
};
