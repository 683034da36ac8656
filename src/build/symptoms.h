/* symptoms.h - why a builder failed, as far as its output tells: what it ends with is a number, and words for those who know it well. */
#pragma once

#include "spec.h"

struct symptoms {
	bool no_exec;                    /* the kernel did not know what to do with a program */
	bool no_room;                    /* some write found a disk full */
	bool torn;                       /* what reads a layer broke off: mostly since a disk was full, which buildah does not say then */
	uint64_t free_bytes, of_bytes;   /* of the disk where builds work: the least that was seen; of_bytes 0: nothing was */
	bool no_inodes;
};
/* How much room there is now in dir, where builds work (STATE/build): to be asked again and again, since buildah removes what filled the disk before it
 * ends. */
void symptoms_look(struct symptoms *s, const char *dir);
/* A line that it printed. */
void symptoms_line(struct symptoms *s, const char *line, const char *dir);
/* Adds what was seen to the error that the build ended with. */
void symptoms_explain(const struct symptoms *s, const char *dir, const struct build_spec *spec, struct err *err);
