#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * SEC_NS + ts.tv_nsec;
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_mono_in(int64_t ms)
{
	return clock_mono_ns() + (ms < CLOCK_FAR_S * 1000 ? ms : CLOCK_FAR_S * 1000) * MS_NS;
}

void clock_format(int64_t wall_ns, char buf[static 40])
{
	int64_t ns = wall_ns % SEC_NS;
	time_t sec = wall_ns / SEC_NS;
	struct tm tm = { 0 };
	size_t n;

	if (ns < 0) {
		ns += SEC_NS;
		sec--;
	}
	if (!gmtime_r(&sec, &tm)) /* a year that does not fit an int */
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%09lldZ", (long long)ns);
}

/* "Z", "+02:00": 0 and the seconds east of Greenwich */
static int parse_zone(const char *p, int *ret)
{
	struct tm tm = { 0 };
	const char *end;

	*ret = 0;
	if ((*p == 'Z' || *p == 'z') && !p[1])
		return 0;
	end = *p == '+' || *p == '-' ? strptime(p + 1, "%H:%M", &tm) : NULL;
	if (!end || *end)
		return -1;
	*ret = (*p == '-' ? -60 : 60) * (tm.tm_hour * 60 + tm.tm_min);
	return 0;
}

int64_t clock_parse(const char *text)
{
	struct tm tm = { 0 };
	const char *p = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ns = 0, unit = SEC_NS / 10, seconds;
	int east;

	if (p && *p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			ns += (*p - '0') * unit;
	if (!p || parse_zone(p, &east) < 0)
		return 0;
	seconds = (int64_t)timegm(&tm) - east;
	return seconds > 0 && seconds < INT64_MAX / SEC_NS ? seconds * SEC_NS + ns : 0;
}
