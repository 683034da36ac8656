/* How it works: libyaml says where its rules broke, which is seldom where the mistake is. The lines around
 * that place are looked at as a reader would: how far they are indented, whether they look like "key: value",
 * what was quoted last. */
#include "load_guess.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "load_line.h"

/* ------------------------------------------------------------------ anywhere */

static bool tab_indent(struct loader *l, const struct line *ln)
{
	if (ln->indent >= ln->len || ln->p[ln->indent] != '\t')
		return false;
	line_fail(l, ln, ln->indent, ln->indent + 1, "a tab is used for indentation");
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
		line_fail(l, ln, 0, ln->len, "a merge conflict was left in the file");
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

	for (; line_is_dash(ln, at); at++) {
		if (at == col)
			return true;
		while (at + 1 < ln->len && ln->p[at + 1] == ' ')
			at++;
	}
	return at == col && (at == ln->indent || (!dash && line_colon(ln, at) < ln->len));
}

/* The lines above that are still open: each is indented less than those below it. This one has to begin like
 * one of them. */
static bool bad_indent(struct loader *l, const struct line *here)
{
	struct line up = *here, deeper = { 0 }, shallower = { 0 };
	size_t least = (size_t)-1;

	while (!shallower.nr && line_above(l, &up, &up)) {
		if (up.indent >= least)
			continue;
		least = up.indent;
		if (has_level(&up, here->indent, line_is_dash(here, here->indent)))
			return false;
		*(up.indent > here->indent ? &deeper : &shallower) = up;
	}
	if (!deeper.nr && !shallower.nr)
		return false;
	line_fail(l, here, here->indent, here->len,
		arena_printf(
			l->a, "this line is indented by %zu, which fits no line above it", here->indent));
	if (shallower.nr)
		diag_note(l->d, line_place(l, &shallower, shallower.indent), "this line is indented by %zu",
			shallower.indent);
	if (deeper.nr)
		diag_note(l->d, line_place(l, &deeper, deeper.indent), "this line is indented by %zu",
			deeper.indent);
	return true;
}

/* Text behind a closing quote: often the quote closes more, or less, than was meant. */
static bool after_quote(struct loader *l, const struct line *here, size_t at)
{
	size_t end = line_byte(here, l->quote_end.col);

	if (l->quote_end.line != here->nr)
		return false;
	while (end < at && here->p[end] == ' ')
		end++;
	if (end != at)
		return false;
	if (l->quote_start.line != l->quote_end.line) {
		FAIL(l, l->quote_start, "the quote that is opened here is closed in line %u only",
			l->quote_end.line);
		diag_note(l->d, line_place(l, here, at), "it ends before this");
		diag_hint(l->d, "is the closing quote missing?");
		return true;
	}
	line_fail(l, here, at, here->len, "there is more text after the closing quote");
	diag_note(l->d, l->quote_start, "the quote is opened here");
	diag_hint(l->d, l->quote == '"'
				? "inside of double quotes a quote is written \\\""
				: "inside of single quotes a quote is written ''; or use double quotes");
	return true;
}

/* A line that should have been "key: value". */
static bool bad_pair(struct loader *l, const struct line *ln)
{
	size_t from = line_content(ln), to = from;
	const char *word = ln->p + from, *sep;

	while (to < ln->len && ln->p[to] != ' ')
		to++;
	if (to == from || strchr("\"'[{", *word))
		return false;
	word = arena_strndup(l->a, word, to - from);
	sep = strpbrk(word, ":=");
	if (word[0] == '-' && word[1] && word[1] != '-') {
		line_fail(l, ln, from, to,
			arena_printf(l->a, "a blank is missing after the '-' in '%s'", word));
		diag_hint(l->d, "write '- %s'", word + 1);
	} else if (sep && sep > word && *sep == '=') {
		line_fail(l, ln, from, to, arena_printf(l->a, "'%s' is no 'key: value'", word));
		diag_hint(l->d, "write '%.*s: %s', or '- %s' in a list", (int)(sep - word), word, sep + 1,
			word);
	} else if (sep && sep > word && sep[1] && sep[1] != '/') {
		line_fail(l, ln, from, to,
			arena_printf(l->a, "a blank is missing after the ':' in '%s'", word));
		diag_hint(l->d, "write '%.*s: %s'", (int)(sep - word), word, sep + 1);
	} else {
		line_fail(l, ln, from, to, arena_printf(l->a, "a ':' is missing after '%s'", word));
	}
	return true;
}

/* "image:nginx # newest": the comment ends what would otherwise go on in the next line. */
static bool bad_pair_above(struct loader *l, const struct line *here)
{
	struct line above;
	size_t end;

	if (!line_above(l, here, &above) || above.indent != here->indent ||
		line_is_dash(&above, above.indent))
		return false;
	end = line_comment(&above);
	return end < above.len && line_colon(&above, above.indent) > end && bad_pair(l, &above);
}

bool guess_key(struct loader *l, const struct broken *b)
{
	struct line here;
	size_t at;

	if (!line_at(l, b->at.line, &here))
		return false;
	at = line_byte(&here, b->at.col);
	if (at < here.len && strchr("]}", here.p[at])) {
		line_fail(l, &here, at, at + 1, arena_printf(l->a, "this '%c' closes nothing", here.p[at]));
		return true;
	}
	if (after_quote(l, &here, at))
		return true;
	if (at != here.indent)
		return false;
	if (bad_indent(l, &here) || bad_pair_above(l, &here))
		return true;
	if (!line_is_dash(&here, at))
		return false;
	line_fail(l, &here, at, here.len, "a list item cannot stand among keys");
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
	if (after_quote(l, &here, line_byte(&here, b->at.col)))
		return true;
	if (here.indent + 1 != b->at.col)
		return false;
	if (bad_indent(l, &here))
		return true;
	if (line_is_dash(&here, here.indent) || line_colon(&here, here.indent) == here.len)
		return false;
	line_fail(l, &here, here.indent, here.len, "a key cannot stand among the items of a list");
	diag_note(l->d, b->from, "the items start here");
	diag_hint(l->d, "write all of them as 'key: value', or all as '- item'");
	return true;
}

/* ------------------------------------------------------------------ key: value */

bool guess_colon(struct loader *l, const struct broken *b)
{
	struct line here, above;
	size_t at, first;

	if (!line_at(l, b->at.line, &here))
		return false;
	at = line_byte(&here, b->at.col);
	first = line_colon(&here, line_content(&here));
	if (first < at) {
		line_fail(l, &here, at, at + 1, "a ': ' cannot stand inside of a text without quotes");
		diag_hint(l->d, "put the text after '%s' in quotes",
			arena_strndup(l->a, here.p + line_content(&here), first + 1 - line_content(&here)));
		return true;
	}
	if (!line_above(l, &here, &above))
		return false;
	if (!line_is_dash(&here, here.indent) && line_colon(&above, line_content(&above)) == above.len &&
		bad_pair(l, &above))
		return true;
	if (here.indent <= above.indent)
		return false;
	line_fail(l, &here, here.indent, here.len,
		"this line is indented deeper than the one above it, which has a value already");
	diag_note(l->d, line_place(l, &above, above.indent), "the line above is here");
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
	line_fail(l, ln, ln->indent, ln->len,
		arena_printf(
			l->a, "the text of a '%c' must be indented deeper than its key", above.p[at - 1]));
	diag_note(l->d, line_place(l, &above, at - 1), "the '%c' is here", above.p[at - 1]);
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
	at = line_byte(&ln, b->at.col);
	if (at >= ln.len)
		return false;
	for (from = at; from > 0 && ln.p[from] != '$' && !strchr(",[ ", ln.p[from]);)
		from--;
	if (from + 1 >= ln.len || ln.p[from] != '$' || ln.p[from + 1] != '{')
		return false;
	line_fail(l, &ln, from, from + 2, "a '${' inside of brackets must be in quotes");
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
	at = line_byte(&open, b->from.col);
	if (at >= open.len)
		return false;
	if (is_closed(l, open.p + at) && line_at(l, b->at.line, &here) && line_above(l, &here, &here)) {
		line_fail(l, &here, here.len ? here.len - 1 : 0, here.len, "a ',' is missing after this");
		diag_note(l->d, b->from, "the '%c' is here", open.p[at]);
		return true;
	}
	line_fail(l, &open, at, at + 1, arena_printf(l->a, "this '%c' is not closed", open.p[at]));
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
	diag_hint(l->d,
		memchr(ln->p + at, '"', to - at) ? "put it in quotes: '%.*s'" : "put it in quotes: \"%.*s\"",
		(int)(to - at), ln->p + at);
}

static bool bad_start(struct loader *l, struct pos pos, const char *before, const char *after)
{
	struct line ln;
	size_t at;

	if (!line_at(l, pos.line, &ln))
		return false;
	at = line_byte(&ln, pos.col);
	if (at >= ln.len)
		return false;
	line_fail(l, &ln, at, at + 1, arena_printf(l->a, "%s '%c'%s", before, ln.p[at], after));
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
	at = line_byte(&ln, b->at.col);
	if (at >= ln.len)
		return false;
	line_fail(l, &ln, at, at + 1, arena_printf(l->a, "a value is missing before this '%c'", ln.p[at]));
	return true;
}

bool guess_escape(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = line_byte(&ln, b->at.col);
	if (at + 1 >= ln.len || ln.p[at] != '\\')
		return false;
	line_fail(l, &ln, at, at + 2,
		arena_printf(l->a, "'\\%c' means nothing in double quotes", ln.p[at + 1]));
	diag_hint(l->d, "write '\\\\' for a backslash, or use single quotes");
	return true;
}

bool guess_quote(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->from.line, &ln))
		return false;
	at = line_byte(&ln, b->from.col);
	if (at >= ln.len)
		return false;
	line_fail(l, &ln, at, ln.len, arena_printf(l->a, "the quote %c is never closed", ln.p[at]));
	return true;
}

bool guess_dash(struct loader *l, const struct broken *b)
{
	struct line ln;
	size_t at;

	if (!line_at(l, b->at.line, &ln))
		return false;
	at = line_byte(&ln, b->at.col);
	if (at == ln.indent)
		return bad_indent(l, &ln);
	if (line_colon(&ln, line_content(&ln)) >= at)
		return false;
	line_fail(l, &ln, at, at + 1, "a list cannot start in the line of its key");
	diag_hint(l->d, "put '- …' on the next line, or write [ … ]");
	return true;
}
