/* step.h - everything that is done for one image, one thing after the other, in a worker: what it prints goes to a pipe. */
#pragma once

#include "session.h"
#include "spec.h"

struct step {
	const struct build_run *run;     /* borrowed, as all here */
	const struct session *session;
	const struct build_spec *spec;
	const char *tmp, *rundir, *cgroup; /* of the job */
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
/* The image of davit's store that a Dockerfile's word means; NULL: there is none, the builder will look elsewhere. *ret_ref is its
 * normalised name, malloc'ed. */
struct image;
struct image *step_base(const struct step *s, struct image_store *store, const char *name, char **ret_ref);
/* bases.c: has davit-image pull what the store lacks of these images; with `pull`, all but what services of the project make. Failures count
 * with `pull` only. */
int step_fetch(const struct step *s, const struct strs *names, struct err *err);
/* Hands a layout over to davit-image. config may be NULL. */
int step_take(const struct step *s, const char *dir, const char *config, struct err *err);
/* True when the store has this image by all its names. */
bool step_has(const struct step *s, struct image_store *store, const char *id);
