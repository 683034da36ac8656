/* Dates and times as the reference's YAML library reads them: a day, or a day and a time behind 'T' (with a
 * zone) or behind blanks (without one). Days, months, hours, minutes and seconds may have one digit. */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "load.h"
#include "load_scalar.h"

struct date {
	int year, month, day, hour, minute, second;
	int nanos;
	int zone_min; /* minutes east of UTC */
};

/* Between min and max digits; the number, or -1. */
static int digits(const char **s, int min, int max)
{
	int v = 0, n = 0;

	while (n < max && isdigit((unsigned char)**s)) {
		v = v * 10 + (**s - '0');
		(*s)++;
		n++;
	}
	return n < min ? -1 : v;
}

static bool accept(const char **s, const char *set)
{
	if (!**s || !strchr(set, **s))
		return false;
	(*s)++;
	return true;
}

static bool in_range(int *ret, int v, int min, int max)
{
	*ret = v;
	return v >= min && v <= max;
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool parse_day(const char **s, struct date *d)
{
	return in_range(&d->year, digits(s, 4, 4), 0, 9999) && accept(s, "-") &&
	       in_range(&d->month, digits(s, 1, 2), 1, 12) && accept(s, "-") &&
	       in_range(&d->day, digits(s, 1, 2), 1, month_days(d->year, d->month));
}

/* Any number of digits, of which nine count. */
static bool parse_fraction(const char **s, struct date *d)
{
	int n = 0;

	if (!accept(s, ".,"))
		return true;
	if (!isdigit((unsigned char)**s))
		return false;
	for (; isdigit((unsigned char)**s); (*s)++) {
		if (n++ < 9)
			d->nanos = d->nanos * 10 + (**s - '0');
	}
	for (; n < 9; n++)
		d->nanos *= 10;
	return true;
}

static bool parse_clock(const char **s, struct date *d)
{
	return in_range(&d->hour, digits(s, 1, 2), 0, 23) && accept(s, ":") &&
	       in_range(&d->minute, digits(s, 1, 2), 0, 59) && accept(s, ":") &&
	       in_range(&d->second, digits(s, 1, 2), 0, 59) && parse_fraction(s, d);
}

static bool parse_zone(const char **s, struct date *d)
{
	bool west = **s == '-';
	int hours, minutes;

	if (accept(s, "Z"))
		return true;
	if (!accept(s, "+-") || !in_range(&hours, digits(s, 2, 2), 0, 24) || !accept(s, ":") ||
		!in_range(&minutes, digits(s, 2, 2), 0, 60))
		return false;
	d->zone_min = (west ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static bool parse_date(const char *s, struct date *d)
{
	*d = (struct date){ 0 };
	if (!parse_day(&s, d))
		return false;
	if (*s == '\0')
		return true;
	if (accept(&s, "Tt"))
		return parse_clock(&s, d) && parse_zone(&s, d) && *s == '\0';
	if (*s != ' ')
		return false;
	return s += strspn(s, " "), parse_clock(&s, d) && *s == '\0';
}

bool load_is_timestamp(const struct node *n)
{
	struct date d;

	return n->kind == NODE_STR && !n->quoted && n->len >= strlen("2001-1-1") &&
	       isdigit((unsigned char)n->text[0]) && parse_date(n->text, &d);
}

const char *load_timestamp_text(struct arena *a, const struct node *n)
{
	char fraction[16] = "", zone[16] = "Z";
	struct date d;

	if (!parse_date(n->text, &d))
		return n->text;
	if (d.nanos) {
		size_t len = (size_t)snprintf(fraction, sizeof fraction, ".%09d", d.nanos);

		while (fraction[len - 1] == '0')
			fraction[--len] = '\0';
	}
	if (d.zone_min) {
		int minutes = d.zone_min < 0 ? -d.zone_min : d.zone_min;

		snprintf(zone, sizeof zone, "%c%02d:%02d", d.zone_min < 0 ? '-' : '+', minutes / 60,
			minutes % 60);
	}
	return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", d.year, d.month, d.day, d.hour, d.minute,
		d.second, fraction, zone);
}
