/* funcs.c - the functions: those of Go's text/template that make sense here, and docker's. */
#include "parts.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

enum { WIDTH_MAX = 10000 };

static int text_of(const json_t *v, const char **ret, struct err *err)
{
	*ret = json_string_value(v);
	return *ret ? 0 : err_set(err, ERR_USAGE, "it is for text");
}

static int number_of(const json_t *v, int64_t max, int64_t *ret, struct err *err)
{
	*ret = json_integer_value(v);
	if (json_is_integer(v) && *ret >= 0 && *ret <= max)
		return 0;
	return err_set(err, ERR_USAGE, "a number from 0 to %lld is needed", (long long)max);
}

static json_t *text_value(const struct buf *b)
{
	json_t *v = json_stringn(b->p ? b->p : "", b->len);

	return v ? v : json_string("");  /* cut within a character */
}

/* ------------------------------------------------------------------ docker's */

static int f_json(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_free char *text = json_dumps(arg[0], JSON_COMPACT | JSON_ENCODE_ANY);

	*ret = json_string(text ? text : "");
	return 0;
}

static int f_join(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	const char *between;
	const json_t *one;
	size_t i;

	if (!json_is_array(arg[0]))
		return err_set(err, ERR_USAGE, "it is for lists");
	if (text_of(arg[1], &between, err) < 0)
		return -1;
	json_array_foreach(arg[0], i, one) {
		if (i)
			buf_str(&b, between);
		value_print(one, &b);
	}
	*ret = text_value(&b);
	return 0;
}

static int f_split(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	const char *text, *at, *between;

	if (text_of(arg[0], &text, err) < 0 || text_of(arg[1], &between, err) < 0)
		return -1;
	*ret = json_array();
	while (*between && (at = strstr(text, between))) {
		json_array_append_new(*ret, json_stringn(text, (size_t)(at - text)));
		text = at + strlen(between);
	}
	json_array_append_new(*ret, json_string(text));
	return 0;
}

static int map_text(const json_t *v, int (*each)(int), bool firsts_only, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	const char *text;
	bool first = true;

	if (text_of(v, &text, err) < 0)
		return -1;
	for (; *text; text++) {
		bool ascii = (unsigned char)*text < 0x80;

		buf_char(&b, ascii && (first || !firsts_only) ? (char)each((unsigned char)*text) : *text);
		first = *text == ' ';
	}
	*ret = text_value(&b);
	return 0;
}

static int f_lower(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	return map_text(arg[0], tolower, false, ret, err);
}

static int f_upper(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	return map_text(arg[0], toupper, false, ret, err);
}

static int f_title(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	return map_text(arg[0], toupper, true, ret, err);
}

static int f_pad(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	int64_t before, after;
	const char *text;

	if (text_of(arg[0], &text, err) < 0 || number_of(arg[1], WIDTH_MAX, &before, err) < 0 || number_of(arg[2], WIDTH_MAX, &after, err) < 0)
		return -1;
	if (*text)
		buf_printf(&b, "%*s%s%*s", (int)before, "", text, (int)after, "");
	*ret = text_value(&b);
	return 0;
}

static int f_truncate(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	const char *text, *end;
	int64_t most;

	if (text_of(arg[0], &text, err) < 0 || number_of(arg[1], INT32_MAX, &most, err) < 0)
		return -1;
	for (end = text; *end && most > 0; most--)
		for (end++; (*end & 0xc0) == 0x80;)
			end++;
	*ret = json_stringn(text, (size_t)(end - text));
	return 0;
}

/* ------------------------------------------------------------------ printing */

static int f_print(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i && !json_is_string(arg[i]) && !json_is_string(arg[i - 1]))
			buf_char(&b, ' ');
		value_print(arg[i], &b);
	}
	*ret = text_value(&b);
	return 0;
}

static int f_println(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(&b, ' ');
		value_print(arg[i], &b);
	}
	buf_char(&b, '\n');
	*ret = text_value(&b);
	return 0;
}

struct spec {                    /* of one value in a printf: "%-10.3s" */
	bool left, zero, plus;
	int width, precision;    /* -1: not given */
	char verb;
};

static int spec_number(const char **at, int *ret, struct err *err)
{
	int64_t v = 0;

	for (; isdigit((unsigned char)**at); (*at)++)
		if ((v = v * 10 + (**at - '0')) > WIDTH_MAX)
			return err_set(err, ERR_USAGE, "a width of more than %d", WIDTH_MAX);
	*ret = (int)v;
	return 0;
}

static int read_spec(const char **at, struct spec *s, struct err *err)
{
	*s = (struct spec){ .width = 0, .precision = -1 };
	for (;; (*at)++) {
		s->left |= **at == '-';
		s->zero |= **at == '0';
		s->plus |= **at == '+';
		if (!**at || !strchr("-0+", **at))
			break;
	}
	if (spec_number(at, &s->width, err) < 0)
		return -1;
	if (**at == '.') {
		(*at)++;
		if (spec_number(at, &s->precision, err) < 0)
			return -1;
	}
	s->verb = **at;
	if (!s->verb || !strchr("svdqtfgx%", s->verb))
		return err_set(err, ERR_USAGE, "it knows %%s %%v %%d %%q %%t %%f %%g and %%x only");
	(*at)++;
	return 0;
}

static int format_value(const struct spec *s, const json_t *v, struct buf *out, struct err *err)
{
	long long i = json_is_real(v) ? (long long)json_real_value(v) : json_integer_value(v);

	if (strchr("dxfg", s->verb) && !json_is_number(v))
		return err_set(err, ERR_USAGE, "%%%c is for numbers", s->verb);
	if (s->verb == 'd')
		buf_printf(out, s->plus ? "%+lld" : "%lld", i);
	else if (s->verb == 'x')
		buf_printf(out, "%llx", i);
	else if (s->verb == 'f')
		buf_printf(out, "%.*f", s->precision < 0 ? 6 : s->precision, json_number_value(v));
	else if (s->verb == 'g')
		buf_printf(out, "%g", json_number_value(v));
	else if (s->verb == 'q' && json_is_string(v))
		buf_json(out, json_string_value(v));
	else
		value_print(v, out);
	return 0;
}

/* Widths count characters. */
static void pad_into(const struct spec *s, struct buf *one, struct buf *out)
{
	size_t chars = 0, cut = one->len;

	for (size_t i = 0; i < one->len; i++) {
		if ((one->p[i] & 0xc0) == 0x80)
			continue;
		if (s->precision >= 0 && chars == (size_t)s->precision && strchr("sv", s->verb)) {
			cut = i;
			break;
		}
		chars++;
	}
	int room = s->width > (int)chars ? s->width - (int)chars : 0;
	for (int i = 0; !s->left && i < room; i++)
		buf_char(out, s->zero && strchr("dxfg", s->verb) ? '0' : ' ');
	buf_add(out, one->p ? one->p : "", cut);
	for (int i = 0; s->left && i < room; i++)
		buf_char(out, ' ');
}

static int f_printf(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	const char *at;
	size_t used = 1;

	if (text_of(arg[0], &at, err) < 0)
		return -1;
	while (*at) {
		auto_buf struct buf one = BUF_INIT;
		struct spec s;

		if (*at != '%') {
			buf_char(&b, *at++);
			continue;
		}
		at++;
		if (read_spec(&at, &s, err) < 0)
			return -1;
		if (s.verb == '%') {
			buf_char(&b, '%');
			continue;
		}
		if (used >= n)
			return err_set(err, ERR_USAGE, "it is given less than its format wants");
		if (format_value(&s, arg[used++], &one, err) < 0)
			return -1;
		pad_into(&s, &one, &b);
	}
	if (used < n)
		return err_set(err, ERR_USAGE, "it is given more than its format wants");
	*ret = text_value(&b);
	return 0;
}

/* ------------------------------------------------------------------ parts of values */

static int f_len(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	if (json_is_string(arg[0]))
		*ret = json_integer((json_int_t)json_string_length(arg[0]));
	else if (json_is_array(arg[0]) || json_is_null(arg[0]))
		*ret = json_integer((json_int_t)json_array_size(arg[0]));
	else if (json_is_object(arg[0]))
		*ret = json_integer((json_int_t)json_object_size(arg[0]));
	else
		return err_set(err, ERR_USAGE, "it is for text, lists and maps");
	return 0;
}

static int f_index(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	const json_t *v = arg[0];
	int64_t i;

	for (size_t k = 1; k < n; k++) {
		if (json_is_object(v) && json_is_string(arg[k])) {
			v = json_object_get(v, json_string_value(arg[k]));
		} else if (json_is_array(v)) {
			if (number_of(arg[k], (int64_t)json_array_size(v) - 1, &i, err) < 0)
				return -1;
			v = json_array_get(v, (size_t)i);
		} else if (!json_is_null(v)) {
			return err_set(err, ERR_USAGE, "it is for lists and maps");
		}
		v = v ? v : json_null();
	}
	*ret = json_incref((json_t *)v);
	return 0;
}

/* ------------------------------------------------------------------ deciding */

static int f_not(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	*ret = json_boolean(!value_true(arg[0]));
	return 0;
}

static int f_and(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	size_t i = 0;

	while (i + 1 < n && value_true(arg[i]))
		i++;
	*ret = json_incref((json_t *)arg[i]);
	return 0;
}

static int f_or(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	size_t i = 0;

	while (i + 1 < n && !value_true(arg[i]))
		i++;
	*ret = json_incref((json_t *)arg[i]);
	return 0;
}

static int compare(const json_t *const *arg, int *ret, struct err *err)
{
	if (value_compare(arg[0], arg[1], ret))
		return 0;
	return err_set(err, ERR_USAGE, "these two cannot be compared");
}

static int f_eq(const json_t *const *arg, size_t n, json_t **ret, struct err *err)
{
	bool equal = false;
	int c;

	for (size_t i = 1; i < n && !equal; i++) {
		const json_t *const pair[] = { arg[0], arg[i] };

		if (compare(pair, &c, err) < 0)
			return -1;
		equal = c == 0;
	}
	*ret = json_boolean(equal);
	return 0;
}

#define ORDERED(name, op)                                                                                   \
	static int f_##name(const json_t *const *arg, size_t n, json_t **ret, struct err *err)              \
	{                                                                                                   \
		int c;                                                                                      \
		if (compare(arg, &c, err) < 0)                                                              \
			return -1;                                                                          \
		*ret = json_boolean(c op 0);                                                                \
		return 0;                                                                                   \
	}
ORDERED(ne, !=)
ORDERED(lt, <)
ORDERED(le, <=)
ORDERED(gt, >)
ORDERED(ge, >=)

enum { MANY = 100 };

static const struct func funcs[] = {
	{ "and", 1, MANY, f_and },   { "eq", 2, MANY, f_eq },       { "ge", 2, 2, f_ge },	  { "gt", 2, 2, f_gt },
	{ "index", 1, MANY, f_index }, { "join", 2, 2, f_join },      { "json", 1, 1, f_json },	  { "le", 2, 2, f_le },
	{ "len", 1, 1, f_len },	     { "lower", 1, 1, f_lower },     { "lt", 2, 2, f_lt },	  { "ne", 2, 2, f_ne },
	{ "not", 1, 1, f_not },	     { "or", 1, MANY, f_or },	     { "pad", 3, 3, f_pad },	  { "print", 0, MANY, f_print },
	{ "printf", 1, MANY, f_printf }, { "println", 0, MANY, f_println }, { "split", 2, 2, f_split }, { "title", 1, 1, f_title },
	{ "truncate", 2, 2, f_truncate }, { "upper", 1, 1, f_upper },
};

const struct func *func_find(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
		if (strlen(funcs[i].name) == n && !memcmp(funcs[i].name, name, n))
			return &funcs[i];
	return NULL;
}

const char *func_near(const char *name)
{
	const char *names[ARRAY_LEN(funcs) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
		names[i] = funcs[i].name;
	return str_nearest(name, names);
}
