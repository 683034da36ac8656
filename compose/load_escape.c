/* load_escape.c - \' in double quotes, which people write, the reference reads and libyaml refuses.
 *
 * Where double quotes begin and end is for a scanner to say. So libyaml scans first; where such an escape
 * stops it, all of that text's get a mark in place of the backslash; then again, until it comes through or
 * finds something else. Files without the two characters are not looked at. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "load_tree.h"

/* The last character of the planes for private use: one, so that columns stay what they are. Where a file has
 * it itself, nothing is marked. */
static const char mark[] = "\xf4\x8f\xbf\xbd";
enum { MARK_LEN = sizeof mark - 1, MAX_TEXT = 4 << 20, MAX_SCANS = 1000, MAX_SCANNED = 32 << 20 };

static const char *find(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what));
}

static size_t offset_of_character(const struct buf *text, size_t index)
{
	size_t at = 0;

	for (; at < text->len && index > 0; index--) {
		do
			at++;
		while (at < text->len && ((unsigned char)text->p[at] & 0xc0) == 0x80);
	}
	return at;
}

/* Whether the scanner stops at an escape; *ret_at is the offset of the quote that opens the text around it.
 */
static bool find_stop(const struct buf *text, size_t *ret_at)
{
	yaml_parser_t p;
	yaml_token_t token;
	bool end = false, stop;

	if (!yaml_parser_initialize(&p))
		return false;
	yaml_parser_set_input_string(&p, (const unsigned char *)text->p, text->len);
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	while (!end && yaml_parser_scan(&p, &token)) {
		end = token.type == YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	stop = !end && p.error == YAML_SCANNER_ERROR &&
	       str_starts(p.problem, "found unknown escape character");
	if (stop)
		*ret_at = offset_of_character(text, p.context_mark.index);
	yaml_parser_delete(&p);
	return stop;
}

/* Marks the text whose opening quote is at that offset; false when it holds nothing to mark. */
static bool mark_quoted(struct buf *text, size_t at)
{
	struct buf out = BUF_INIT;
	size_t done = 0, i = at + 1;
	bool any;

	for (; i < text->len && text->p[i] != '"'; i++) {
		if (text->p[i] != '\\')
			continue;
		if (++i >= text->len || text->p[i] != '\'')
			continue;
		buf_add(&out, text->p + done, i - 1 - done);
		buf_add(&out, mark, MARK_LEN);
		done = i;
	}
	any = done > 0;
	buf_add(&out, text->p + done, text->len - done);
	buf_done(text);
	*text = out;
	return any;
}

void load_escape_mark(struct loader *l)
{
	struct buf text = BUF_INIT;
	size_t at, scanned = 0;

	if (l->text_len > MAX_TEXT || !find(l->text, l->text_len, "\\'") || find(l->text, l->text_len, mark))
		return;
	buf_add(&text, l->text, l->text_len);
	for (int scans = 0; scans < MAX_SCANS && scanned < MAX_SCANNED; scans++) {
		scanned += text.len;
		if (!find_stop(&text, &at) || !mark_quoted(&text, at))
			break;
		l->escapes_marked = true;
	}
	if (l->escapes_marked) {
		l->text = arena_strndup(l->a, text.p, text.len);
		l->text_len = text.len;
	}
	buf_done(&text);
}

size_t load_escape_unmark(const struct loader *l, char *text, size_t len)
{
	char *from = text, *to = text, *at;

	if (!l->escapes_marked)
		return len;
	while ((at = memmem(from, len - (size_t)(from - text), mark, MARK_LEN))) {
		memmove(to, from, (size_t)(at - from));
		to += at - from;
		from = at + MARK_LEN;
	}
	memmove(to, from, len - (size_t)(from - text) + 1);
	return len - (size_t)(from - to);
}
