/* manual.h - what help and manual pages say of davit as a whole: exit statuses, files, environment. Rows, so that it is said once. */
#pragma once

#include "cli.h"

struct manual_row {
	const char *what, *text; /* what NULL ends the table */
};

extern const struct manual_row manual_exits[], manual_files[], manual_env[];
extern const char manual_exits_more[];

/* The end of `davit --help`. */
void manual_help(struct ui *ui);
