#include "../util/str.h"
#include "build_services.h"
#include "prompt.h"

struct prune_opts {
	bool all, force;
};

static const struct opt prune_flags[] = {
	{ 'a', "all", OPT_BOOL, offsetof(struct prune_opts, all), "everything: the next build begins anew" },
	{ 'f', "force", OPT_BOOL, offsetof(struct prune_opts, force), "do not ask" },
	{ 0, "filter", OPT_REFUSED, 0, "what buildah keeps has no such properties" },
	{ 0, "keep-storage", OPT_REFUSED, 0, "buildah cannot be told how much to keep" },
	{ 0 }
};

static int prune_run(struct cli *c, const void *opts, struct err *err)
{
	const struct prune_opts *o = opts;
	int64_t bytes;
	char size[24];

	if (!o->force && !prompt_sure(o->all ? "This removes the whole build cache"
					     : "This removes what no image is made of from the build cache"))
		return 0;
	if (build_cache_prune(c, o->all, &bytes, err) < 0)
		return -1;
	str_human_size((double)(bytes > 0 ? bytes : 0), size);
	ui_print(&c->ui, "Total reclaimed space: %s\n", size);
	return 0;
}

static const struct cmd cmd_builder_prune = {
	.name = "builder prune", .args = "", .summary = "remove from the build cache what no image is made of",
	.details = "Without --all, stages of which only files were copied are built anew the next time, too.",
	.needs = NEED_ROOT, .opts = prune_flags, .opts_size = sizeof(struct prune_opts), .run = prune_run,
};

static const struct cmd *const builder_cmds[] = { &cmd_builder_prune, NULL };

const struct cmd cmd_builder = { .name = "builder", .args = "COMMAND", .summary = "manage the build cache", .subs = builder_cmds };
