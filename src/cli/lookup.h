/* lookup.h - whether a command is there, before a runtime is asked to run it: the answer comes without the
 * runtime's own noise. */
#pragma once

#include <jansson.h>

#include "../util/err.h"

/* process: as OCI has it ("args", "env", "cwd"). Looks as execvp() would below root_fd. 0: it is there, or
 * it is not for us to say; ERR_CMD_NOT_FOUND, ERR_CMD_NOT_EXEC. */
int lookup_command(int root_fd, const json_t *process, struct err *err);
