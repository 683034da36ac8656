/* step.h - everything that is done for one image, one thing after the other, in a worker: what it prints goes to a pipe. */
#pragma once

#include "session.h"
#include "spec.h"

struct step {
	const struct build_run *run;     /* borrowed, as all here */
	const struct session *session;
	const struct build_spec *spec;
	const char *tmp, *rundir, *cgroup; /* of the job */
	const char *platform;            /* the one that is being built for, NULL: this host's, */
	const char *storage;             /* and buildah's storage for it */
	int out_fd;
};
/* A worker's function (arg: struct step); its answer is {"id":"sha256:…","unchanged":bool}. */
int step_work(void *arg, json_t **ret, struct err *err);

/* --- shared by step.c, step_buildah.c and step_buildkit.c --- */
struct argv_places;
struct image_store;
void step_places(const struct step *s, const char *iid, const char *out, struct argv_places *ret);
int step_buildah(const struct step *s, json_t **ret, struct err *err);
int step_buildkit(const struct step *s, json_t **ret, struct err *err);
/* bases.c: has davit-image pull what the store lacks of these images; with `pull`, all but what services of the project make. Failures count
 * with `pull` only. */
int step_fetch(const struct step *s, const struct dockerfile_bases *bases, struct err *err);
#define BASE_LIST "localhost/davit-list-" /* how the second name of a list of platforms begins in buildah's storage */
/* base_import.c: hands those that davit's store has to buildah, by their names; those that have a digest, which buildah gives to nobody, by names
 * of ours: contexts gets "WORD=NAME" of them. */
int step_import(const struct step *s, struct image_store *store, const struct dockerfile_bases *bases, struct strs *contexts, struct err *err);
/* here.c: ERR_INPUT when the Dockerfile has what this buildah does not read, with its place; *ret_advice: what may help if it fails, NULL: nothing. */
int step_here(const struct step *s, const char **ret_advice, struct err *err);
/* "buildah … WORDS": what it prints is ret, when that is given. */
int step_ask(const struct step *s, const char *const *words, struct buf *ret, struct err *err);
/* Hands layouts over to davit-image (src/verb/verb_take.c); takes the array. */
int step_take(const struct step *s, json_t *layouts, struct err *err);
/* same.c. True when the store has this image of the step's platform by all its names. */
bool step_has(const struct step *s, struct image_store *store, const char *id);
/* True when what the store has by the first name is one image for all platforms that are built for, so that a push sends all of them. */
bool step_together(const struct step *s, struct image_store *store);
/* True when none of its names means anything that is not built for the service any more: images for platforms that it had once. */
bool step_alone(const struct step *s, struct image_store *store);
/* Which of spec.platforms this host would run; 0 when none or when there is none. */
size_t step_ours(const struct step *s);
json_t *step_answer(const struct step *s, const char *id, bool unchanged);
#define DIGEST_HEX(digest) ((digest) + strlen("sha256:"))
