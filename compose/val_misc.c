/* val_misc.c - words, booleans, sizes, modes, hosts, devices, numbers as text. */
#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "node.h"
#include "val.h"

int val_bool(const char *text, bool *ret, bool *ret_odd)
{
	static const struct {
		const char *word;
		bool value, odd;
	} words[] = {
		{ "true", true, false },
		{ "false", false, false },
		{ "y", true, true },
		{ "n", false, true },
		{ "yes", true, true },
		{ "no", false, true },
		{ "on", true, true },
		{ "off", false, true },
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i].word) == 0) {
			*ret = words[i].value;
			*ret_odd = words[i].odd;
			return 0;
		}
	return -1;
}

int val_host(struct arena *a, const char *host, const char *ip, char **ret, char **ret_why)
{
	size_t n = strlen(ip);
	bool brackets = n > 2 && ip[0] == '[' && ip[n - 1] == ']';

	if (!*host || host[strcspn(host, ":=")]) {
		*ret_why = arena_printf(a, "'%s' is no host name", host);
		return -1;
	}
	*ret = arena_printf(a, "%s=%.*s", host, (int)(brackets ? n - 2 : n), ip + brackets);
	return 0;
}

int val_hosts(struct arena *a, const char *text, struct strv *ret, char **ret_why)
{
	const char *sep = strchrnul(text, '=');
	size_t n = 1;
	char *host;

	if (!*sep)
		sep = strchr(text, ':');
	if (!sep) {
		*ret_why = arena_printf(a, "'%s' is not of the form HOST=IP", text);
		return -1;
	}
	host = arena_strndup(a, text, (size_t)(sep - text));
	for (const char *p = sep; *p; p++)
		n += *p == ',';
	*ret = (struct strv){ .v = arena_array(a, n + 1, sizeof *ret->v), .set = true };
	for (const char *p = sep + 1; ret->n < n; p += strcspn(p, ",") + 1)
		if (val_host(a, host, arena_strndup(a, p, strcspn(p, ",")), &ret->v[ret->n++], ret_why) < 0)
			return -1;
	return 0;
}

int val_device(struct arena *a, const char *text, struct device *ret, char **ret_why)
{
	char *part[3] = { NULL }, *p = arena_strdup(a, text);
	size_t n = 0;

	do {
		if (n == 3) {
			*ret_why = arena_printf(
				a, "'%s' is not of the form SOURCE[:TARGET[:PERMISSIONS]]", text);
			return -1;
		}
		part[n++] = strsep(&p, ":");
	} while (p);
	ret->source = part[0];
	ret->target = part[1] && *part[1] ? part[1] : part[0];
	ret->permissions = part[2] ? part[2] : arena_strdup(a, "rwm");
	return 0;
}

int val_mode(const char *text, int64_t *ret)
{
	int64_t v = 0;

	text += *text == '+';
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '7' || v > INT64_MAX >> 3)
			return -1;
		v = v * 8 + (*text - '0');
	}
	*ret = v;
	return 0;
}

char *val_path_clean(struct arena *a, const char *path)
{
	bool rooted = *path == '/';
	char *out = arena_alloc(a, strlen(path) + 2), *w = out;
	size_t depth = 0; /* names in out that a ".." may take away */

	if (rooted)
		*w++ = '/';
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool dots = n == 2 && p[0] == '.' && p[1] == '.';

		if (dots && depth) {
			while (w > out && w[-1] != '/')
				w--;
			if (w > out + rooted)
				w--;
			depth--;
		} else if (n && !(n == 1 && *p == '.') && !(dots && rooted)) {
			if (w > out + rooted)
				*w++ = '/';
			memcpy(w, p, n);
			w += n;
			depth += !dots;
		}
		p += n;
		p += *p == '/';
	}
	if (w == out)
		*w++ = '.';
	*w = '\0';
	return out;
}

/* ------------------------------------------------------------------ numbers as Go prints them */

/* The shortest decimal digits that read back as v, as d.ddde±xx. */
static void shortest(double v, char buf[static 40])
{
	for (int digits = 0; digits <= 17; digits++) {
		snprintf(buf, 40, "%.*e", digits, v);
		if (strtod(buf, NULL) == v)
			return;
	}
}

double val_float32(double v)
{
	char buf[40];
	float f;

	if (!(fabs(v) <= FLT_MAX))
		return INFINITY;
	f = (float)v;
	for (int digits = 0; digits <= 9; digits++) {
		snprintf(buf, sizeof buf, "%.*e", digits, (double)f);
		if (strtof(buf, NULL) == f)
			break;
	}
	return strtod(buf, NULL);
}

/* Plain notation from shortest()'s: zeros stand for the digits that are not needed. */
static char *plain(struct arena *a, const char *sci)
{
	int exponent = (int)strtol(strchr(sci, 'e') + 1, NULL, 10), places = -exponent;
	const char *point = strchr(sci, '.');
	char digits[40] = "", *w = digits;

	if (point)
		places += (int)(strchr(sci, 'e') - point) - 1;
	if (places > 0)
		return arena_printf(a, "%.*f", places, strtod(sci, NULL));
	for (const char *p = sci; *p != 'e'; p++) {
		if (*p != '.')
			*w++ = *p;
	}
	return arena_printf(a, "%s%.*s", digits, -places, "000000000000000000000");
}

static char *float_text(struct arena *a, double v, int low, int high)
{
	char sci[40];
	int exponent;

	if (isnan(v))
		return arena_strdup(a, "NaN");
	if (isinf(v))
		return arena_strdup(a, v > 0 ? "+Inf" : "-Inf");
	if (v == 0)
		return arena_strdup(a, signbit(v) ? "-0" : "0");
	shortest(v, sci);
	exponent = (int)strtol(strchr(sci, 'e') + 1, NULL, 10);
	return exponent < low || exponent >= high ? arena_strdup(a, sci) : plain(a, sci);
}

char *val_float_text(struct arena *a, double v)
{
	return float_text(a, v, -4, 6);
}

char *val_float_json(struct arena *a, double v)
{
	char *text, *e;

	if (!isfinite(v))
		return arena_strdup(a, "null");
	text = float_text(a, v, -6, 21);
	e = strstr(text, "e-0"); /* JSON's exponents have no zero in front */
	if (e)
		memmove(e + 2, e + 3, strlen(e + 3) + 1);
	return text;
}

const char *val_scalar_text(struct arena *a, const struct node *n)
{
	switch (n->kind) {
	case NODE_BOOL:
		return n->b ? "true" : "false";
	case NODE_INT:
		return n->is_u64 ? arena_printf(a, "%llu", (unsigned long long)n->i)
				 : arena_printf(a, "%lld", n->i);
	case NODE_FLOAT:
		return val_float_text(a, n->f);
	case NODE_STR:
		return n->text;
	default:
		return "";
	}
}
