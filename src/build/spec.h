/* spec.h - one image to be built: a service's `build:` and what the command line says, checked, with all paths absolute. */
#pragma once

#include "../util/buf.h"
#include "build.h"
#include "dockerfile.h"

enum spec_context { CONTEXT_PATH, CONTEXT_IMAGE };   /* a directory, URL or whatever the builder knows · an image */
struct spec_named {
	char *name;
	enum spec_context kind;
	char *value;                     /* CONTEXT_IMAGE: a normalised reference */
};
struct build_spec {
	const struct service *service;   /* borrowed */
	const struct build_opts *opts;   /* borrowed */
	struct strs refs;                /* what the image will be called, normalised; the service's name for it first */
	char *context;
	bool remote;                     /* the context is the builder's to fetch */
	char *dockerfile;                /* absolute; NULL: the builder finds it in the remote context, by the name in the service */
	char *ignorefile;                /* DOCKERFILE.dockerignore, NULL: there is none */
	struct buf text;                 /* of the Dockerfile, as far as it is at hand */
	const char *target;              /* the stage to name to the builder, NULL: the last one. Borrowed */
	struct strs platforms;           /* normalised, each once: an image is built for each; none: for this host */
	struct strs args, labels;        /* NAME=value */
	struct strs secrets;             /* ID=PATH */
	struct strs ssh;                 /* "default" or "ID=PATH" */
	struct spec_named *contexts;     size_t n_contexts;
};

/* files_dir: a directory of ours, where inline Dockerfile and secrets that are no files are written. 0, or -1 with the place in the user's
 * file in *ret_pos. */
int spec_make(const struct project *p, const struct service *s, const struct build_opts *o, const char *version, const char *files_dir,
	      struct build_spec *ret, struct pos *ret_pos, struct err *err);
void spec_done(struct build_spec *s);
/* The images that building for a platform (NULL: this host) may take out of davit's store, as they are written, each with the platform that
 * it is taken for (NULL: this host's). */
void spec_images(const struct build_spec *s, const char *platform, struct dockerfile_bases *ret);
/* The normalised form, "docker.io/library/redis:latest"; NULL: it is none. malloc'ed. */
char *spec_ref(const char *name);
/* The service that an additional context names ("service:NAME"), NULL: it is something else. */
const char *spec_context_service(const char *value);
/* platforms.c: fills in b->platforms. ERR_INPUT. */
int spec_platforms(struct build_spec *b, struct err *err);
/* True: programs for it run here without an emulator. NULL: this host. */
bool spec_is_native(const char *platform);
/* Build arguments ("NAME=value") that say what is built where, as far as the Dockerfile asks and buildah would not say it. */
void spec_platform_args(const struct build_spec *b, const char *platform, struct strs *ret);
/* The Dockerfile with $BUILDPLATFORM replaced in FROM; NULL: it does not stand there. malloc'ed. */
char *spec_with_build_platform(const char *text);
