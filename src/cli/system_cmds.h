/* system_cmds.h - the commands of `davit system`. */
#pragma once

#include "cli.h"

extern const struct cmd cmd_system_check, cmd_system_df;
