/* df.h - what the state directory holds, gathered for `system df`. */
#pragma once

#include <jansson.h>

#include "cli.h"

struct df_kind {
	int64_t total, active, bytes, reclaimable;
	json_t *rows;    /* for -v; owned */
};
struct df {
	/* rows: {"id","bytes","unique","containers"} */
	struct df_kind images;
	/* {"id","image","command","volumes","bytes","created_ns","status","name"}; bytes: what it has written into its file system */
	struct df_kind containers;
	struct df_kind volumes;  /* {"name","links","bytes"} */
	struct df_kind cache;    /* buildah's; it is one, without rows */
};
int df_gather(struct cli *c, struct df *ret, struct err *err);
void df_done(struct df *d);
