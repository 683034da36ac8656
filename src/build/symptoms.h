/* symptoms.h - why a builder failed, as far as its output tells: what it ends with is a number, and words for those who know it well. */
#pragma once

#include "spec.h"

struct symptoms {
	bool no_exec;                    /* the kernel did not know what to do with a program */
	bool no_room;                    /* some write found a disk full */
	uint64_t free_bytes, of_bytes;   /* of the disk with buildah's storage, the least that was seen then */
	bool no_inodes;
};
/* A line that it printed; dir: where builds work (STATE/build). */
void symptoms_line(struct symptoms *s, const char *line, const char *dir);
/* Adds what was seen to the error that the build ended with. */
void symptoms_explain(const struct symptoms *s, const char *dir, const struct build_spec *spec, struct err *err);
