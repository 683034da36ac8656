/* dockerfile.h - which images a Dockerfile builds upon.
 *
 * Only for handing images out of davit's store to the builder before it asks a registry: what is not understood is left out, and the
 * builder, who reads the file properly, finds or fetches it itself. Source: the Dockerfile reference (parser directives, FROM, ARG
 * before FROM, COPY --from, RUN --mount). */
#pragma once

#include "../util/str.h"

enum { DOCKERFILE_MAX = 1 << 20 };

/* Adds the images that FROM, --from= and --mount=…,from= name, each once, as they are written there with the variables replaced that an
 * ARG before the first FROM declares; args ("NAME=value") are the build arguments. Stages of the file itself, numbers and scratch are no
 * images. */
void dockerfile_images(const char *text, const struct strs *args, struct strs *ret);
/* Whether the file has a stage of that name, and no ONBUILD: then a last line `FROM NAME` makes the same image as it does. */
bool dockerfile_may_end_with(const char *text, const char *stage);
