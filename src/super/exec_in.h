/* exec_in.h - private to src/super: a command in a running container, by the runtime's exec: health checks and hooks.
 *
 * What is executed is a process file of the bundle, written when the container was prepared. `tag` ("probe", "hook") names what belongs to
 * one exec in RUN/tmp: a container has at most one of each tag at a time. The runtime's process dies with the supervisor, and the command
 * in the container only when it is killed: who does not wait for it any more, or finds one that a dead supervisor left, says so. */
#pragma once

#include "sup.h"

/* stdio is not consumed, -1: /dev/null. ret->pidfd is readable when the command has ended; its status is the command's unless
 * exec_in_complaint() says otherwise. */
int exec_in_start(struct unit *u, const char *tag, const char *process, const int stdio[3], struct child *ret, struct err *err);
/* SIGKILLs the command and its process group, if it runs: one that a dead supervisor left. */
void exec_in_kill(struct unit *u, const char *tag);
/* At the beginning of a supervisor: the same for those whose number the runtime had not written down yet when it died with the one
 * before. Their parent is then the keeper, whose children else are containers' first processes. */
void exec_in_sweep(const struct super *s);
/* SIGKILLs all of one in flight, and lets go of its runtime. */
void exec_in_abort(struct unit *u, const char *tag, struct child *call);
/* The runtime has brought it to life. */
bool exec_in_begun(const struct unit *u, const char *tag);
/* It has ended: its number is nobody's, or somebody else's by now. */
void exec_in_forget(struct unit *u, const char *tag);
/* Its container is removed: the files of its execs, too. */
void exec_in_remove(struct unit *u);
/* After a status that is not 0: -1 and *err when it was the runtime that failed, or the command could not be executed. */
int exec_in_complaint(struct unit *u, const char *tag, const char *process, int status, struct err *err);
