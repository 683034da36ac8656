/* service_units.h - the containers of one service, whether they run or not. */
#pragma once

#include "cli.h"

enum units_kind { UNITS_ORDINARY, UNITS_ALL };   /* all: also those of `run` */
struct units {
	const struct unit_rec **v;   /* borrowed from the world, by number */
	size_t n, cap;
};
/* At least one; index not set (or 0): all there are. ERR_NOT_FOUND. */
int units_of_service(struct cli *c, const char *service, struct opt_int index, enum units_kind kind, struct units *ret, struct err *err);
void units_done(struct units *l);
