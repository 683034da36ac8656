/* cmd_push.c - sends what services build to its registries, as docker compose does: services that build nothing are left out. */
#include "../util/auto.h"
#include "image_need.h"
#include "push_services.h"

struct push_opts {
	bool ignore_failures, include_deps, quiet, tls_verify;
};

static const struct push_opts push_defaults = { .tls_verify = true };

#define P(field) offsetof(struct push_opts, field)
static const struct opt push_flags[] = {
	{ 0, "ignore-push-failures", OPT_BOOL, P(ignore_failures), "push what can be pushed, and warn of the rest" },
	{ 0, "include-deps", OPT_BOOL, P(include_deps), "push what the named services depend on, too" },
	{ 'q', "quiet", OPT_BOOL, P(quiet), "do not show how far it is" },
	{ 0, "tls-verify", OPT_BOOL, P(tls_verify), "=false: take any certificate, and plain http" },
	{ 0 }
};

static int push_run(struct cli *c, const void *opts, struct err *err)
{
	const struct push_opts *o = opts;
	auto_free bool *wanted = image_needs_scope(c, o->include_deps);
	const struct pushing what = { wanted, o->ignore_failures, o->quiet, !o->tls_verify };

	return push_services(c, &what, err);
}

const struct cmd cmd_push = {
	.name = "push",
	.args = "[SERVICE...]",
	.summary = "send the images that services build to their registries",
	.details = "The registry is part of the image's name; 'davit login' tells it who you are.",
	.needs = NEED_ROOT | NEED_MODEL | FROM_ANYWHERE | CAN_DRY_RUN,
	.max_args = -1,
	.opts = push_flags,
	.opts_size = sizeof(struct push_opts),
	.defaults = &push_defaults,
	.run = push_run,
};
