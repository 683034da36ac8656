/* canon_scalar.c - single values: checked against the row's type and cast to it. */
#include <math.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "load.h"
#include "val.h"

bool canon_is_scalar(const struct node *n)
{
	return n->kind == NODE_STR || n->kind == NODE_INT || n->kind == NODE_FLOAT || n->kind == NODE_BOOL;
}

/* Before variables are replaced the reference casts no text. */
static bool is_raw_text(const struct canon *c, const struct node *n)
{
	return c->s->no_interpolate && n->kind == NODE_STR;
}

static bool is_number(const struct node *n)
{
	return n->kind == NODE_INT || n->kind == NODE_FLOAT;
}

static bool in_words(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (const char *p = words; *p; p += *p == '|') {
		size_t len = strcspn(p, "|");

		if (len == n && memcmp(p, text, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static const char *words_shown(struct arena *a, const char *words)
{
	char *out = arena_strdup(a, "");

	for (const char *p = words; *p; p += *p == '|') {
		size_t len = strcspn(p, "|");

		out = arena_printf(a, "%s%s'%.*s'", out, *out ? ", " : "", (int)len, p);
		p += len;
	}
	return out;
}

static const char *nearest_word(struct canon *c, const char *words, const char *text)
{
	const char *list[16];
	size_t n = 0;

	for (const char *p = words; *p && n < 15; p += *p == '|') {
		size_t len = strcspn(p, "|");

		list[n++] = arena_strndup(c->a, p, len);
		p += len;
	}
	list[n] = NULL;
	if (str_nearest(text, list) || strlen(text) < 4)
		return str_nearest(text, list);
	for (size_t i = 0; i < n; i++)
		if (strstr(list[i], text))
			return list[i];
	return NULL;
}

static struct node *to_str(struct canon *c, const struct attr *row, struct node *n)
{
	if (n->kind != NODE_STR || load_is_timestamp(n)) {
		canon_wrong(c, row, n, "a string");
		if (canon_is_scalar(n))
			canon_hint(c, "put it in quotes: \"%s\"", n->text);
		return n;
	}
	if ((row->flags & AF_ENUM) && !in_words(row->words, n->text)) {
		const char *near = nearest_word(c, row->words, n->text);

		canon_error(c, n, "'%s' is no value of '%s' (%s)", n->text, canon_subject(c, row),
			words_shown(c->a, row->words));
		if (near)
			canon_hint(c, "did you mean '%s'?", near);
	}
	return n;
}

/* Strings stay, numbers (and booleans, if `bools`) become what Go prints of them. */
static struct node *to_text(struct canon *c, const struct attr *row, struct node *n, bool bools)
{
	if (!canon_is_scalar(n) || load_is_timestamp(n) || (n->kind == NODE_BOOL && !bools))
		canon_wrong(c, row, n, bools ? "a string, number or boolean" : "a string or number");
	else if (n->kind == NODE_FLOAT && !bools && !(row->flags & AF_FRAC))
		canon_wrong(c, row, n, "a string or a whole number");
	else if (n->kind != NODE_STR)
		return canon_str(c, n, val_scalar_text(c->a, n));
	return n;
}

/* Whether a text stands where the reference wants the value itself. It is reported. */
static bool is_text_for_bare(struct canon *c, const struct attr *row, const struct node *n, const char *want)
{
	bool value, odd;

	if (!(row->flags & AF_BARE) || n->kind != NODE_STR)
		return false;
	canon_wrong(c, row, n, want);
	if (row->type == A_BOOL && n->span == strlen(n->text) && val_bool(n->text, &value, &odd) == 0 && odd)
		canon_hint(c, "write '%s': '%s' is a text here", value ? "true" : "false", n->text);
	else
		canon_hint(c, "neither quotes nor variables can stand here");
	return true;
}

static struct node *to_bool(struct canon *c, const struct attr *row, struct node *n)
{
	bool value, odd;

	if (n->kind == NODE_BOOL || is_text_for_bare(c, row, n, "true or false") || is_raw_text(c, n))
		return n;
	if (n->kind != NODE_STR) {
		canon_wrong(c, row, n, "true or false");
		return n;
	}
	if (val_bool(n->text, &value, &odd) < 0) {
		canon_error(
			c, n, "'%s' is no boolean for '%s' (true or false)", n->text, canon_subject(c, row));
		return n;
	}
	if (odd)
		canon_warn(c, n, "'%s' for a boolean is not YAML 1.2, please write '%s'", n->text,
			value ? "true" : "false");
	return canon_place(node_bool(c->a, value, n->pos), n);
}

/* ------------------------------------------------------------------ numbers */

static struct node *in_range(struct canon *c, const struct attr *row, struct node *n)
{
	double v = n->kind == NODE_INT ? (double)n->i : n->f;

	if (row->max && (v < row->min || v > row->max))
		canon_error(c, n, "'%s' must be %d to %d", canon_subject(c, row), row->min, row->max);
	else if ((row->flags & AF_POS) && v < 0)
		canon_error(c, n, "'%s' must not be negative", canon_subject(c, row));
	return n;
}

/* floor() is not always the compiler's own, and the library that has it is linked for nothing else. */
static bool is_whole(double f)
{
	if (!(fabs(f) < 0x1p53))         /* no fraction fits in there */
		return !isnan(f);
	return f == (double)(int64_t)f;
}

static struct node *int_of_float(struct canon *c, const struct attr *row, struct node *n)
{
	bool whole = is_whole(n->f);

	if (!(fabs(n->f) < 9e15) || (!whole && !(row->flags & AF_FRAC))) {
		canon_wrong(c, row, n, "a whole number");
		return n;
	}
	if (n->f < 0 && (row->flags & AF_POS))
		return in_range(c, row, n);
	if (!whole)
		canon_warn(c, n, "'%s' is a whole number: the fraction of %s is cut off",
			canon_subject(c, row), n->text);
	return in_range(c, row, canon_place(node_int(c->a, (long long)n->f, n->pos), n));
}

static struct node *to_int(struct canon *c, const struct attr *row, struct node *n)
{
	int64_t v;

	if (n->kind == NODE_INT && n->is_u64) {
		canon_error(c, n, "%s is too large for '%s'", n->text, canon_subject(c, row));
		return n;
	}
	if (n->kind == NODE_INT)
		return in_range(c, row, n);
	if (is_text_for_bare(c, row, n, "a whole number") || is_raw_text(c, n))
		return n;
	if (n->kind == NODE_FLOAT)
		return int_of_float(c, row, n);
	if (n->kind == NODE_FLOAT) {
		canon_error(c, n, "'%s' must be a whole number, not %s", canon_subject(c, row), n->text);
		return n;
	}
	if (n->kind != NODE_STR) {
		canon_wrong(c, row, n, "a whole number");
		return n;
	}
	if (str_i64(n->text + (n->text[0] == '+' && n->text[1] != '-'), &v) < 0) {
		canon_error(c, n, "'%s' is no whole number for '%s'", n->text, canon_subject(c, row));
		return n;
	}
	return in_range(c, row, canon_place(node_int(c->a, v, n->pos), n));
}

static struct node *to_num(struct canon *c, const struct attr *row, struct node *n)
{
	double v = 0;

	if (is_raw_text(c, n))
		return n;
	if (n->kind != NODE_STR && !is_number(n)) {
		canon_wrong(c, row, n, "a number");
		return n;
	}
	if (n->kind == NODE_STR && str_f64(n->text, &v) < 0) {
		canon_error(c, n, "'%s' is no number for '%s'", n->text, canon_subject(c, row));
		return n;
	}
	if (n->kind == NODE_INT)
		v = n->is_u64 ? (double)(unsigned long long)n->i : (double)n->i;
	else if (n->kind == NODE_FLOAT)
		v = n->f;
	v = val_float32(v);
	if (!isfinite(v)) {
		canon_error(c, n, "%s is no number for '%s'", n->text, canon_subject(c, row));
		return n;
	}
	return in_range(c, row, canon_place(node_float(c->a, v, n->pos), n));
}

/* ------------------------------------------------------------------ sizes, durations */

/* The reference reads whole numbers and texts; what else is a number it takes for nothing. */
static struct node *bare_size(struct canon *c, const struct attr *row, struct node *n)
{
	if ((row->flags & AF_QUOTED) ||
		(n->kind == NODE_FLOAT && !is_whole(n->f) && !(row->flags & AF_FRAC))) {
		canon_wrong(c, row, n, "a string such as \"64m\"");
		return n;
	}
	if (n->kind == NODE_INT && !n->is_u64) {
		in_range(c, row, n);
		return canon_str(c, n, arena_printf(c->a, "%lld", n->i));
	}
	canon_warn(c, n, "'%s': %s is ignored, as docker compose does", canon_subject(c, row), n->text);
	canon_hint(c, "write whole bytes, or a unit: \"1.5g\"");
	return canon_str(c, n, "0");
}

static struct node *to_size(struct canon *c, const struct attr *row, struct node *n)
{
	int64_t v;

	if (is_raw_text(c, n))
		return n;
	if (is_number(n))
		return bare_size(c, row, n);
	if (n->kind != NODE_STR) {
		canon_wrong(c, row, n, "a size such as 64m");
		return n;
	}
	if (str_size(n->text, &v) < 0) {
		canon_error(c, n, "'%s' is no size for '%s' (such as 64m or 1.5g)", n->text,
			canon_subject(c, row));
		if (*n->text == '-' && !(row->flags & AF_QUOTED))
			canon_hint(c, "a negative number stands without quotes");
		return n;
	}
	return canon_str(c, n, arena_printf(c->a, "%lld", (long long)v));
}

static struct node *to_duration(struct canon *c, const struct attr *row, struct node *n)
{
	char text[32];
	int64_t ns;

	if (is_raw_text(c, n))
		return n;
	if (n->kind != NODE_STR) {
		canon_wrong(c, row, n, "a duration such as \"1m30s\"");
		if (n->kind == NODE_INT)
			canon_hint(c, "a unit is missing: %ss", n->text);
		return n;
	}
	if (str_duration_ns(n->text, &ns) < 0) {
		canon_error(
			c, n, "'%s' is no duration for '%s' (such as 1m30s)", n->text, canon_subject(c, row));
		if (*n->text && !n->text[strspn(n->text, "0123456789")])
			canon_hint(c, "a unit is missing: %ss", n->text);
		return n;
	}
	str_duration_format(ns, text);
	return canon_str(c, n, text);
}

static struct node *cast(struct canon *c, const struct attr *row, struct node *n)
{
	switch (row->type) {
	case A_STR:
		return to_str(c, row, n);
	case A_TEXT:
		return to_text(c, row, n, false);
	case A_SCALAR:
		return to_text(c, row, n, true);
	case A_BOOL:
		return to_bool(c, row, n);
	case A_INT:
		return to_int(c, row, n);
	case A_NUM:
		return to_num(c, row, n);
	case A_SIZE:
		return to_size(c, row, n);
	case A_DUR:
		return to_duration(c, row, n);
	default:
		return n;
	}
}

/* Before variables are replaced values are checked, and printed as they were written. */
struct node *canon_scalar(struct canon *c, const struct attr *row, struct node *n)
{
	struct node *value = cast(c, row, n);

	return c->s->no_interpolate ? n : value;
}
