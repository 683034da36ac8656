/* imager.h - davit's side of davit-image, the one program that touches registries and foreign archives: asks it for something and
 * hears what happens. What can be asked stands in src/verb/. */
#pragma once

#include <jansson.h>

#include "cli.h"

struct imager {
	const char *verb;
	json_t *request;                 /* taken, also on failure; "state_dir" is added. Passwords may stand in it: it is passed in memory */
	int input_fd;                    /* what it reads as standard input, borrowed; -1: nothing */
	int output_fd;                   /* what it writes an archive to, borrowed; -1: none */
	/* Each of its events but "error", which is what imager_run() returns. -1 with *err stops it. May be NULL. */
	int (*on_event)(void *arg, const json_t *ev, struct err *err);
	/* Called when nothing comes for as long as tick_ms() says; both may be NULL. */
	int (*tick_ms)(void *arg);
	void (*on_tick)(void *arg);
	void *arg;
};

/* Returns when it has ended. It dies with this process. */
int imager_run(struct cli *c, const struct imager *what, struct err *err);
