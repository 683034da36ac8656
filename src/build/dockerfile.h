/* dockerfile.h - which images a Dockerfile builds upon.
 *
 * Only for handing images out of davit's store to the builder before it asks a registry: what is not understood is left out, and the
 * builder, who reads the file properly, finds or fetches it itself. Source: the Dockerfile reference (parser directives, FROM, ARG
 * before FROM, COPY --from, RUN --mount). */
#pragma once

#include "../util/str.h"

struct dockerfile_base {
	char *name, *platform;           /* platform: of FROM --platform=, with the variables replaced; NULL: what is built for */
};
struct dockerfile_bases {
	struct dockerfile_base *v;
	size_t n, cap;
};
void dockerfile_bases_done(struct dockerfile_bases *l);
/* Adds it unless it is there. */
void dockerfile_bases_add(struct dockerfile_bases *l, const char *name, const char *platform);

enum { DOCKERFILE_MAX = 1 << 20 };

/* Adds the images that FROM, --from= and --mount=…,from= name, each once a platform, as they are written there with the variables replaced
 * that an ARG before the first FROM declares, and those that a builder knows of itself (BUILDPLATFORM, TARGETARCH and the like; target: what is
 * built for, NULL: this machine); args ("NAME=value") are the build arguments. Stages of the file itself, numbers and scratch are no images. */
void dockerfile_images(const char *text, const struct strs *args, const char *target, struct dockerfile_bases *ret);
/* The line, from 1, of the first instruction that has a here-document, whose end is there, too; 0: there is none. */
size_t dockerfile_here(const char *text);
/* Whether the file has a stage of that name, and no ONBUILD: then a last line `FROM NAME` makes the same image as it does. */
bool dockerfile_may_end_with(const char *text, const char *stage);
