/* down.h - what cmd_down.c leaves to another file. */
#pragma once

#include <jansson.h>

#include "cli.h"

/* The names of the images that the project's containers are made of, as its file has them; only_local: those that were built without a name
 * of their own. New reference. To be asked before the containers go. */
json_t *down_images(const struct cli *c, bool only_local);
/* Removes them; takes the names. What is in use elsewhere stays, with a warning. */
int down_remove_images(struct cli *c, json_t *names, struct err *err);
