/* clock.h - what time it is. Wall time is for people and logs; every deadline and interval uses the monotonic clock. */
#pragma once

#include <stdint.h>

#define MS_NS 1000000LL
#define SEC_NS 1000000000LL

int64_t clock_wall_ns(void);    /* CLOCK_REALTIME */
int64_t clock_mono_ns(void);    /* CLOCK_MONOTONIC */
#define CLOCK_FAR_S (100LL * 365 * 24 * 3600)
/* What clock_mono_ns() will be in so many milliseconds, 0 or more; more than CLOCK_FAR_S is as much. */
int64_t clock_mono_in(int64_t ms);
/* RFC 3339 with nanoseconds in UTC: "2026-01-02T03:04:05.000000006Z". */
void clock_format(int64_t wall_ns, char buf[static 40]);
/* A text of RFC 3339, with any fraction and zone, read back; 0 when it is none, NULL, or beyond 1970 to 2262. */
int64_t clock_parse(const char *text);
