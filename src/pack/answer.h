/* answer.h - what a confined child says of a file that it has written. It has read foreign bytes and may have become theirs: what it says is
 * believed only as far as it can do no harm outside of its directory. That a blob has the digest it is called by is its word, though. */
#pragma once

#include <jansson.h>

#include "stage.h"

/* answer: {"hex","size","kind"}; kind may be absent: plain. file: where it is in the staging directory; taken, also on failure. ERR_PROTO when
 * it is no file of that size, or when what it is called is no digest. */
int answer_blob(const struct stage *s, char *file, const json_t *answer, struct staged_blob *ret, struct err *err);
/* The same of a blob that stays where it is in an archive: {"at","size","kind"}. It need not be true: whoever takes it out compares. */
int answer_part(const json_t *answer, struct staged_blob *ret, struct err *err);
int answer_nonsense(struct err *err); /* ERR_PROTO */
