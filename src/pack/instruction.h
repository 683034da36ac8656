/* instruction.h - one line of a Dockerfile that says how an image is run, for `import --change`. Pure. */
#pragma once

#include <jansson.h>

#include "../util/err.h"

/* Changes "config" of an image's config document: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME,
 * WORKDIR. No variables are put in. ERR_INPUT says what is wrong with the line. */
int instruction_apply(json_t *config, const char *line, struct err *err);
