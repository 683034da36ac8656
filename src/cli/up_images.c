/* up_images.c - the second half of image_need.h: what has to be done for the images of services that are to run, and doing it. */
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "build_services.h"
#include "image_need.h"
#include "imager.h"

int image_wish_check(const struct image_wish *w, struct err *err)
{
	static const char *const words[] = { "always", "missing", "if_not_present", "never", "build", "policy" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!w->pull || STREQ(w->pull, words[i]))
			return 0;
	return err_set(err, ERR_USAGE, "--pull is always, missing, never or policy, not '%s'", w->pull);
}

static const char *policy_of(const struct image_need *need, const struct image_wish *w)
{
	if (w->build && need->has_build)
		return "build";
	return w->pull && !STREQ(w->pull, "policy") ? w->pull : need->s->pull_policy;
}

void image_needs_decide(struct image_needs *needs, const struct image_wish *w)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct image_need *need = &needs->v[i];
		const struct image_case is = {
			.policy = policy_of(need, w), .named = need->named, .has_build = need->has_build, .can_build = need->can_build,
			.present = need->present, .pulled_ns = need->pulled_ns, .now_ns = clock_wall_ns(),
		};
		struct pull_policy policy;

		pull_policy_parse(is.policy, &policy);
		need->todo = !need->present && need->why.kind == ERR_INPUT ? IMAGE_ABSENT : image_todo(&is);
		need->missing_only = !need->present && policy.kind != PULL_ALWAYS;
	}
}

void image_needs_check(const struct image_needs *needs, const struct service *s, struct diag *found)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct image_need *need = &needs->v[i];
		auto_err struct err why = ERR_INIT;

		if (need->s != s || need->todo != IMAGE_ABSENT)
			continue;
		if (need->why.kind == ERR_INPUT) {
			place_say(found, DIAG_ERROR, &need->at, s, &need->why);
			continue;
		}
		err_set(&why, ERR_NOT_FOUND, "%s, and it may not be %s", err_msg(&need->why), need->named ? "pulled" : "built");
		if (s->build.given)
			err_hint(&why, "'davit build %s' builds it, as does 'davit up' without --no-build", s->name);
		err_hint(&why, "let it be pulled with '--pull missing' or another pull_policy, or load it with 'davit load -i FILE'");
		place_say(found, DIAG_ERROR, &need->at, s, &why);
	}
}

/* --- having them --- */

static bool to_be_built(const struct image_need *need)
{
	return need->todo == IMAGE_BUILD || (need->todo == IMAGE_TRY_PULL && need->failed && !need->present);
}

/* What could not be pulled and will be built was shown as a warning on its way. */
static void say_failed(const struct image_need *need, struct diag *found)
{
	if (need->failed && !to_be_built(need))
		place_say(found, need->todo == IMAGE_PULL ? DIAG_ERROR : DIAG_WARNING, &need->at, need->s, &need->why);
}

static int pull(struct cli *c, struct image_needs *needs, const struct image_wish *w, struct err *err)
{
	struct image_pull how = { .progress = w->quiet ? NULL : progress_new(&c->ui, "Pulling") };
	struct diag found = DIAG_INIT;
	int r = image_needs_pull(c, needs, &how, err), printed;

	progress_free(how.progress);
	for (size_t i = 0; i < needs->n; i++)
		say_failed(&needs->v[i], &found);
	printed = place_print(c, &found);
	return r < 0 ? -1 : printed;
}

/* Images that skopeo or another tool has put into the store. */
static int unpack(struct cli *c, const struct image_needs *needs, struct err *err)
{
	struct imager what = { .verb = "unpack", .input_fd = -1, .output_fd = -1 };
	json_t *digests = json_array();

	for (size_t i = 0; i < needs->n; i++) {
		const struct image_need *need = &needs->v[i];

		if (need->packed && (need->todo == IMAGE_USE || (need->failed && need->present)))
			json_array_append_new(digests, json_string(need->packed));
	}
	what.request = json_pack("{s:o}", "manifests", digests);
	if (json_array_size(digests))
		return imager_run(c, &what, err);
	json_decref(what.request);
	return 0;
}

/* Another service may be the one that builds an image. */
static int build(struct cli *c, const struct image_needs *needs, const struct image_wish *w, enum build_tool tool, struct err *err)
{
	auto_free bool *wanted = xcalloc(c->project->n_services + 1, sizeof *wanted);
	const struct building what = { .wanted = wanted, .quiet = w->quiet_build, .opts = { .tool = tool, .to_run = true } };

	for (size_t i = 0; i < needs->n; i++)
		for (size_t k = 0; to_be_built(&needs->v[i]) && k < needs->n; k++)
			if (needs->v[k].has_build && image_same(needs->v[k].name, needs->v[i].name))
				wanted[needs->v[k].s - c->project->services] = true;
	return build_services(c, &what, err);
}

int image_needs_get(struct cli *c, struct image_needs *needs, const struct image_wish *w, struct err *err)
{
	enum build_tool tool;
	bool pulls = false, builds = false;
	int r = build_tool_parse(getenv("DAVIT_BUILDER"), &tool, err);

	for (size_t i = 0; i < needs->n; i++) {
		pulls |= needs->v[i].todo == IMAGE_PULL || needs->v[i].todo == IMAGE_TRY_PULL;
		builds |= needs->v[i].todo == IMAGE_BUILD;
	}
	if (r == 0 && builds)            /* who lacks a builder need not wait for downloads */
		r = build_tool_check(tool, err);
	if (r == 0 && pulls)
		r = pull(c, needs, w, err);
	if (r == 0)
		r = build(c, needs, w, tool, err);
	return r ? r : unpack(c, needs, err);
}
