#include "../util/json.h"
#include "act.h"

struct kill_opts {
	const char *signal;
};

static const struct opt kill_flags[] = {
	{ 's', "signal", OPT_STRING, offsetof(struct kill_opts, signal),
	  "signal to send (SIGKILL)", "SIGNAL" },
	{ 0, "remove-orphans", OPT_REFUSED, 0, "use 'davit up -d --remove-orphans'" },
	{ 0 }
};

static int kill_run(struct cli *c, const void *opts, struct err *err)
{
	const struct kill_opts *o = opts;
	json_t *req;

	if (!act_any(c, "kill"))
		return 0;
	req = act_request(c, "kill");
	jx_set_str(req, "signal", o->signal);
	return act_run(c, req, "Killing", err);
}

const struct cmd cmd_kill = {
	.name = "kill",
	.args = "[SERVICE...]",
	.summary = "send a signal to services",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES,
	.max_args = -1,
	.opts = kill_flags,
	.opts_size = sizeof(struct kill_opts),
	.defaults = &(const struct kill_opts){ .signal = "SIGKILL" },
	.run = kill_run,
};
