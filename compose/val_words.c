/* val_words.c - a command in one string, cut into words.
 *
 * The rules are those of the library that the reference uses: single and double quotes, a backslash that
 * takes the next character as it is (not inside single quotes), backquotes and $(…) that only keep blanks
 * together, and an unquoted ; | & < > that ends everything. Inside backquotes the other quotes count (and
 * vanish), inside $(…) they do not; a parenthesis that closes nothing opens as one of $(…) does. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "val.h"

enum quote { Q_SINGLE = 1, Q_DOUBLE = 2, Q_BACK = 4, Q_PAREN = 8 };

struct splitter {
	struct arena *a;
	struct buf word;
	bool any;      /* a word has begun (it may be empty: "") */
	unsigned open; /* enum quote, or-ed: what is not closed yet */
	struct strv out;
	size_t cap;
};

static void end_word(struct splitter *s)
{
	if (s->any) {
		if (s->out.n + 2 > s->cap) {
			char **bigger = arena_array(s->a, s->cap = s->cap ? 2 * s->cap : 8, sizeof *bigger);

			if (s->out.n)
				memcpy(bigger, s->out.v, s->out.n * sizeof *bigger);
			s->out.v = bigger;
		}
		s->out.v[s->out.n++] = arena_strndup(s->a, s->word.len ? s->word.p : "", s->word.len);
		s->out.v[s->out.n] = NULL;
	}
	s->word.len = 0;
	s->any = false;
}

static void add(struct splitter *s, char c)
{
	buf_char(&s->word, c);
	s->any = true;
}

/* Whether one of `others` is open, which makes a character an ordinary one. */
static bool within(const struct splitter *s, unsigned others)
{
	return (s->open & others) != 0;
}

/* Quotes are no part of the word, but an empty pair is one. */
static void toggle_quote(struct splitter *s, enum quote q)
{
	if (within(s, q))
		s->any = true;
	s->open ^= q;
}

static bool opens_substitution(const struct splitter *s)
{
	return !within(s, Q_PAREN) && s->word.len && s->word.p[s->word.len - 1] == '$';
}

/* 0, 1: ended by a metacharacter, -1: a parenthesis that is not ours to read. */
static int on_char(struct splitter *s, char c)
{
	switch (c) {
	case '\'':
	case '"':
		if (within(s, Q_PAREN | (c == '"' ? Q_SINGLE : Q_DOUBLE)))
			break;
		toggle_quote(s, c == '"' ? Q_DOUBLE : Q_SINGLE);
		return 0;
	case '`':
		if (!within(s, Q_SINGLE | Q_DOUBLE | Q_PAREN))
			s->open ^= Q_BACK;
		break;
	case '(':
		if (within(s, Q_SINGLE | Q_DOUBLE | Q_BACK))
			break;
		if (!opens_substitution(s))
			return -1;
		s->open |= Q_PAREN;
		break;
	case ')':
		if (!within(s, Q_SINGLE | Q_DOUBLE | Q_BACK))
			s->open ^= Q_PAREN;
		break;
	case ';':
	case '&':
	case '|':
	case '<':
	case '>':
		if (s->open)
			break;
		/* "2>file": the number belongs to the redirection */
		if (c == '>' && s->word.len && s->word.p[0] >= '0' && s->word.p[0] <= '9')
			s->any = false;
		return 1;
	default:
		break;
	}
	add(s, c);
	return 0;
}

int val_words(struct arena *a, const char *text, struct strv *ret, const char **ret_rest, char **ret_why)
{
	struct splitter s = { .a = a, .out.set = true };
	bool escaped = false;
	const char *rest = NULL;
	int stop = 0;

	for (const char *p = text; *p && !stop; p++) {
		if (escaped) {
			add(&s, *p);
			escaped = false;
		} else if (*p == '\\' && !within(&s, Q_SINGLE)) {
			escaped = true;
		} else if (strchr(" \t\r\n", *p)) {
			if (!s.open)
				end_word(&s);
			else
				add(&s, *p);
		} else {
			stop = on_char(&s, *p);
			rest = stop == 1 ? p : NULL;
		}
	}
	end_word(&s);
	buf_done(&s.word);
	if (stop < 0 || escaped || s.open) {
		*ret_why = arena_strdup(a,
			stop < 0	    ? "an unquoted parenthesis in a command"
			: escaped	    ? "a backslash at the end of a command"
			: s.open == Q_PAREN ? "a parenthesis is not closed, or closes nothing, in a command"
					    : "a quote is not closed in a command");
		return -1;
	}
	if (ret_rest)
		*ret_rest = rest;
	if (!s.out.v)
		s.out.v = arena_array(a, 1, sizeof *s.out.v);
	*ret = s.out;
	return 0;
}
