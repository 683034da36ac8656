/* How it works: libyaml says where its rules broke, which is seldom where the mistake is. The lines around that place are looked at
 * as a reader would: how far they are indented, whether they look like "key: value", what was quoted last. */
#include "load_guess.h"

#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"

/* ------------------------------------------------------------------ lines */

struct line {
	unsigned nr;
	const char *p; /* its first character */
	size_t len;    /* without blanks at its end */
	size_t indent; /* blanks before the first word */
};

static struct line line_from(const struct loader *l, const char *p, unsigned nr)
{
	const char *end = l->text + l->text_len, *nl = memchr(p, '\n', (size_t)(end - p));
	struct line ln = { .nr = nr, .p = p, .len = (size_t)((nl ? nl : end) - p) };

	while (ln.len && strchr(" \t\r", p[ln.len - 1]))
		ln.len--;
	while (ln.indent < ln.len && p[ln.indent] == ' ')
		ln.indent++;
	return ln;
}

static bool line_at(const struct loader *l, unsigned nr, struct line *ret)
{
	const char *p = l->text, *end = l->text + l->text_len;

	for (unsigned i = 1; i < nr; i++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return false;
		p++;
	}
	*ret = line_from(l, p, nr);
	return nr > 0;
}

static bool is_text(const struct line *ln)
{
	return ln->indent < ln->len && ln->p[ln->indent] != '#';
}

/* The nearest line above that is neither empty nor a comment. */
static bool line_above(const struct loader *l, const struct line *ln, struct line *ret)
{
	*ret = *ln;
	do {
		const char *p = ret->p - 1; /* the newline before */

		if (ret->p == l->text)
			return false;
		while (p > l->text && p[-1] != '\n')
			p--;
		*ret = line_from(l, p, ret->nr - 1);
	} while (!is_text(ret));
	return true;
}

static size_t columns(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

static struct pos place(const struct loader *l, const struct line *ln, size_t byte)
{
	return (struct pos){ l->file, ln->nr, (unsigned)columns(ln->p, byte) + 1 };
}

/* The byte that a column stands on. */
static size_t byte_at(const struct line *ln, unsigned col)
{
	unsigned n = 0;

	for (size_t i = 0; i < ln->len; i++)
		if (((unsigned char)ln->p[i] & 0xc0) != 0x80 && ++n == col)
			return i;
	return ln->len;
}

static bool is_dash(const struct line *ln, size_t at)
{
	return at < ln->len && ln->p[at] == '-' && (at + 1 == ln->len || ln->p[at + 1] == ' ');
}

/* Where the key or value of a line starts, behind the dashes of list items. */
static size_t content(const struct line *ln)
{
	size_t at = ln->indent;

	while (is_dash(ln, at))
		for (at++; at < ln->len && ln->p[at] == ' ';)
			at++;
	return at;
}

/* The ':' that ends a key, or len. */
static size_t key_colon(const struct line *ln, size_t from)
{
	for (size_t i = from; i < ln->len; i++)
		if (ln->p[i] == ':' && (i + 1 == ln->len || ln->p[i + 1] == ' '))
			return i;
	return ln->len;
}

/* Reports a mistake from one byte of a line to another. Both may be behind its end: libyaml ends lines in more
 * ways than we do. */
static void fail_at(struct loader *l, const struct line *ln, size_t from, size_t to, const char *msg)
{
	to = to < ln->len ? to : ln->len;
	from = from < to ? from : to;
	FAIL(l, place(l, ln, from), "%s", msg);
	diag_where(l->d, NULL, NULL, (unsigned)columns(ln->p + from, to - from));
}

/* ------------------------------------------------------------------ anywhere */

static bool tab_indent(struct loader *l, const struct line *ln)
{
	if (ln->indent >= ln->len || ln->p[ln->indent] != '\t')
		return false;
	fail_at(l, ln, ln->indent, ln->indent + 1, "a tab is used for indentation");
	diag_hint(l->d, "YAML is indented with spaces");
	return true;
}

static bool conflict(struct loader *l, const struct line *ln)
{
	static const char *const marks[] = { "<<<<<<< ", "=======", ">>>>>>> ", "||||||| " };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		size_t n = strlen(marks[i]);

		if (ln->len < n || memcmp(ln->p, marks[i], n) != 0)
			continue;
		fail_at(l, ln, 0, ln->len, "a merge conflict was left in the file");
		diag_hint(l->d, "keep one of the two versions, and remove the lines of '<', '=' and '>'");
		return true;
	}
	return false;
}

bool guess_anywhere(struct loader *l, const struct broken *b)
{
	enum { LINES = 20 }; /* a conflict is near */
	struct line ln;

	if (!line_at(l, b->at.line, &ln))
		return false;
	if (tab_indent(l, &ln))
		return true;
	for (unsigned i = 0; i < LINES; i++) {
		if (conflict(l, &ln))
			return true;
		if (!line_above(l, &ln, &ln))
			break;
	}
	return false;
}

/* ------------------------------------------------------------------ indentation */

/* Whether something on the line stands in that column. */
static bool has_level(const struct line *ln, size_t col, bool dash)
{
	size_t at = ln->indent;

	for (; is_dash(ln, at); at++) {
		if (at == col)
			return true;
		while (at + 1 < ln->len && ln->p[at + 1] == ' ')
			at++;
	}
	return at == col && (at == ln->indent || (!dash && key_colon(ln, at) < ln->len));
}

/* The lines above that are still open: each is indented less than those below it. This one has to begin like one of them. */
static bool bad_indent(struct loader *l, const struct line *here)
{
	struct line up = *here, deeper = { 0 }, shallower = { 0 };
	size_t least = (size_t)-1;

	while (!shallower.nr && line_above(l, &up, &up)) {
		if (up.indent >= least)
			continue;
		least = up.indent;
		if (has_level(&up, here->indent, is_dash(here, here->indent)))
			return false;
		*(up.indent > here->indent ? &deeper : &shallower) = up;
	}
	if (!deeper.nr && !shallower.nr)
		return false;
	fail_at(l, here, here->indent, here->len,
		arena_printf(l->a, "this line is indented by %zu, which fits no line above it", here->indent));
	if (shallower.nr)
		diag_note(l->d, place(l, &shallower, shallower.indent), "this line is indented by %zu",
			shallower.indent);
	if (deeper.nr)
		diag_note(l->d, place(l, &deeper, deeper.indent), "this line is indented by %zu", deeper.indent);
	return true;
}

/* Text behind a closing quote: often the quote closes more, or less, than was meant. */
static bool after_quote(struct loader *l, const struct line *here, size_t at)
{
	size_t end = byte_at(here, l->quote_end.col);

	if (l->quote_end.line != here->nr)
		return false;
	while (end < at && here->p[end] == ' ')
		end++;
	if (end != at)
		return false;
	if (l->quote_start.line != l->quote_end.line) {
		FAIL(l, l->quote_start, "the quote that is opened here is closed in line %u only", l->quote_end.line);
		diag_note(l->d, place(l, here, at), "it ends before this");
		diag_hint(l->d, "is the closing quote missing?");
		return true;
	}
	fail_at(l, here, at, here->len, "there is more text after the closing quote");
	diag_note(l->d, l->quote_start, "the quote is opened here");
	diag_hint(l->d, l->quote == '"' ? "inside of double quotes a quote is written \\\""
					 : "inside of single quotes a quote is written ''; or use double quotes");
	return true;
}

bool guess_key(struct loader *l, const struct broken *b)
{
	struct line here;
	size_t at;

	if (!line_at(l, b->at.line, &here))
		return false;
	at = byte_at(&here, b->at.col);
	if (at < here.len && strchr("]}", here.p[at])) {
		fail_at(l, &here, at, at + 1, arena_printf(l->a, "this '%c' closes nothing", here.p[at]));
		return true;
	}
	if (after_quote(l, &here, at))
		return true;
	if (at != here.indent)
		return false;
	if (bad_indent(l, &here))
		return true;
	if (!is_dash(&here, at))
		return false;
	fail_at(l, &here, at, here.len, "a list item cannot stand among keys");
	if (b->from.line)
		diag_note(l->d, b->from, "the keys start here");
	diag_hint(l->d, "write all of them as 'key: value', or all as '- item'");
	return true;
}

bool guess_item(struct loader *l, const struct broken *b)
{
	struct line here;

	if (!line_at(l, b->at.line, &here))
		return false;
	if (after_quote(l, &here, byte_at(&here, b->at.col)))
		return true;
	if (here.indent + 1 != b->at.col)
		return false;
	if (bad_indent(l, &here))
		return true;
	if (is_dash(&here, here.indent) || key_colon(&here, here.indent) == here.len)
		return false;
	fail_at(l, &here, here.indent, here.len, "a key cannot stand among the items of a list");
	diag_note(l->d, b->from, "the items start here");
	diag_hint(l->d, "write all of them as 'key: value', or all as '- item'");
	return true;
}

/* ------------------------------------------------------------------ key: value */

/* A line that should have been "key: value". */
static bool bad_pair(struct loader *l, const struct line *ln)
{
	size_t from = content(ln), to = from;
	const char *word = ln->p + from, *sep;

	while (to < ln->len && ln->p[to] != ' ')
		to++;
	if (to == from || strchr("\"'[{", *word))
		return false;
	word = arena_strndup(l->a, word, to - from);
	sep = strpbrk(word, ":=");
	if (word[0] == '-' && word[1] && word[1] != '-') {
		fail_at(l, ln, from, to, arena_printf(l->a, "a blank is missing after the '-' in '%s'", word));
		diag_hint(l->d, "write '- %s'", word + 1);
	} else if (sep && sep > word && *sep == '=') {
		fail_at(l, ln, from, to, arena_printf(l->a, "'%s' is no 'key: value'", word));
		diag_hint(l->d, "write '%.*s: %s', or '- %s' in a list", (int)(sep - word), word, sep + 1, word);
	} else if (sep && sep > word && sep[1] && sep[1] != '/') {
		fail_at(l, ln, from, to, arena_printf(l->a, "a blank is missing after the ':' in '%s'", word));
		diag_hint(l->d, "write '%.*s: %s'", (int)(sep - word), word, sep + 1);
	} else {
		fail_at(l, ln, from, to, arena_printf(l->a, "a ':' is missing after '%s'", word));
	}
	return true;
}

bool guess_colon(struct loader *l, const struct broken *b)
{
	struct line here, above;
	size_t at, first;

	if (!line_at(l, b->at.line, &here))
		return false;
	at = byte_at(&here, b->at.col);
	first = key_colon(&here, content(&here));
	if (first < at) {
		fail_at(l, &here, at, at + 1, "a ': ' cannot stand inside of a text without quotes");
		diag_hint(l->d, "put the text after '%s' in quotes",
			arena_strndup(l->a, here.p + content(&here), first + 1 - content(&here)));
		return true;
	}
	if (!line_above(l, &here, &above))
		return false;
	if (!is_dash(&here, here.indent) && key_colon(&above, content(&above)) == above.len &&
		bad_pair(l, &above))
		return true;
	if (here.indent <= above.indent)
		return false;
	fail_at(l, &here, here.indent, here.len,
		"this line is indented deeper than the one above it, which has a value already");
	diag_note(l->d, place(l, &above, above.indent), "the line above is here");
	return true;
}

/* A text that should stand below "|" or ">", but is not indented. */
static bool bad_block(struct loader *l, const struct line *ln)
{
	struct line above;
	size_t at;

	if (!line_above(l, ln, &above))
		return false;
	for (at = above.len; at > 0 && strchr("+-123456789", above.p[at - 1]);)
		at--;
	if (at < 2 || !strchr("|>", above.p[at - 1]) || above.p[at - 2] != ' ' || ln->indent > above.indent)
		return false;
	fail_at(l, ln, ln->indent, ln->len,
		arena_printf(l->a, "the text of a '%c' must be indented deeper than its key", above.p[at - 1]));
	diag_note(l->d, place(l, &above, at - 1), "the '%c' is here", above.p[at - 1]);
	return true;
}

bool guess_no_colon(struct loader *l, const struct broken *b)
{
	struct line key;

	return line_at(l, b->from.line, &key) && (bad_block(l, &key) || bad_pair(l, &key));
}

/* ------------------------------------------------------------------ brackets, quotes, characters */

/* Whether the bracket at p has its other half, as far as counting tells. */
static bool is_closed(const struct loader *l, const char *p)
{
	const char *end = l->text + l->text_len, *close;
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '"' || *p == '\'') {
			close = memchr(p + 1, *p, (size_t)(end - p - 1));
			p = close ? close : p;
		} else if (*p == '[' || *p == '{') {
			depth++;
		} else if ((*p == ']' || *p == '}') && --depth == 0) {
			return true;
		}
	}
	return false;
}

/* "{A: ${B}}": the braces of a variable are YAML's own inside of brackets. */
static bool bad_variable(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at, from;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = byte_at(&ln, b->at.col);
	if (at >= ln.len)
		return false;
	for (from = at; from > 0 && ln.p[from] != '$' && !strchr(",[ ", ln.p[from]);)
		from--;
	if (from + 1 >= ln.len || ln.p[from] != '$' || ln.p[from + 1] != '{')
		return false;
	fail_at(l, &ln, from, from + 2, "a '${' inside of brackets must be in quotes");
	diag_hint(l->d, "write \"${NAME}\"");
	return true;
}

bool guess_flow(struct loader *l, const struct broken *b)
{
	struct line open, here;
	size_t at;

	if (bad_variable(l, b))
		return true;
	if (b->at.line <= b->from.line || !line_at(l, b->from.line, &open))
		return false;
	at = byte_at(&open, b->from.col);
	if (at >= open.len)
		return false;
	if (is_closed(l, open.p + at) && line_at(l, b->at.line, &here) && line_above(l, &here, &here)) {
		fail_at(l, &here, here.len ? here.len - 1 : 0, here.len, "a ',' is missing after this");
		diag_note(l->d, b->from, "the '%c' is here", open.p[at]);
		return true;
	}
	fail_at(l, &open, at, at + 1, arena_printf(l->a, "this '%c' is not closed", open.p[at]));
	diag_note(l->d, b->at, "a ',' or the '%c' is missing before this", open.p[at] == '[' ? ']' : '}');
	return true;
}

/* The rest of a value, as it should have been written. */
static void hint_quotes(struct loader *l, const struct line *ln, size_t at)
{
	size_t to = at;

	while (to < ln->len && !(ln->p[to] == ' ' && ln->p[to + 1] == '#'))
		to++;
	while (to > at && ln->p[to - 1] == ' ')
		to--;
	diag_hint(l->d, memchr(ln->p + at, '"', to - at) ? "put it in quotes: '%.*s'" : "put it in quotes: \"%.*s\"",
		(int)(to - at), ln->p + at);
}

static bool bad_start(struct loader *l, struct pos pos, const char *before, const char *after)
{
	struct line ln;
	size_t at;

	if (!line_at(l, pos.line, &ln))
		return false;
	at = byte_at(&ln, pos.col);
	if (at >= ln.len)
		return false;
	fail_at(l, &ln, at, at + 1, arena_printf(l->a, "%s '%c'%s", before, ln.p[at], after));
	hint_quotes(l, &ln, at);
	return true;
}

bool guess_start(struct loader *l, const struct broken *b)
{
	return bad_start(l, b->at, "a text without quotes cannot start with", "");
}

bool guess_name(struct loader *l, const struct broken *b)
{
	return bad_start(l, b->from, "there is no name behind", ", which starts an anchor or alias");
}

bool guess_content(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = byte_at(&ln, b->at.col);
	if (at >= ln.len)
		return false;
	fail_at(l, &ln, at, at + 1, arena_printf(l->a, "a value is missing before this '%c'", ln.p[at]));
	return true;
}

bool guess_escape(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = byte_at(&ln, b->at.col);
	if (at + 1 >= ln.len || ln.p[at] != '\\')
		return false;
	fail_at(l, &ln, at, at + 2, arena_printf(l->a, "'\\%c' means nothing in double quotes", ln.p[at + 1]));
	diag_hint(l->d, "write '\\\\' for a backslash, or use single quotes");
	return true;
}

bool guess_quote(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->from.line, &ln))
		return false;
	at = byte_at(&ln, b->from.col);
	if (at >= ln.len)
		return false;
	fail_at(l, &ln, at, ln.len, arena_printf(l->a, "the quote %c is never closed", ln.p[at]));
	return true;
}

bool guess_dash(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = byte_at(&ln, b->at.col);
	if (at == ln.indent)
		return bad_indent(l, &ln);
	if (key_colon(&ln, content(&ln)) >= at)
		return false;
	fail_at(l, &ln, at, at + 1, "a list cannot start in the line of its key");
	diag_hint(l->d, "put '- …' on the next line, or write [ … ]");
	return true;
}
