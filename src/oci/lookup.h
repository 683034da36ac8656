/* lookup.h - whether a command is there and can run, before a runtime is asked to run it: the answer comes without the runtime's own noise, and at
 * all: crun 1.21 leaves an execve() that fails to the process, whose status is then 1. */
#pragma once

#include <jansson.h>

#include "../util/err.h"

/* process: as OCI has it ("args", "env", "cwd"). Looks as execvp() would below root_fd, and at the interpreter of a script, the loader and
 * the machine of an ELF file. 0: it runs, or it is not for us to say; ERR_CMD_NOT_FOUND, ERR_CMD_NOT_EXEC. */
int lookup_command(int root_fd, const json_t *process, struct err *err);
