#include "pull_policy.h"

#include <stddef.h>
#include <string.h>

#include "../util/clock.h"
#include "../util/str.h"

#define HOUR_NS (3600 * SEC_NS)

bool pull_policy_parse(const char *text, struct pull_policy *ret)
{
	static const struct { const char *word; struct pull_policy is; } words[] = {
		{ "", { PULL_MISSING, 0 } }, { "missing", { PULL_MISSING, 0 } }, { "if_not_present", { PULL_MISSING, 0 } },
		{ "always", { PULL_ALWAYS, 0 } }, { "never", { PULL_NEVER, 0 } }, { "build", { PULL_BUILD, 0 } },
		{ "daily", { PULL_REFRESH, 24 * HOUR_NS } }, { "weekly", { PULL_REFRESH, 7 * 24 * HOUR_NS } },
	};
	int64_t every_ns;

	*ret = words[0].is;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (STREQ(text ? text : "", words[i].word)) {
			*ret = words[i].is;
			return true;
		}
	}
	if (!str_starts(text, "every_") || str_duration_ns(text + strlen("every_"), &every_ns) < 0 || every_ns < 0)
		return false;
	*ret = (struct pull_policy){ PULL_REFRESH, every_ns };
	return true;
}

/* A time that is yet to come says nothing: some clock was wrong. */
static bool is_stale(const struct image_case *c, int64_t every_ns)
{
	return !c->pulled_ns || c->pulled_ns > c->now_ns || c->now_ns - c->pulled_ns > every_ns;
}

enum image_todo image_todo(const struct image_case *c)
{
	enum image_todo pull = c->can_build ? IMAGE_TRY_PULL : IMAGE_PULL, make = c->can_build ? IMAGE_BUILD : IMAGE_ABSENT;
	struct pull_policy policy;

	pull_policy_parse(c->policy, &policy);
	if (policy.kind == PULL_BUILD && c->has_build)
		return IMAGE_BUILD;
	if (policy.kind == PULL_NEVER || policy.kind == PULL_BUILD || !c->named)
		return c->present ? IMAGE_USE : make;
	if (policy.kind == PULL_ALWAYS || !c->present)
		return pull;
	return policy.kind == PULL_REFRESH && is_stale(c, policy.every_ns) ? pull : IMAGE_USE;
}
