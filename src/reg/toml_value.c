#include <ctype.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"
#include "toml_parts.h"

/* --- numbers and booleans --- */

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || (p[n] && strchr("+-_.:", p[n])))
		n++;
	return n;
}

/* Underscores stand between digits only. Returns the digits without them, NULL when one does not. malloc'ed. */
static char *plain_digits(const char *word)
{
	char *out = xstrdup(word);
	size_t n = 0;

	for (const char *p = word; *p; p++) {
		if (*p != '_')
			out[n++] = *p;
		else if (p == word || !isxdigit((unsigned char)p[-1]) || !isxdigit((unsigned char)p[1])) {
			free(out);
			return NULL;
		}
	}
	out[n] = '\0';
	return out;
}

/* Of a base other than ten; digits follow its letter. */
static bool read_based(const char *digits, unsigned base, int64_t *ret)
{
	uint64_t n = 0;

	for (const char *p = digits; *p; p++) {
		int c = tolower((unsigned char)*p);
		unsigned d = isdigit(c) ? (unsigned)(c - '0') : isxdigit(c) ? (unsigned)(c - 'a' + 10) : 99;

		if (d >= base || n > INT64_MAX / base || n * base > (uint64_t)INT64_MAX - d)
			return false;
		n = n * base + d;
	}
	*ret = (int64_t)n;
	return *digits != '\0';
}

static unsigned base_of(const char *word)
{
	if (*word != '0')
		return 10;
	return word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : word[1] == 'b' ? 2 : 10;
}

static bool read_integer(const char *word, int64_t *ret)
{
	const unsigned base = base_of(word);
	auto_free char *digits = plain_digits(base == 10 ? word : word + 2);
	const char *p = digits;

	if (!digits)
		return false;
	if (base != 10)
		return read_based(digits, base, ret);
	p += *p == '+' || *p == '-';
	if (!isdigit((unsigned char)*p) || (*p == '0' && p[1]))
		return false;
	return str_i64(*digits == '+' ? digits + 1 : digits, ret) == 0;
}

static bool looks_like_number(const char *word)
{
	const char *p = word + (*word == '+' || *word == '-');

	return isdigit((unsigned char)*p) || STREQ(p, "inf") || STREQ(p, "nan");
}

static int take_word(struct toml_reader *r, struct toml *v)
{
	const char *at = r->p;
	auto_free char *word = xstrndup(at, word_len(at));

	if (!*word)
		return toml_fail(r, at, "a value is missing");
	r->p += strlen(word);
	if (STREQ(word, "true") || STREQ(word, "false")) {
		v->kind = TOML_BOOLEAN;
		v->truth = *word == 't';
		return 0;
	}
	v->kind = TOML_INTEGER;
	if (read_integer(word, &v->number))
		return 0;
	if (looks_like_number(word))
		return toml_fail(r, at, "'%.40s' is not a whole number of 64 bits", word);
	return toml_fail(r, at, "'%.40s' is not a value; text stands in quotes", word);
}

/* --- arrays and inline tables --- */

static int take_array(struct toml_reader *r, struct toml *v)
{
	const char *start = r->p++;

	v->kind = TOML_ARRAY;
	for (;;) {
		struct toml *item;

		toml_lines(r);
		if (*r->p == ']')
			break;
		if (!*r->p)
			return toml_fail(r, start, "this array does not end");
		if (toml_value(r, &item) < 0 || toml_append(r, v, item) < 0)
			return -1;
		toml_lines(r);
		if (*r->p == ',')
			r->p++;
		else if (*r->p != ']')
			return toml_fail(r, r->p, *r->p ? "a comma or ']' is missing" : "the array does not end");
	}
	r->p++;
	return 0;
}

static int take_inline_table(struct toml_reader *r, struct toml *v)
{
	r->p++;
	v->kind = TOML_TABLE;
	toml_blanks(r);
	while (*r->p != '}') {
		if (toml_pair(r, v) < 0)
			return -1;
		toml_blanks(r);
		if (*r->p == '}')
			break;
		if (*r->p != ',')
			return toml_fail(r, r->p, "a comma or '}' is missing");
		r->p++;
		toml_blanks(r);
		if (*r->p == '}')
			return toml_fail(r, r->p, "no comma may stand before '}'");
	}
	r->p++;
	v->made = TOML_WHOLE;
	return 0;
}

int toml_value(struct toml_reader *r, struct toml **ret)
{
	struct toml *v = toml_new(r, TOML_STRING);
	int bad;

	if (!v)
		return -1;
	if (++r->depth > TOML_DEPTH_MAX)
		return toml_fail(r, r->p, "more than %d levels", TOML_DEPTH_MAX);
	v->made = TOML_WHOLE;
	if (toml_at_string(r))
		bad = toml_string(r, false, &v->text);
	else if (*r->p == '[')
		bad = take_array(r, v);
	else if (*r->p == '{')
		bad = take_inline_table(r, v);
	else
		bad = take_word(r, v);
	r->depth--;
	*ret = v;
	return bad;
}
