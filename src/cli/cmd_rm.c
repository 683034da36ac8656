#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "act.h"
#include "prompt.h"
#include "view.h"

struct rm_opts {
	bool force, stop, volumes;
};

static const struct opt rm_flags[] = {
	{ 'f', "force", OPT_BOOL, offsetof(struct rm_opts, force), "do not ask" },
	{ 's', "stop", OPT_BOOL, offsetof(struct rm_opts, stop),
	  "stop containers that run, then remove them, too" },
	{ 'v', "volumes", OPT_BOOL, offsetof(struct rm_opts, volumes),
	  "also remove their anonymous volumes" },
	{ 'a', "all", OPT_IGNORED, 0, NULL },
	{ 0 }
};

static bool confirmed(const struct view *list, size_t n)
{
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, "Going to remove ");
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", list[i].r->name);
	return prompt_sure(b.p);
}

static void nothing_stopped(void)
{
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, "No stopped containers\n");
	ui_stderr(&b);
}

static int rm_run(struct cli *c, const void *opts, struct err *err)
{
	const struct rm_opts *o = opts;
	size_t all, n = 0;
	auto_free struct view *list = view_list(c, &all);
	json_t *req;

	for (size_t i = 0; i < all; i++)
		if (o->stop || (!view_up(&list[i]) && !STREQ(list[i].state, "restarting")))
			list[n++] = list[i];
	if (!n) {
		nothing_stopped();
		return 0;
	}
	if (!o->force && !c->g.dry_run && !confirmed(list, n))
		return 0;
	req = act_request(c, "rm");
	jx_set_bool(req, "stop", o->stop);
	jx_set_bool(req, "volumes", o->volumes);
	return act_run(c, req, "Removing", err);
}

const struct cmd cmd_rm = {
	.name = "rm",
	.args = "[SERVICE...]",
	.summary = "remove containers that have stopped",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = rm_flags,
	.opts_size = sizeof(struct rm_opts),
	.run = rm_run,
};
