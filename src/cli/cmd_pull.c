/* cmd_pull.c - fetches the images of services, as docker compose does: a service without a pull_policy is always asked for, and so is what is
 * called `latest`, which is expected to move. */
#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "dry.h"
#include "image_need.h"

struct pull_opts {
	bool ignore_buildable, ignore_failures, include_deps, quiet, tls_verify;
	const char *policy;
};

static const struct pull_opts pull_defaults = { .tls_verify = true };

#define P(field) offsetof(struct pull_opts, field)
static const struct opt pull_flags[] = {
	{ 0, "ignore-buildable", OPT_BOOL, P(ignore_buildable), "leave out images that can be built" },
	{ 0, "ignore-pull-failures", OPT_BOOL, P(ignore_failures), "pull what can be pulled, and warn of the rest" },
	{ 0, "include-deps", OPT_BOOL, P(include_deps), "pull what the named services depend on, too" },
	{ 0, "policy", OPT_STRING, P(policy), "missing or always, instead of every pull_policy", "POLICY", "missing always" },
	{ 'q', "quiet", OPT_BOOL, P(quiet), "do not show how far it is" },
	{ 0, "tls-verify", OPT_BOOL, P(tls_verify), "=false: take any certificate, and plain http" },
	{ 0, "parallel", OPT_IGNORED, 0, NULL },
	{ 0, "no-parallel", OPT_IGNORED, 0, NULL },
	{ 0 }
};

static bool is_latest(const char *name)
{
	struct image_ref ref = { 0 };
	bool latest = ref_parse(name, &ref, NULL) == 0 && str_eq(ref.tag, "latest") && !ref.digest;

	ref_done(&ref);
	return latest;
}

/* Why it is left out; NULL: it is not. */
static const char *skipped(const struct image_need *need, const struct pull_opts *o)
{
	const char *text = o->policy ? o->policy : need->s->pull_policy;
	struct pull_policy policy;

	if (!need->named)
		return "No image to be pulled";
	pull_policy_parse(text, &policy);
	if (policy.kind == PULL_NEVER)
		return "pull_policy is 'never'";
	if (policy.kind == PULL_BUILD)
		return "pull_policy is 'build'";
	if (policy.kind == PULL_MISSING && text && *text && need->present && !need->packed && !is_latest(need->name))
		return "Image is already present locally";
	return need->has_build && o->ignore_buildable ? "Image can be built" : NULL;
}

static void choose(struct image_needs *needs, const struct pull_opts *o, struct progress *progress)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct image_need *need = &needs->v[i];
		const char *why = skipped(need, o);

		need->todo = why ? IMAGE_USE : IMAGE_PULL;
		if (why && progress)
			progress_step(progress, need->named ? "image" : "service", need->named ? need->name : need->s->name, "Skipped", why);
	}
}

/* A name that is none is nobody's to pull. */
static bool bad_names(const struct image_needs *needs, struct diag *found)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->v[i].named && needs->v[i].why.kind == ERR_INPUT)
			place_say(found, DIAG_ERROR, &needs->v[i].at, needs->v[i].s, &needs->v[i].why);
	return diag_failed(found);
}

static void say_failures(const struct image_needs *needs, const struct pull_opts *o, struct diag *found)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct image_need *need = &needs->v[i];

		if (!need->failed)
			continue;
		place_say(found, o->ignore_failures ? DIAG_WARNING : DIAG_ERROR, &need->at, need->s, &need->why);
		if (need->can_build)
			diag_hint(found, "it can be built: 'davit build %s'", need->s->name);
	}
}

static int dry_pull(struct cli *c, struct image_needs *needs, const struct pull_opts *o)
{
	struct changes changes = { 0 };

	choose(needs, o, NULL);
	dry_images(needs, &changes);
	return dry_show(c, &changes);
}

static int pull_all(struct cli *c, struct image_needs *needs, const struct pull_opts *o, struct err *err)
{
	struct image_pull how = { .no_verify = !o->tls_verify };
	struct diag found = DIAG_INIT;
	int r, printed;

	if (bad_names(needs, &found))
		return place_print(c, &found);
	if (c->g.dry_run)
		return dry_pull(c, needs, o);
	if (!o->quiet)
		how.progress = progress_new(&c->ui, "Pulling");
	choose(needs, o, how.progress);
	r = image_needs_pull(c, needs, &how, err);
	progress_free(how.progress);
	say_failures(needs, o, &found);
	printed = place_print(c, &found);
	return r < 0 ? -1 : printed;
}

static int pull_run(struct cli *c, const void *opts, struct err *err)
{
	const struct pull_opts *o = opts;
	auto_free bool *scope = image_needs_scope(c, o->include_deps);
	struct image_needs needs = { 0 };
	int r;

	r = image_needs_find(c, scope, true, &needs, err);
	if (r == 0)
		r = pull_all(c, &needs, o, err);
	image_needs_done(&needs);
	return r;
}

const struct cmd cmd_pull = {
	.name = "pull",
	.args = "[SERVICE...]",
	.summary = "fetch the images of services",
	.details = "Nothing is started. With --ignore-pull-failures its exit status is 0 whatever is missing.",
	.needs = NEED_ROOT | NEED_MODEL | FROM_ANYWHERE | CAN_DRY_RUN,
	.max_args = -1,
	.opts = pull_flags,
	.opts_size = sizeof(struct pull_opts),
	.defaults = &pull_defaults,
	.run = pull_run,
};
