/* groups.h - the control groups that RUN's containers live in: davit-build/SESSION-JOB in each hierarchy. The runtime takes away those of
 * containers that end, but not where it was killed, and runc never those in the v2 tree beside v1. */
#pragma once

/* What buildah is told; malloc'ed. job is the name of its directory. */
char *groups_path(const char *session, const char *job);
/* Removes those of a session; what is still dying in them is waited for, a few seconds at most. */
void groups_remove(const char *session);
