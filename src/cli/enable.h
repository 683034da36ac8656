/* enable.h - the project's unit of systemd's: there or not, up to date or not. */
#pragma once

#include "cli.h"

/* After a change of the project: writes its unit anew where it has one and it would be another. 0 or -1. */
int enable_refresh(struct cli *c, struct err *err);
