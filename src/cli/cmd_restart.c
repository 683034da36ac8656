#include "../util/json.h"
#include "act.h"

struct restart_opts {
	struct opt_int timeout;
	bool no_deps;
};

static const struct opt restart_flags[] = {
	{ 't', "timeout", OPT_SECONDS, offsetof(struct restart_opts, timeout),
	  "wait this long before SIGKILL" },
	{ 0, "no-deps", OPT_BOOL, offsetof(struct restart_opts, no_deps),
	  "do not restart services that depend on these" },
	{ 0 }
};

static int restart_run(struct cli *c, const void *opts, struct err *err)
{
	const struct restart_opts *o = opts;
	json_t *req;

	if (!act_any(c, "restart"))
		return 0;
	req = act_request(c, "restart");
	act_set_timeout(req, o->timeout);
	jx_set_bool(req, "no_deps", o->no_deps);
	return act_run(c, req, "Restarting", err);
}

const struct cmd cmd_restart = {
	.name = "restart",
	.args = "[SERVICE...]",
	.summary = "stop services and start them again",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = restart_flags,
	.opts_size = sizeof(struct restart_opts),
	.run = restart_run,
};
