/* strptime and timegm do the calendar; what they lack is fractions and offsets. */
#include "when.h"

#include <string.h>
#include <time.h>

#include "../util/clock.h"
#include "../util/str.h"

/* ".25" → nanoseconds; moves *p behind. */
static int64_t fraction(const char **p)
{
	int64_t ns = 0, unit = SEC_NS / 10;

	if (**p != '.')
		return 0;
	for (++*p; **p >= '0' && **p <= '9'; ++*p, unit /= 10)
		ns += (**p - '0') * unit;
	return ns;
}

/* "Z", "+02:00", "" (local). 0 and the seconds east of Greenwich. */
static int zone(const char *p, bool *ret_local, int *ret_seconds)
{
	struct tm tm = { 0 };
	const char *end;

	*ret_local = !*p;
	*ret_seconds = 0;
	if (!*p || STREQ(p, "Z") || STREQ(p, "z"))
		return 0;
	if (*p != '+' && *p != '-')
		return -1;
	end = strptime(p + 1, "%H:%M", &tm);
	if (!end || *end)
		return -1;
	*ret_seconds = (*p == '-' ? -1 : 1) * (tm.tm_hour * 3600 + tm.tm_min * 60);
	return 0;
}

static int calendar(const char *text, int64_t *ret_ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d", NULL };

	for (const char *const *form = forms; *form; form++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *p = strptime(text, *form, &tm);
		int64_t ns, seconds;
		bool local;
		int east;

		if (!p)
			continue;
		ns = fraction(&p);
		if (zone(p, &local, &east) < 0)
			continue;
		seconds = local ? (int64_t)mktime(&tm) : (int64_t)timegm(&tm) - east;
		*ret_ns = seconds * SEC_NS + ns;
		return 0;
	}
	return -1;
}

/* Seconds since 1970 with up to nine digits behind the point. */
static int epoch(const char *text, int64_t *ret_ns)
{
	size_t digits = strspn(text, "0123456789");
	const char *p = text + digits;
	char whole[20];
	int64_t seconds;

	if (!digits || digits >= sizeof whole)
		return -1;
	memcpy(whole, text, digits);
	whole[digits] = 0;
	if (str_i64(whole, &seconds) < 0 || seconds > INT64_MAX / SEC_NS - 1)
		return -1;
	*ret_ns = seconds * SEC_NS + fraction(&p);
	return *p ? -1 : 0;
}

bool when_ago(const char *text, int64_t *ret_ns)
{
	int64_t moment;

	if (calendar(text, &moment) == 0 || epoch(text, &moment) == 0)
		return false;
	return str_duration_ns(text, ret_ns) == 0 && *ret_ns >= 0;
}

int when_parse(const char *flag, const char *text, int64_t now_ns, int64_t *ret_ns, struct err *err)
{
	int64_t ago;

	if (calendar(text, ret_ns) == 0 || epoch(text, ret_ns) == 0)
		return 0;
	if (when_ago(text, &ago)) {
		*ret_ns = now_ns - ago;
		return 0;
	}
	err_set(err, ERR_USAGE, "flag '%s': '%s' is not a point in time", flag, text);
	return err_hint(err, "for example 2013-01-02T13:23:37Z, or 42m for 42 minutes ago");
}
