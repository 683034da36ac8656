/* plan: what `up` with the same options would change, and `up --dry-run`. */
#include <string.h>

#include "dry.h"
#include "up.h"

struct plan_opts {
	struct up_opts up;
	const char *format;
};

enum { STATUS_CHANGES = 2 };

#define P(field) offsetof(struct plan_opts, field)
static const struct opt plan_flags[] = {
	{ 0, "format", OPT_STRING, P(format), "text or json", "FORMAT", "text json" },
	{ 0, "force-recreate", OPT_BOOL, P(up.force_recreate), "as if containers that have not changed were recreated, too" },
	{ 0, "no-recreate", OPT_BOOL, P(up.no_recreate), "as if containers were kept even if they have changed" },
	{ 0, "always-recreate-deps", OPT_BOOL, P(up.always_recreate_deps), "with --force-recreate: also what the named services depend on" },
	{ 0, "no-deps", OPT_BOOL, P(up.no_deps), "without what the named services depend on" },
	{ 0, "no-start", OPT_BOOL, P(up.no_start), "containers would be created and not started" },
	{ 0, "remove-orphans", OPT_BOOL, P(up.remove_orphans), "also remove containers of services that the file does not have" },
	{ 0, "scale", OPT_STRS, P(up.scale), "so many containers of a service", "SERVICE=N" },
	{ 0, "pull", OPT_STRING, P(up.pull), "pull images: always, missing, never, or policy, which is what the file says", "POLICY", "always missing never policy …" },
	{ 0, "build", OPT_BOOL, P(up.build), "build images first, also those that are there" },
	{ 0, "no-build", OPT_BOOL, P(up.no_build), "do not build images, not even those that are missing" },
	{ 0 }
};

static int plan_run(struct cli *c, const void *opts, struct err *err)
{
	const struct plan_opts *o = opts;
	struct changes changes = { 0 };
	int r = up_changes(c, &o->up, &changes, err);

	if (r == 0 && o->format && STREQ(o->format, "json"))
		dry_print_json(&c->ui, &changes);
	else if (r == 0)
		dry_print_text(&c->ui, &changes);
	if (r == 0 && changes_any(&changes))
		r = STATUS_CHANGES;
	changes_done(&changes);
	return r;
}

int up_dry_run(struct cli *c, const struct up_opts *o, struct err *err)
{
	struct changes changes = { 0 };
	int r = up_changes(c, o, &changes, err);

	return r == 0 ? dry_show(c, &changes) : r;
}

const struct cmd cmd_plan = {
	.name = "plan",
	.args = "[SERVICE...]",
	.summary = "show what 'up' would change, and why; change nothing",
	.details = "Exit status: 0 nothing would change, 2 something would, 1 it cannot be said or 'up' would be refused.",
	.needs = NEED_MODEL | ONLY_LOOKS | AS_IF_ACTING,
	.max_args = -1,
	.opts = plan_flags,
	.opts_size = sizeof(struct plan_opts),
	.run = plan_run,
};
