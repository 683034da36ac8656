/* rebuild.h - an index is made anew of what is among the blobs. */
#pragma once

#include <jansson.h>

#include "stage.h"

/* Descriptors of the images whose manifest and config are among the blobs, whole, as index.json would have them, but without names: these
 * stand nowhere else. An index that has one of them, or Docker's manifest beside OCI's of the same image, is named as what it was pulled
 * by. id: only of this image; NULL: all. */
int rebuild_list(const struct stage *s, const char *id, json_t **ret, struct err *err);
