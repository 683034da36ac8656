/* when.h - points in time as users write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/err.h"

/* "2013-01-02T13:23:37Z", the same with fraction or offset, without zone (local time), a date alone,
 * seconds since 1970 with a fraction, or how long ago: "42m". 0, or -1 (ERR_USAGE naming the flag). */
int when_parse(const char *flag, const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err);
/* Whether it says how long ago, and then how long: what is to be counted back from a clock that does not jump. */
bool when_ago(const char *text, int64_t *ret_ns);
