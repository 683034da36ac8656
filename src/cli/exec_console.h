/* exec_console.h - an `exec` whose command has a terminal.
 *
 * The runtime starts the command, hands over the terminal's master and goes; from then on the command is davit's own child (it adopts
 * orphans), so its status, its signals and all it printed last are davit's to see to, the same with every runtime. */
#pragma once

#include "../oci/oci.h"

/* call: of OCI_EXEC with its process_file (which says terminal), pid_file and log_file; container: its name, for messages; dir: where a
 * socket may lie for the moment, with a name beginning with prefix, which is removed again. *ret_status: the command's exit status or
 * 128 + signal, or, when the runtime failed, its status, and oci_complained() says so. ERR_TIMEOUT: the runtime hung. */
int exec_console(const struct oci_call *call, const char *container, const char *dir, const char *prefix, int *ret_status,
		 struct err *err);
