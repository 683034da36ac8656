/* pull_policy.h - what has to be done for an image before a service can use it. Pure.
 *
 * The rules are docker compose's (pkg/compose/pull.go, mustPull, and build.go): a service that can be built takes what a registry has, if it
 * has it; what cannot be pulled is built then, and is no failure. A policy that is none counts as `missing`, as it does there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum pull_kind { PULL_MISSING, PULL_ALWAYS, PULL_NEVER, PULL_BUILD, PULL_REFRESH };
struct pull_policy {
	enum pull_kind kind;
	int64_t every_ns;                /* PULL_REFRESH: daily, weekly, every_12h */
};
/* NULL and "" are `missing`. false: the text is no policy, *ret is `missing`. */
bool pull_policy_parse(const char *text, struct pull_policy *ret);

enum image_todo {
	IMAGE_USE,                       /* it is there */
	IMAGE_PULL,
	IMAGE_TRY_PULL,                  /* what comes of it does not matter: it can be used as it is, or built */
	IMAGE_BUILD,
	IMAGE_ABSENT,                    /* it is not there, and nothing may be done about it */
};
struct image_case {
	const char *policy;              /* pull_policy of the service, or --pull; may be NULL */
	bool named;                      /* `image:` is given; else there is no registry that could have it */
	bool has_build;                  /* `build:` of the service itself */
	bool can_build;                  /* that, or another service's that makes an image of this name */
	bool present;                    /* in the store: for the service's platform, its layers unpacked */
	int64_t pulled_ns, now_ns;       /* wall time; 0: not known when */
};
enum image_todo image_todo(const struct image_case *c);
