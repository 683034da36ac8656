/* down.h - what cmd_down.c leaves to another file. */
#pragma once

#include <jansson.h>

#include "cli.h"

/* The names of the images that the project's containers are made of, and of those that its file names (when it is loaded); only_local: those
 * that are built without a name of their own. New reference. To be asked before the containers go. */
json_t *down_images(const struct cli *c, bool only_local);
/* Removes them; takes the names. What is in use elsewhere stays, with a warning. *ret_removed, which may be NULL: how many names went. */
int down_remove_images(struct cli *c, json_t *names, size_t *ret_removed, struct err *err);
