/* ctl_pause.h - the requests "pause" and "unpause", carried out at once: of the named services, or all, what runs. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

struct client;
struct super;

/* Tells the client of each container, and "done" or an "error" before this returns. */
void pause_request(struct super *s, struct client *c, const json_t *req, bool pause);
