/* create and scale: `up` that stops before the start, and `up` with numbers. */
#include <string.h>

#include "../util/mem.h"
#include "up.h"

#define U(field) offsetof(struct up_opts, field)

static const struct opt create_flags[] = {
	{ 0, "build", OPT_BOOL, U(build), "build images first, also those that are there" },
	{ 0, "no-build", OPT_BOOL, U(no_build), "do not build images, not even those that are missing" },
	{ 0, "quiet-build", OPT_BOOL, U(quiet_build), "do not show what builders print" },
	{ 0, "force-recreate", OPT_BOOL, U(force_recreate), "recreate containers that have not changed, too" },
	{ 0, "no-recreate", OPT_BOOL, U(no_recreate), "keep containers even if they have changed" },
	{ 0, "pull", OPT_STRING, U(pull), "pull images: always, missing, never, or policy, which is what the file says", "POLICY", "always missing never policy …" },
	{ 0, "quiet-pull", OPT_BOOL, U(quiet_pull), "pull without showing how far it is" },
	{ 0, "remove-orphans", OPT_BOOL, U(remove_orphans), "remove containers of services that the file does not have" },
	{ 0, "scale", OPT_STRS, U(scale), "make this many containers of a service", "SERVICE=N" },
	{ 'y', "yes", OPT_IGNORED, 0, "ask nothing, which is so without it, too" },
	{ 0 }
};

const struct cmd cmd_create = {
	.name = "create",
	.args = "[SERVICE...]",
	.summary = "create containers without starting them",
	.needs = NEED_ROOT | NEED_MODEL | CAN_DRY_RUN,
	.max_args = -1,
	.opts = create_flags,
	.opts_size = sizeof(struct up_opts),
	.defaults = &(const struct up_opts){ .no_start = true },
	.run = up_run,
};

static const struct opt scale_flags[] = {
	{ 0, "no-deps", OPT_BOOL, U(no_deps), "do not start what the named services depend on" },
	{ 0, "scale", OPT_STRS, U(scale), NULL },       /* where the arguments go */
	{ 0 }
};

/* "web=3" names the service web; who reads the arguments from here on finds that. */
static void scale_prepare(struct cli *c, void *opts)
{
	struct up_opts *o = opts;

	for (size_t i = 0; i < c->args.n; i++) {
		strs_add(&o->scale, c->args.v[i]);
		c->args.v[i][strcspn(c->args.v[i], "=")] = '\0';
	}
}

const struct cmd cmd_scale = {
	.name = "scale",
	.args = "SERVICE=N...",
	.summary = "run this many containers of a service",
	.needs = NEED_ROOT | NEED_MODEL | CAN_DRY_RUN,
	.min_args = 1,
	.max_args = -1,
	.opts = scale_flags,
	.opts_size = sizeof(struct up_opts),
	.defaults = &(const struct up_opts){ .detach = true },
	.prepare = scale_prepare,
	.run = up_run,
};
