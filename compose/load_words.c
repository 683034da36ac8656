/* load_words.c - what libyaml says, in the terms of the file. */
#include <string.h>

#include "../src/util/auto.h"
#include "../src/util/str.h"
#include "load_guess.h"

/* libyaml speaks of its own rules; these words speak of the file, unless the guess knows better. A text of
 * NULL stays as it is. */
static const struct complaint {
	const char *starts;
	load_guess_fn *guess;
	const char *text, *hint;
} complaints[] = {
	{ "did not find expected key", guess_key, "this does not go on with what is above it",
		"check the indentation" },
	{ "did not find expected '-' indicator", guess_item, "a list item, '- …', is expected here",
		"check the indentation" },
	{ "did not find expected ',' or ']'", guess_flow, "a ',' or ']' is missing here", NULL },
	{ "did not find expected ',' or '}'", guess_flow, "a ',' or '}' is missing here", NULL },
	{ "mapping values are not allowed", guess_colon, "a ':' is not expected here",
		"check the indentation; a text that holds ': ' must be in quotes" },
	{ "could not find expected ':'", guess_no_colon, "a ':' is missing after a key", NULL },
	{ "block sequence entries are not allowed", guess_dash, "a list item is not expected here",
		"check the indentation" },
	{ "found unexpected end of stream", guess_quote, "the file ends inside of a quoted text", NULL },
	{ "found character that cannot start any token", guess_start, "no text can start with this character",
		"put the text in quotes" },
	{ "did not find expected alphabetic or numeric", guess_name, "a name is missing here",
		"a text that starts with '*' or '&' must be in quotes" },
	{ "did not find expected node content", guess_content, "a value is missing here", NULL },
	{ "found unknown escape character", guess_escape, NULL, NULL },
	{ "found invalid Unicode character escape code", NULL,
		"an escape in this text stands for no character",
		"JSON's \\ud83d\\ude00 is \\U0001F600 in YAML; or write the character itself" },
	{ "did not find expected comment or line break", NULL,
		"a text of several lines starts on the next line",
		"put it below the '|' or '>', indented deeper than its key" },
	{ "did not find expected <document start>", NULL, "this does not belong to what is above it",
		"check the indentation" },
	{ "found incompatible YAML document", NULL, "this YAML version is not supported",
		"leave the %YAML line out" },
	{ "found duplicate %YAML directive", NULL, "%YAML is there twice", "leave the lines out" },
	{ "found undefined tag handle", NULL, "the tag is not known", NULL },
};

static const struct complaint *find_complaint(const char *problem)
{
	for (size_t i = 0; i < ARRAY_LEN(complaints); i++) {
		if (str_starts(problem, complaints[i].starts))
			return &complaints[i];
	}
	return NULL;
}

/* What stands at the other end of the problem. */
static const struct {
	const char *context, *text;
} contexts[] = {
	{ "while parsing a block mapping", "the mapping starts here" },
	{ "while parsing a block collection", "the list starts here" },
	{ "while parsing a flow mapping", "the '{' is here" },
	{ "while parsing a flow sequence", "the '[' is here" },
	{ "while scanning a quoted scalar", "the quote is opened here" },
	{ "while scanning a simple key", "the key starts here" },
	{ "while scanning an alias", "the alias starts here" },
	{ "while scanning an anchor", "the anchor starts here" },
	{ "while scanning a block scalar", "the text starts here" },
};

static void note_context(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;

	if (!p->context || p->context_mark.index >= p->problem_mark.index)
		return;
	for (size_t i = 0; i < ARRAY_LEN(contexts); i++) {
		if (STREQ(p->context, contexts[i].context))
			diag_note(l->d, load_pos(l, p->context_mark), "%s", contexts[i].text);
	}
}

/* The reader, which works ahead of the parser, knows only the offset. */
static struct pos pos_of_offset(const struct loader *l, size_t offset)
{
	struct pos pos = { l->file, 1, 1 };

	for (const char *p = l->text; p < l->text + offset && p < l->text + l->text_len; p++) {
		if (*p == '\n') {
			pos.line++;
			pos.col = 1;
		} else if (((unsigned char)*p & 0xc0) != 0x80) {
			pos.col++;
		}
	}
	return pos;
}

void load_report(struct loader *l)
{
	const yaml_parser_t *p = &l->parser;
	const char *problem = p->problem ? p->problem : "this is no YAML";
	const struct complaint *c = find_complaint(problem);
	struct pos pos = load_pos(l, p->problem_mark);
	const struct broken b = { pos, p->context ? load_pos(l, p->context_mark) : (struct pos){ 0 } };

	l->stop = true;
	if (p->error == YAML_MEMORY_ERROR) {
		FAIL(l, (struct pos){ l->file, 0, 0 }, "the YAML parser ran out of memory");
		return;
	}
	if (p->error == YAML_READER_ERROR) {
		FAIL(l, pos_of_offset(l, p->problem_offset), "the character U+%04X is not allowed",
			(unsigned)p->problem_value);
		return;
	}
	if (guess_anywhere(l, &b) || (c && c->guess && c->guess(l, &b)))
		return;
	FAIL(l, pos, "%s", c && c->text ? c->text : problem);
	note_context(l);
	if (c && c->hint)
		diag_hint(l->d, "%s", c->hint);
}
