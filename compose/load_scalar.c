/* What the reference's YAML library makes of a plain scalar: YAML 1.2's core types, the octals of both
 * versions, binary numbers, underscores in numbers, dates. `yes`, `on`, `y` and sexagesimal numbers are
 * strings. */
#include "load_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "load.h"

enum { NUMBER_MAX = 128 }; /* longer digits are a string in the reference only by chance; here always */

static const struct word {
	const char *text;
	enum node_kind kind;
	bool b;
	double f;
} words[] = {
	{ "", NODE_NULL },
	{ "~", NODE_NULL },
	{ "null", NODE_NULL },
	{ "Null", NODE_NULL },
	{ "NULL", NODE_NULL },
	{ "true", NODE_BOOL, true },
	{ "True", NODE_BOOL, true },
	{ "TRUE", NODE_BOOL, true },
	{ "false", NODE_BOOL },
	{ "False", NODE_BOOL },
	{ "FALSE", NODE_BOOL },
	{ ".nan", NODE_FLOAT, false, NAN },
	{ ".NaN", NODE_FLOAT, false, NAN },
	{ ".NAN", NODE_FLOAT, false, NAN },
	{ ".inf", NODE_FLOAT, false, INFINITY },
	{ ".Inf", NODE_FLOAT, false, INFINITY },
	{ ".INF", NODE_FLOAT, false, INFINITY },
	{ "+.inf", NODE_FLOAT, false, INFINITY },
	{ "+.Inf", NODE_FLOAT, false, INFINITY },
	{ "+.INF", NODE_FLOAT, false, INFINITY },
	{ "-.inf", NODE_FLOAT, false, -INFINITY },
	{ "-.Inf", NODE_FLOAT, false, -INFINITY },
	{ "-.INF", NODE_FLOAT, false, -INFINITY },
};

static bool is_word(struct node *n)
{
	if (n->len > 5)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!STREQ(words[i].text, n->text))
			continue;
		n->kind = words[i].kind;
		n->b = words[i].b;
		n->f = words[i].f;
		return true;
	}
	return false;
}

static bool all_of(const char *s, const char *set)
{
	return *s && s[strspn(s, set)] == '\0';
}

/* Sign, prefix and digits; 0 or false when it is no integer of 64 bits (signed, or unsigned when positive).
 */
static bool is_int(struct node *n, const char *s)
{
	bool neg = *s == '-';
	int base = 10;
	unsigned long long v;

	if (*s == '-' || *s == '+')
		s++;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		base = 16, s += 2;
	else if (s[0] == '0' && (s[1] == 'o' || s[1] == 'O'))
		base = 8, s += 2;
	else if (s[0] == '0' && (s[1] == 'b' || s[1] == 'B'))
		base = 2, s += 2;
	else if (s[0] == '0' && s[1])
		base = 8, s += 1;
	if (!all_of(s, base == 16  ? "0123456789abcdefABCDEF"
		       : base == 8 ? "01234567"
		       : base == 2 ? "01"
				   : "0123456789"))
		return false;
	errno = 0;
	v = strtoull(s, NULL, base);
	if (errno || (neg && v > (unsigned long long)INT64_MAX + 1))
		return false;
	n->kind = NODE_INT;
	n->is_u64 = !neg && v > INT64_MAX;
	n->i = (long long)(neg ? 0 - v : v);
	return true;
}

/* [-+]? ( . digits | digits [ . digits? ] ) ( e [-+]? digits )? */
static bool is_float(struct node *n, const char *s)
{
	const char *p = s;
	size_t whole, part = 0;

	if (*p == '-' || *p == '+')
		p++;
	whole = strspn(p, "0123456789");
	p += whole;
	if (*p == '.') {
		part = strspn(p + 1, "0123456789");
		p += 1 + part;
	}
	if (whole == 0 && part == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '-' || *p == '+')
			p++;
		if (!isdigit((unsigned char)*p))
			return false;
		p += strspn(p, "0123456789");
	}
	if (*p)
		return false;
	n->f = strtod(s, NULL);
	if (isinf(n->f))
		return false;
	n->kind = NODE_FLOAT;
	return true;
}

static bool is_number(struct node *n)
{
	char plain[NUMBER_MAX];
	size_t len = 0;

	if (n->len >= sizeof plain || !strchr("+-.0123456789", n->text[0]))
		return false;
	if (n->text[0] == '.')
		return is_float(n, n->text);
	for (const char *p = n->text; *p; p++) {
		if (*p != '_')
			plain[len++] = *p;
	}
	plain[len] = '\0';
	return is_int(n, plain) || is_float(n, plain);
}

/* ------------------------------------------------------------------ dates */

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

static bool is_zone(const char *s)
{
	if (STREQ(s, "Z"))
		return true;
	if (!accept(&s, "+-") || digits(&s, 2, 2) < 0)
		return false;
	return accept(&s, ":") && digits(&s, 2, 2) >= 0 && *s == '\0';
}

static bool is_time(const char *s, bool zone)
{
	int h = digits(&s, 1, 2), m, sec;

	if (h < 0 || h > 23 || !accept(&s, ":"))
		return false;
	m = digits(&s, 1, 2);
	if (m < 0 || m > 59 || !accept(&s, ":"))
		return false;
	sec = digits(&s, 1, 2);
	if (sec < 0 || sec > 59)
		return false;
	if (accept(&s, ".") && digits(&s, 1, 9) < 0)
		return false;
	return zone ? is_zone(s) : *s == '\0';
}

static int month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool load_is_timestamp(const struct node *n)
{
	const char *s;
	int year, month, day;

	if (n->kind != NODE_STR || n->quoted || n->len < 8 || n->len > 40)
		return false;
	s = n->text;
	year = digits(&s, 4, 4);
	if (year < 0 || !accept(&s, "-"))
		return false;
	month = digits(&s, 1, 2);
	if (month < 1 || month > 12 || !accept(&s, "-"))
		return false;
	day = digits(&s, 1, 2);
	if (day < 1 || day > month_days(year, month))
		return false;
	if (*s == '\0')
		return true;
	if (accept(&s, "Tt"))
		return is_time(s, true);
	return accept(&s, " ") && is_time(s, false);
}

void load_scalar_resolve(struct node *n)
{
	n->kind = NODE_STR;
	if (is_word(n))
		return;
	if (is_number(n))
		return;
	n->kind = NODE_STR;
}
