#include <ctype.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "toml_parts.h"

bool toml_at_string(const struct toml_reader *r)
{
	return *r->p == '"' || *r->p == '\'';
}

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* \uXXXX and \UXXXXXXXX; p stands on the letter. */
static int unicode(struct toml_reader *r, struct buf *b)
{
	const int digits = *r->p == 'u' ? 4 : 8;
	uint32_t c = 0;

	for (int i = 1; i <= digits; i++) {
		int d = (unsigned char)r->p[i];

		if (!isxdigit(d))
			return toml_fail(r, r->p - 1, "\\%c wants %d hexadecimal digits", *r->p, digits);
		c = c << 4 | (uint32_t)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return toml_fail(r, r->p - 1, "\\%c%.*s is no character", *r->p, digits, r->p + 1);
	add_utf8(b, c);
	r->p += digits + 1;
	return 0;
}

/* A backslash at the end of a line takes the blanks and newlines that follow. false: this is none. */
static bool line_end(struct toml_reader *r)
{
	const char *at = r->p;

	r->p += 1 + strspn(r->p + 1, " \t");
	if (!toml_newline(r)) {
		r->p = at;
		return false;
	}
	do
		toml_blanks(r);
	while (toml_newline(r));
	return true;
}

/* p stands on the backslash. */
static int escape(struct toml_reader *r, bool lines, struct buf *b)
{
	static const char letters[] = "btnfr\"\\";
	static const char means[] = "\b\t\n\f\r\"\\";
	const char *at;

	if (lines && line_end(r))
		return 0;
	r->p++;
	if (*r->p == 'u' || *r->p == 'U')
		return unicode(r, b);
	at = *r->p ? strchr(letters, *r->p) : NULL;
	if (!at)
		return toml_fail(r, r->p - 1, "there is no such escape; write \\\\ for a backslash, or put the text in single quotes");
	buf_char(b, means[at - letters]);
	r->p++;
	return 0;
}

/* Whether the string ends here, and steps over what ends it. Of """ there may be two more of them before, which belong to the text. */
static bool closes(struct toml_reader *r, char quote, bool lines, struct buf *b)
{
	size_t n = 0;

	if (*r->p != quote)
		return false;
	if (!lines) {
		r->p++;
		return true;
	}
	while (n < 5 && r->p[n] == quote)
		n++;
	for (size_t i = 0; i < (n < 3 ? n : n - 3); i++)
		buf_char(b, quote);
	r->p += n;
	return n >= 3;
}

int toml_string(struct toml_reader *r, bool one_line, const char **ret)
{
	auto_buf struct buf b = BUF_INIT;
	const char *start = r->p;
	const char quote = *start;
	bool lines = start[1] == quote && start[2] == quote;
	bool raw = quote == '\'';

	if (lines && one_line)
		return toml_fail(r, start, "a key cannot have several lines");
	r->p += lines ? 3 : 1;
	buf_str(&b, "");
	if (lines)
		toml_newline(r);
	while (!closes(r, quote, lines, &b)) {
		const char *from = r->p;

		if (!*r->p || (!lines && strchr("\r\n", *r->p)))
			return toml_fail(r, start, "this string does not end");
		if (*r->p == '\\' && !raw) {
			if (escape(r, lines, &b) < 0)
				return -1;
		} else if (toml_newline(r)) {
			buf_char(&b, '\n');
		} else if (*r->p != quote) {
			r->p++;
			buf_add(&b, from, 1);
		}
	}
	*ret = arena_strdup(r->arena, b.p);
	return 0;
}
