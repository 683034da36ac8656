/* image_need.h - the images that services need, what the store has of them, and pulling the others.
 *
 * A service needs its own image, and those of its steps of pre_start that have another one. */
#pragma once

#include "cli.h"
#include "place.h"
#include "pull_policy.h"

struct image_need {
	const struct service *s;         /* borrowed from the project */
	char *name;                      /* as the user wrote it, or as what is built is called; owned */
	const char *platform;            /* borrowed; NULL: this machine's */
	struct place at;
	bool named;                      /* `image:` is given */
	bool has_build, can_build;       /* as in struct image_case */
	bool present;
	char *packed;                    /* the digest of its manifest when it is there with layers that are not unpacked; owned */
	int64_t pulled_ns;
	struct err why;                  /* why it is not there; afterwards: why it could not be pulled */
	enum image_todo todo;            /* the caller's; IMAGE_USE at first */
	bool missing_only;               /* the caller's: there is no need to ask the registry for what is there by then */
	bool failed;                     /* it could not be pulled */
};
struct image_needs {
	struct image_need *v;
	size_t n, cap;
};
/* The services that `pull` and `push` are about: those named, or all; with what they need if include_deps. One flag for each; malloc'ed. */
bool *image_needs_scope(const struct cli *c, bool include_deps);
/* Those of the services that `scope` has. may_build: `build:` counts. The store is read, davit-image is not asked. ERR_INPUT in `why`: the name
 * is none. */
int image_needs_find(struct cli *c, const bool *scope, bool may_build, struct image_needs *ret, struct err *err);
void image_needs_done(struct image_needs *needs);
/* Whether two names mean the same. */
bool image_same(const char *a, const char *b);

struct image_pull {
	struct progress *progress;       /* borrowed; NULL: quiet */
	bool no_verify;
};
/* Pulls those that are marked IMAGE_PULL and IMAGE_TRY_PULL, all by one davit-image, each name and platform once; nothing is started when there
 * are none. What failed is said in the needs. -1 with *err: what failed for all that have no failure of their own. */
int image_needs_pull(struct cli *c, struct image_needs *needs, const struct image_pull *how, struct err *err);

/* --- for `up`, and whatever else makes containers --- */
struct image_wish {
	const char *pull;                /* --pull: takes the place of every pull_policy; NULL or "policy": it does not */
	bool quiet;                      /* --quiet-pull */
	bool build, no_build;            /* --build: whatever can be; --no-build: nothing */
	bool quiet_build;
};
/* ERR_USAGE when --pull is none of always, missing, if_not_present, never, build and policy. */
int image_wish_check(const struct image_wish *w, struct err *err);
/* Decides what is to be done for each (struct image_need's todo). */
void image_needs_decide(struct image_needs *needs, const struct image_wish *w);
/* Says of one service what cannot be had, as far as that is known without asking anybody. */
void image_needs_check(const struct image_needs *needs, const struct service *s, struct diag *found);
/* Pulls and builds. Has all of them when it returns 0. CLI_PRINTED: each that could not be had was said, in its place; 130: interrupted; -1. */
int image_needs_get(struct cli *c, struct image_needs *needs, const struct image_wish *w, struct err *err);
