/* jobs.h - layers that are unpacked side by side, as many at a time as there are processors. */
#pragma once

#include "../util/proc.h"
#include "publish.h"
#include "unpack.h"

struct job {
	const struct stage *stage;
	struct staged_layer staged; /* counts are set when it is done */
	struct unpack unpack;
	struct unpack_part part;
	struct worker worker;
	enum { JOB_WAITING, JOB_RUNNING, JOB_DONE } state;
	int64_t until_ns;
};
struct jobs {
	struct job *v;
	size_t n, cap;
	void (*on_done)(void *arg, const struct job *j); /* may be NULL */
	bool (*on_failed)(void *arg, const struct job *j, const struct err *why); /* false, or NULL: the others end, too */
	void *arg;
};
/* One that unpacks it; unpacked: it is already, and who only looks at its blob counts, too. */
bool jobs_have(const struct jobs *l, const char *chain, bool unpacked);
/* A new one, which gets its directory in the stage when it begins; stage and layer are borrowed. Its blob is a name below the stage
 * ("../blobs/sha256/HEX" is fine). Not while jobs run. What is returned is good until the next one. */
struct job *jobs_add(struct jobs *l, const struct stage *s, const struct pack_layer *layer, const char *blob, const struct pack_limits *limits);
/* The same of a blob that is in an archive still (blob.part); fd (borrowed) is the archive's. take_out: the blob becomes a file of the stage on
 * the way. */
struct job *jobs_add_part(struct jobs *l, const struct stage *s, const struct pack_layer *layer, int fd, bool take_out,
	const struct pack_limits *limits);
/* Runs those that wait, the largest first; returns when all are done, or at the first failure, which ends the others. */
int jobs_run(struct jobs *l, struct err *err);
/* The layers that were unpacked, n of them, for publish(); malloc'ed, its texts are the jobs'. */
struct staged_layer *jobs_staged(const struct jobs *l, size_t *ret_n);
void jobs_done(struct jobs *l);
