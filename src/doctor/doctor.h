/* doctor.h - what is amiss: the journal, the stores and the kernel are compared, and nothing is changed.
 *
 * A check is a row of a table (check.h): it looks at one project or at the host and notes findings. What a supervisor is busy
 * with looks amiss for a moment, so a finding counts only when it is seen in each of three looks within a second. */
#pragma once

#include <stddef.h>

#include "../state/dirs.h"
#include "../util/err.h"

struct finding {
	const char *check;               /* "netns", … borrowed: the row's name */
	const char *why;                 /* borrowed: the row's */
	char *what, *where, *todo;       /* owned */
};
struct findings {
	struct finding *v;
	size_t n, cap;
};
void findings_done(struct findings *f);

/* Examines the project, which need not exist (then nothing of it may be left), or all of them and what belongs to none (project
 * NULL), and the host. Takes some milliseconds, up to a second when something is found, at most 4 s a project whose supervisor
 * does not answer. 0 (also with findings), -1: it could not look. */
int doctor_examine(const struct dirs *d, const char *project, struct findings *ret, struct err *err);
