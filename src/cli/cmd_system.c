#include "system_cmds.h"

static const struct cmd *const system_cmds[] = {
	&cmd_system_check,
	&cmd_system_df,
	NULL
};

const struct cmd cmd_system = { .name = "system", .args = "COMMAND", .summary = "what the state directory holds, and whether it is well", .subs = system_cmds };
