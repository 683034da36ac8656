/* fields.c - Retry-After, Link, Content-Range. */
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "challenge.h"
#include "scan.h"

enum { FIELD_MAX = 64 << 10 };

/* --- dates --- */

/* 0 to 11, or -1. */
static int month_of(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at = strlen(name) == 3 ? strstr(names, name) : NULL;

	return at && (at - names) % 3 == 0 ? (int)(at - names) / 3 : -1;
}

/* A year of two digits is the one of its century that is less than 50 years ahead (RFC 9110, 5.6.7). */
static int full_year(int two, int64_t now_wall_ns)
{
	time_t now = now_wall_ns / SEC_NS;
	struct tm tm;
	int year;

	if (!gmtime_r(&now, &tm))
		return 2000 + two;
	year = (tm.tm_year + 1900) / 100 * 100 + two;
	return year > tm.tm_year + 1900 + 50 ? year - 100 : year;
}

struct date {
	char month[4];
	int year, day, hour, minute, second;
};

/* The three forms of RFC 9110, 5.6.7. */
static bool date_words(const char *s, int64_t now_wall_ns, struct date *d)
{
	int n = 0;

	if (sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &d->day, d->month, &d->year, &d->hour,
		    &d->minute, &d->second, &n) == 6 &&
		n && !s[n])
		return true;
	n = 0;
	if (sscanf(s, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &d->day, d->month, &d->year, &d->hour,
		    &d->minute, &d->second, &n) == 6 &&
		n && !s[n]) {
		d->year = full_year(d->year, now_wall_ns);
		return true;
	}
	n = 0;
	return sscanf(s, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", d->month, &d->day, &d->hour, &d->minute,
		       &d->second, &d->year, &n) == 6 &&
	       n && !s[n];
}

static int read_date(const char *s, int64_t now_wall_ns, time_t *ret)
{
	struct date d = { 0 };
	struct tm tm;

	if (!date_words(s, now_wall_ns, &d) || month_of(d.month) < 0)
		return -1;
	if (d.year < 0 || d.day < 1 || d.day > 31 || d.hour < 0 || d.hour > 23 || d.minute < 0 || d.minute > 59 ||
		d.second < 0 || d.second > 60)
		return -1;
	tm = (struct tm){
		.tm_year = d.year - 1900,
		.tm_mon = month_of(d.month),
		.tm_mday = d.day,
		.tm_hour = d.hour,
		.tm_min = d.minute,
		.tm_sec = d.second,
	};
	*ret = timegm(&tm);
	return 0;
}

static int64_t capped_ms(int64_t seconds)
{
	if (seconds <= 0)
		return 0;
	return seconds > REG_RETRY_MAX_MS / 1000 ? REG_RETRY_MAX_MS : seconds * 1000;
}

int reg_retry_after_ms(const char *value, int64_t now_wall_ns, int64_t *ret_ms)
{
	auto_free char *s = NULL;
	size_t digits, n;
	time_t when;

	value += strspn(value, " \t");
	n = strnlen(value, FIELD_MAX);
	while (n && strchr(" \t", value[n - 1]))
		n--;
	s = xstrndup(value, n);
	digits = strspn(s, "0123456789");
	if (digits && !s[digits]) {
		int64_t seconds;

		*ret_ms = capped_ms(str_i64(s, &seconds) < 0 ? INT64_MAX : seconds);
		return 0;
	}
	if (read_date(s, now_wall_ns, &when) < 0)
		return -1;
	*ret_ms = capped_ms((int64_t)when - now_wall_ns / SEC_NS);
	return 0;
}

/* --- Link --- */

/* Whether one of the words of a rel is "next". */
static bool has_next(const char *rel)
{
	for (size_t n; *rel; rel += n) {
		rel += strspn(rel, " ");
		n = strcspn(rel, " ");
		if (n == 4 && strncasecmp(rel, "next", n) == 0)
			return true;
	}
	return false;
}

/* The parameters of one link. 1: it is the next one, 0: another, -1: not well formed. */
static int link_params(const char **p)
{
	int next = -1;

	for (;;) {
		auto_free char *value = NULL;
		const char *name;
		size_t n;

		scan_space(p);
		if (!scan_char(p, ';'))
			return next > 0;
		scan_space(p);
		n = scan_token(p, &name);
		scan_space(p);
		if (n && scan_char(p, '=')) {
			scan_space(p);
			value = scan_value(p);
			if (!value)
				return -1;
		}
		/* only the first rel counts (RFC 8288, 3.3) */
		if (next < 0 && value && n == 3 && strncasecmp(name, "rel", n) == 0)
			next = has_next(value);
	}
}

char *reg_link_next(const char *value)
{
	const char *p = value;

	if (strnlen(value, FIELD_MAX + 1) > FIELD_MAX)
		return NULL;
	for (scan_comma(&p); scan_char(&p, '<'); scan_comma(&p)) {
		const char *target = p;
		size_t n = strcspn(p, ">");
		int r;

		p += n;
		if (!scan_char(&p, '>'))
			return NULL;
		r = link_params(&p);
		if (r != 0)
			return r > 0 ? xstrndup(target, n) : NULL;
		if (*p && *p != ',')
			return NULL;
	}
	return NULL;
}

/* --- Content-Range --- */

static bool take_number(const char **p, uint64_t *ret)
{
	size_t n = strspn(*p, "0123456789");
	auto_free char *digits = xstrndup(*p, n);

	if (str_u64(digits, ret) < 0)
		return false;
	*p += n;
	return true;
}

int reg_content_range(const char *value, struct reg_range *ret)
{
	struct reg_range r = { 0 };
	const char *p = value;

	scan_space(&p);
	if (strncasecmp(p, "bytes ", 6) != 0)
		return -1;
	p += 6;
	if (!scan_char(&p, '*')) {
		r.given = true;
		if (!take_number(&p, &r.first) || !scan_char(&p, '-') || !take_number(&p, &r.last) || r.last < r.first)
			return -1;
	}
	if (!scan_char(&p, '/'))
		return -1;
	if (!scan_char(&p, '*')) {
		r.total_given = true;
		if (!take_number(&p, &r.total) || (r.given && r.last >= r.total))
			return -1;
	}
	scan_space(&p);
	if (*p || (!r.given && !r.total_given))
		return -1;
	*ret = r;
	return 0;
}
