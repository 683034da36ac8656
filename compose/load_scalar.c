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
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "load.h"

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

/* Sign, prefix and digits; false when it is no integer of 64 bits (signed, or unsigned without a sign). */
static bool is_int(struct node *n, const char *s)
{
	bool neg = *s == '-', plus = *s == '+';
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
	if (errno || (neg && v > (unsigned long long)INT64_MAX + 1) || (plus && v > INT64_MAX))
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

/* The text without its underscores; NULL when one does not stand between two digits though it must. */
static char *without_underscores(const struct node *n, bool between_digits)
{
	char *plain = xmalloc(n->len + 1), *w = plain;

	for (const char *p = n->text; *p; p++) {
		if (*p != '_') {
			*w++ = *p;
		} else if (between_digits &&
			   !(isdigit((unsigned char)p[-1]) && isdigit((unsigned char)p[1]))) {
			free(plain);
			return NULL;
		}
	}
	*w = '\0';
	return plain;
}

static bool is_number(struct node *n)
{
	auto_free char *plain = NULL;
	bool point = n->text[0] == '.';

	if (!strchr("+-.0123456789", n->text[0]))
		return false;
	plain = without_underscores(n, point);
	return plain && ((!point && is_int(n, plain)) || is_float(n, plain));
}

void load_scalar_resolve(struct node *n)
{
	n->kind = NODE_STR;
	if (!is_word(n) && !load_is_timestamp(n) && !is_number(n))
		n->kind = NODE_STR;
}
