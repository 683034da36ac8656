/* load_repair.c - what people write, the reference reads and libyaml refuses: \' in double quotes, and in
 * brackets and braces a text that ends with a colon, as in {a:, b:}.
 *
 * Where quotes and braces begin and end is for a scanner to say. So libyaml scans first; where it stops at
 * one of these, a mark takes the place of the character that it does not like; then again, until it comes
 * through or finds something else. Files that cannot hold any of these are not looked at. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "load_tree.h"

/* The last characters of the planes for private use: one for one, so that columns stay what they are. Where a
 * file has them itself, nothing is marked. */
#define MARK "\xf4\x8f\xbf"
static const char for_backslash[] = MARK "\xbd", for_colon[] = MARK "\xbc";
enum { MARK_LEN = sizeof for_colon - 1, MAX_TEXT = 4 << 20, MAX_SCANS = 1000, MAX_SCANNED = 32 << 20 };

/* One look at every byte: nearly all files hold nothing of the kind. */
static bool may_need_repair(const struct loader *l)
{
	const char *end = l->text + l->text_len;

	for (const char *p = l->text; p + 1 < end; p++) {
		bool sign = (*p == ':' && (p[1] == ',' || p[1] == ']' || p[1] == '}')) ||
			    (*p == '\\' && p[1] == '\'');

		if (sign)
			return !memmem(l->text, l->text_len, MARK, strlen(MARK));
	}
	return false;
}

static size_t offset_of(const struct buf *text, yaml_mark_t place)
{
	size_t at = 0;

	for (size_t index = place.index; at < text->len && index > 0; index--) {
		do
			at++;
		while (at < text->len && ((unsigned char)text->p[at] & 0xc0) == 0x80);
	}
	return at;
}

static void replace(struct buf *text, size_t at, const char *mark)
{
	struct buf out = BUF_INIT;

	buf_add(&out, text->p, at);
	buf_add(&out, mark, MARK_LEN);
	buf_add(&out, text->p + at + 1, text->len - at - 1);
	buf_done(text);
	*text = out;
}

/* Marks all of the text whose opening quote is at that offset; false when it holds nothing to mark. */
static bool mark_quoted(struct buf *text, size_t at)
{
	struct buf out = BUF_INIT;
	size_t done = 0, i = at + 1;

	for (; i < text->len && text->p[i] != '"'; i++) {
		if (text->p[i] != '\\' || ++i >= text->len || text->p[i] != '\'')
			continue;
		buf_add(&out, text->p + done, i - 1 - done);
		buf_add(&out, for_backslash, MARK_LEN);
		done = i;
	}
	buf_add(&out, text->p + done, text->len - done);
	buf_done(text);
	*text = out;
	return done > 0;
}

static bool repair_stop(const yaml_parser_t *p, struct buf *text)
{
	if (p->error != YAML_SCANNER_ERROR)
		return false;
	if (str_starts(p->problem, "found unknown escape character"))
		return mark_quoted(text, offset_of(text, p->context_mark));
	if (str_starts(p->problem, "found unexpected ':'")) {
		replace(text, offset_of(text, p->problem_mark), for_colon);
		return true;
	}
	return false;
}

/* Whether the scanner stops at something that could be repaired. */
static bool repair_one(struct buf *text)
{
	yaml_parser_t p;
	yaml_token_t token;
	bool end = false, repaired;

	if (!yaml_parser_initialize(&p))
		return false;
	yaml_parser_set_input_string(&p, (const unsigned char *)text->p, text->len);
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	while (!end && yaml_parser_scan(&p, &token)) {
		end = token.type == YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	repaired = !end && repair_stop(&p, text);
	yaml_parser_delete(&p);
	return repaired;
}

void load_repair(struct loader *l)
{
	struct buf text = BUF_INIT;
	size_t scanned = 0;

	if (l->text_len > MAX_TEXT || !may_need_repair(l))
		return;
	buf_add(&text, l->text, l->text_len);
	for (int scans = 0; scans < MAX_SCANS && scanned < MAX_SCANNED; scans++) {
		scanned += text.len;
		if (!repair_one(&text))
			break;
		l->repaired = true;
	}
	if (l->repaired) {
		l->text = arena_strndup(l->a, text.p, text.len);
		l->text_len = text.len;
	}
	buf_done(&text);
}

size_t load_unmark(const struct loader *l, char *text, size_t len)
{
	char *from = text, *to = text, *at;

	if (!l->repaired)
		return len;
	while ((at = memmem(from, len - (size_t)(from - text), MARK, strlen(MARK)))) {
		memmove(to, from, (size_t)(at - from));
		to += at - from;
		if (memcmp(at, for_colon, MARK_LEN) == 0)
			*to++ = ':';
		from = at + MARK_LEN;
	}
	memmove(to, from, len - (size_t)(from - text) + 1);
	return len - (size_t)(from - to);
}
