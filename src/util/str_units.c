/* Sizes, durations and ages, read and printed as docker and Go do. The program never sets LC_NUMERIC, so the
 * decimal point is a point in strtod() and printf(), too. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "str.h"

static const char *digits(const char *s)
{
	return s + strspn(s, "0123456789");
}

int str_f64(const char *s, double *ret)
{
	const char *p = s + (*s == '+' || *s == '-');
	const char *whole = p;
	size_t n;

	p = digits(whole);
	n = (size_t)(p - whole);
	if (*p == '.') {
		const char *fraction = p + 1;

		p = digits(fraction);
		n += (size_t)(p - fraction);
	}
	if (n == 0)
		return -1;
	if (*p == 'e' || *p == 'E') {
		const char *exponent = p + 1 + (p[1] == '+' || p[1] == '-');

		p = digits(exponent);
		if (p == exponent)
			return -1;
	}
	if (*p)
		return -1;
	*ret = strtod(s, NULL);
	return isfinite(*ret) ? 0 : -1;
}

/* "", "b", "k", "kb", "kib", any case: the power of 1024, or -1. */
static int size_power(const char *suffix)
{
	static const char letters[] = "bkmgtp";
	const char *at = *suffix ? strchr(letters, *suffix | 0x20) : letters;

	if (!at)
		return -1;
	if (*suffix && suffix[1]) {
		if (at == letters || (strcasecmp(suffix + 1, "b") != 0 && strcasecmp(suffix + 1, "ib") != 0))
			return -1;
	}
	return (int)(at - letters);
}

int str_size(const char *s, int64_t *ret_bytes)
{
	char number[64];
	size_t n = strlen(s);
	const char *suffix;
	double v;
	int power;

	/* The number ends at the last digit, point or blank; one blank belongs to neither. */
	while (n > 0 && !strchr("0123456789. ", s[n - 1]))
		n--;
	suffix = s + n;
	if (n > 0 && s[n - 1] == ' ')
		n--;
	power = size_power(suffix);
	if (n == 0 || n >= sizeof number || power < 0)
		return -1;
	memcpy(number, s, n);
	number[n] = '\0';
	if (str_f64(number, &v) < 0)
		return -1;
	v = ldexp(v, 10 * power);
	if (v < 0 || v >= 0x1p63)
		return -1;
	*ret_bytes = (int64_t)v;
	return 0;
}

static const struct {
	const char *word;
	uint64_t ns;
} duration_units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* micro sign */
	{ "\xce\xbcs", 1000 }, /* Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60000000000 },
	{ "h", 3600000000000 },
	{ "d", 24 * 3600000000000 },
	{ "w", 7 * 24 * 3600000000000 },
};

static uint64_t unit_ns(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(duration_units); i++)
		if (strlen(duration_units[i].word) == n && memcmp(duration_units[i].word, s, n) == 0)
			return duration_units[i].ns;
	return 0;
}

/* One "1.5h" of a duration; returns what follows it, NULL when it is none. */
static const char *duration_part(const char *s, uint64_t *sum)
{
	const char *p = digits(s);
	bool have = p > s;
	uint64_t whole = 0, fraction = 0, unit, v;
	double scale = 1;
	size_t n;

	for (; s < p; s++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
			return NULL;
	if (*p == '.') {
		const char *end = digits(p + 1);

		have |= end > p + 1;
		/* 17 digits are more than a nanosecond in a week needs */
		for (s = p + 1; s < end && scale < 1e17; s++, scale *= 10)
			fraction = fraction * 10 + (uint64_t)(*s - '0');
		p = end;
	}
	n = strcspn(p, ".0123456789");
	unit = unit_ns(p, n);
	if (!have || unit == 0 || __builtin_mul_overflow(whole, unit, &v))
		return NULL;
	if (__builtin_add_overflow(v, (uint64_t)((double)fraction * ((double)unit / scale)), &v))
		return NULL;
	if (__builtin_add_overflow(*sum, v, sum) || *sum > INT64_MAX)
		return NULL;
	return p + n;
}

int str_duration_ns(const char *s, int64_t *ret_ns)
{
	bool minus = *s == '-';
	uint64_t sum = 0;

	s += minus || *s == '+';
	if (STREQ(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -1;
	while (*s) {
		s = duration_part(s, &sum);
		if (!s)
			return -1;
	}
	*ret_ns = minus ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

/* "1.5" from v = 1500, places = 3: without trailing zeros. */
static int print_fraction(char *to, size_t room, uint64_t v, int places)
{
	uint64_t scale = 1;
	int n;

	for (int i = 0; i < places; i++)
		scale *= 10;
	if (v % scale == 0)
		return snprintf(to, room, "%llu", (unsigned long long)(v / scale));
	n = snprintf(to, room, "%llu.%0*llu", (unsigned long long)(v / scale), places,
		(unsigned long long)(v % scale));
	while (to[n - 1] == '0')
		to[--n] = '\0';
	return n;
}

void str_duration_format(int64_t ns, char buf[static 32])
{
	const uint64_t s_ns = 1000000000;
	uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t minutes = u / (60 * s_ns);
	char *p = buf, *end = buf + 32;

	if (ns < 0)
		*p++ = '-';
	if (u == 0) {
		snprintf(buf, 32, "0s");
	} else if (u < s_ns) {
		int places = u < 1000 ? 0 : u < 1000000 ? 3 : 6;

		p += print_fraction(p, (size_t)(end - p), u, places);
		snprintf(p, (size_t)(end - p), "%s", places == 0 ? "ns" : places == 3 ? "\xc2\xb5s" : "ms");
	} else {
		if (minutes >= 60)
			p += snprintf(p, (size_t)(end - p), "%lluh", (unsigned long long)(minutes / 60));
		if (minutes > 0)
			p += snprintf(p, (size_t)(end - p), "%llum", (unsigned long long)(minutes % 60));
		p += print_fraction(p, (size_t)(end - p), u - minutes * 60 * s_ns, 9);
		snprintf(p, (size_t)(end - p), "s");
	}
}

void str_human_size(double bytes, char buf[static 24])
{
	static const char *const unit[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB" };
	size_t i = 0;

	while (bytes >= 1000 && i < ARRAY_LEN(unit) - 1) {
		bytes /= 1000;
		i++;
	}
	snprintf(buf, 24, "%.4g%s", bytes, unit[i]);
}

void str_human_age(int64_t seconds, char buf[static 32])
{
	int64_t minutes = seconds / 60;
	int64_t hours = (seconds + 1800) / 3600;
	static const struct {
		int64_t below_hours, hours;
		const char *word;
	} rows[] = {
		{ 48, 1, "hours" },
		{ 24 * 7 * 2, 24, "days" },
		{ 24 * 30 * 2, 24 * 7, "weeks" },
		{ 24 * 365 * 2, 24 * 30, "months" },
		{ INT64_MAX, 24 * 365, "years" },
	};

	if (seconds < 1)
		snprintf(buf, 32, "Less than a second");
	else if (seconds == 1)
		snprintf(buf, 32, "1 second");
	else if (seconds < 60)
		snprintf(buf, 32, "%d seconds", (int)seconds);
	else if (minutes == 1)
		snprintf(buf, 32, "About a minute");
	else if (minutes < 60)
		snprintf(buf, 32, "%d minutes", (int)minutes);
	else if (hours == 1)
		snprintf(buf, 32, "About an hour");
	else
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (hours < rows[i].below_hours) {
				snprintf(
					buf, 32, "%lld %s", (long long)(hours / rows[i].hours), rows[i].word);
				return;
			}
}
