/* How it works: the file is walked statement by statement as the reference does it, so that its odd corners
 * (a comment behind a closing quote, a name alone on its line) come out the same. Quotes are undone first,
 * then variables are expanded. After a mistake it goes on with the next line. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "env_text.h"
#include "interp.h"
#include "rune.h"

static void skip_blanks(struct env_text *t)
{
	size_t len;

	while (t->p < t->end && rune_is_blank(rune_at(t->p, t->end, &len)))
		t->p += len;
}

static const char *line_end(const struct env_text *t, const char *p)
{
	const char *nl = memchr(p, '\n', (size_t)(t->end - p));

	return nl ? nl : t->end;
}

/* False at the end of the text. */
static bool next_statement(struct env_text *t)
{
	size_t len;

	while (t->p < t->end) {
		if (*t->p == '#')
			t->p = line_end(t, t->p);
		else if (rune_is_space(rune_at(t->p, t->end, &len)))
			t->p += len;
		else
			return true;
	}
	return false;
}

/* The end of a text without the white space there. */
static const char *trim_end(const char *start, const char *end)
{
	while (end > start) {
		const char *p = end - 1;
		size_t len;

		while (p > start && ((unsigned char)*p & 0xc0) == 0x80)
			p--;
		if (!rune_is_space(rune_at(p, end, &len)) || p + len != end)
			break;
		end = p;
	}
	return end;
}

/* ------------------------------------------------------------------ values */

/* A value while its variables are expanded. */
struct value {
	struct env_text *t;
	const char *start; /* in the file */
	const char *text;  /* what is expanded: without quotes and escapes */
	bool escapes;
};

/* The place of the '$' at an offset of the text: as many are before it in the file, an escaped one counting
 * for the two that stand for it. */
static struct pos dollar_place(const struct value *v, size_t offset)
{
	const char *p = v->start;
	size_t before = 0;

	if (v->t->d->n >= DIAG_MAX)
		return env_text_place(v->t, v->start);
	for (size_t i = 0; i < offset; i++)
		before += v->text[i] == '$';
	for (; p < v->t->end; p++) {
		if (*p == '\\' && v->escapes && p + 1 < v->t->end) {
			if (*++p == '$')
				before -= before < 2 ? before : 2;
		} else if (*p == '$' && before-- == 0)
			break;
	}
	return env_text_place(v->t, p);
}

static void on_missing(void *arg, const char *name, size_t offset, size_t span)
{
	const struct value *v = arg;

	diag_warn(v->t->d, dollar_place(v, offset), "the variable '%s' is not set, an empty text is used",
		name);
	diag_where(v->t->d, NULL, NULL, (unsigned)span);
	diag_hint(v->t->d, "a '$' that is meant as such, as in a password: put the value in single quotes");
}

static void on_problem(void *arg, const struct interp_problem *p)
{
	const struct value *v = arg;
	const char *nl = memchr(v->text + p->offset, '\n', p->span);

	diag_error(v->t->d, dollar_place(v, p->offset), "%s", p->msg);
	diag_where(v->t->d, NULL, p->origin, (unsigned)(nl ? (size_t)(nl - v->text) - p->offset : p->span));
	if (p->what == INTERP_BAD_FORMAT)
		diag_hint(v->t->d, "a '$' that is meant as such is written '$$', or stands in single quotes");
}

/* Expands the variables of v->text. NULL after reporting. */
static const char *expand(struct value *v)
{
	struct env_text *t = v->t;
	struct interp_hooks hooks = {
		.missing = on_missing, .problem = on_problem, .arg = v, .spent = &t->into->growth.spent
	};
	struct interp_result r;

	return interp_text(t->a, t->into, v->text, strlen(v->text), &hooks, &r) == INTERP_OK ? r.text : NULL;
}

/* The rest of the line, without a comment and blanks at its end. */
static const char *parse_unquoted(struct env_text *t)
{
	struct value v = { .t = t, .start = t->p };
	const char *stop = line_end(t, t->p), *comment;

	t->p = stop;
	comment = memmem(v.start, (size_t)(stop - v.start), " #", 2);
	stop = trim_end(v.start, comment ? comment : stop);
	v.text = arena_strndup(t->a, v.start, (size_t)(stop - v.start));
	return expand(&v);
}

/* \0 and up to three digits: they are a character when there are three and they are octal; else the zero
 * goes, as in the reference. Returns how much was taken. */
static size_t octal(const char *p, struct buf *out)
{
	unsigned v = 0;
	size_t n = 2;
	bool good = true;

	for (; n < 5 && p[n] >= '0' && p[n] <= '9'; n++) {
		good &= p[n] <= '7';
		v = v * 8 + (unsigned)(p[n] - '0');
	}
	if (n < 5 || !good || v > 255)
		buf_printf(out, "\\%.*s", (int)(n - 2), p + 2);
	else if (v < 0x80)
		buf_char(out, (char)v);
	else
		buf_printf(out, "%c%c", (int)(0xc0 | v >> 6), (int)(0x80 | (v & 0x3f)));
	return n;
}

/* Undoes the escapes of double quotes; "\$" becomes "$$", which the expansion makes a "$". */
static void unescape(const char *p, struct buf *out)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";

	while (*p) {
		const char *hit = p[0] == '\\' && p[1] ? strchr(from, p[1]) : NULL;

		if (hit) {
			buf_char(out, to[hit - from]);
			p += 2;
		} else if (p[0] == '\\' && p[1] == '$') {
			buf_str(out, "$$");
			p += 2;
		} else if (p[0] == '\\' && p[1] == '0') {
			p += octal(p, out);
		} else {
			buf_char(out, *p++);
		}
	}
}

/* t->p stands on the opening quote. Takes in what is between the quotes; a backslash before the quote goes,
 * others stay. False when the quote is never closed. */
static bool quoted_text(struct env_text *t, struct buf *out)
{
	char quote = *t->p;
	bool escaped = false;

	for (t->p++; t->p < t->end; t->p++) {
		char c = *t->p;

		if (c == quote && !escaped) {
			t->p++;
			return true;
		}
		if (c == '\\' && !escaped) {
			escaped = true;
			continue;
		}
		if (escaped && c != quote)
			buf_char(out, '\\');
		escaped = false;
		buf_char(out, c);
	}
	return false;
}

static const char *parse_quoted(struct env_text *t)
{
	const char *start = t->p;
	char quote = *start;
	struct value v = { .t = t, .start = start + 1, .escapes = true };
	auto_buf struct buf raw = BUF_INIT;
	auto_buf struct buf plain = BUF_INIT;

	if (!quoted_text(t, &raw)) {
		diag_error(t->d, env_text_place(t, start), "the quote %c is never closed", quote);
		return NULL;
	}
	if (quote == '\'')
		return arena_strdup(t->a, raw.p ? raw.p : "");
	unescape(raw.p ? raw.p : "", &plain);
	if (plain.p && strlen(plain.p) != plain.len) {
		diag_error(t->d, env_text_place(t, start), "a variable cannot hold a NUL character");
		return NULL;
	}
	v.text = arena_strdup(t->a, plain.p ? plain.p : "");
	return expand(&v);
}

/* ------------------------------------------------------------------ statements */

/* "export", which needs a blank or the end of the line behind it. */
static void skip_export(struct env_text *t)
{
	if (t->end - t->p < 7 || strncmp(t->p, "export", 6) != 0 || !strchr(" \t\n\f\r", t->p[6]))
		return;
	t->p += 6;
	skip_blanks(t);
}

/* The '=', ':' or end of line behind a name, the end of the text when there is none. NULL after reporting. */
static const char *name_end(struct env_text *t)
{
	size_t len;

	for (const char *p = t->p; p < t->end; p += len) {
		uint32_t c = rune_at(p, t->end, &len);

		if (c == '=' || c == ':' || c == '\n')
			return p;
		if (rune_is_blank(c) || (c != RUNE_BAD && rune_is_word(c)) ||
			(c < 0x80 && strchr("_.-[]", (int)c)))
			continue;
		diag_error(t->d, env_text_place(t, p),
			"unexpected character '%.*s' in the name of a variable", (int)len, p);
		return NULL;
	}
	return t->end;
}

/* A name alone takes its value from outside. */
static int parse_bare(struct env_text *t, const char *name)
{
	const struct env_var *v = env_find(t->lookup, name);

	if (v && v->value)
		return env_text_set(t, name, v->value, v->pos);
	return 0;
}

/* A name alone at the end of a file that has no newline there: the reference makes it the value of a variable
 * without a name. */
static int parse_unfinished(struct env_text *t, const char *name, struct pos pos)
{
	t->p = t->end;
	diag_warn(t->d, pos, "the name '%s' is taken as a value, because the line does not end", name);
	diag_hint(t->d, "end the last line with a newline, or write '%s='", name);
	return env_text_set(t, "", name, pos);
}

static int parse_value(struct env_text *t, const char *name, struct pos pos)
{
	const char *value;

	skip_blanks(t);
	if (t->p < t->end && (*t->p == '"' || *t->p == '\''))
		value = parse_quoted(t);
	else
		value = parse_unquoted(t);
	if (!value)
		return -1;
	if (!*name)
		diag_warn(t->d, pos, "a name is missing here, the value '%.40s' cannot be used", value);
	return env_text_set(t, name, value, pos);
}

static int parse_statement(struct env_text *t)
{
	const char *start, *stop;
	struct pos pos;
	char *name;

	env_text_mark(t);
	skip_export(t);
	start = t->p;
	pos = env_text_place(t, start);
	if (start == t->end)
		return diag_error(t->d, pos, "a name is missing behind 'export'");
	stop = name_end(t);
	if (!stop)
		return -1;
	name = arena_strndup(t->a, start, (size_t)(trim_end(start, stop) - start));
	if (stop == t->end)
		return parse_unfinished(t, name, pos);
	if (strchr(name, ' '))
		return diag_error(t->d, pos, "the name '%s' must not hold a blank", name);
	t->p = stop + 1;
	return *stop == '\n' ? parse_bare(t, name) : parse_value(t, name, pos);
}

int dotenv_parse(struct env_text *t)
{
	int r = 0;

	while (next_statement(t)) {
		if (parse_statement(t) == 0)
			continue;
		t->p = t->into->growth.spent > INTERP_MAX_SPENT ? t->end : line_end(t, t->p);
		r = -1;
	}
	return r;
}
