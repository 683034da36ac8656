/* load_line.c - lines of the file, and places in them. */
#include "load_line.h"

#include <string.h>

#include "../src/util/str.h"

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

bool line_at(const struct loader *l, unsigned nr, struct line *ret)
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

bool line_above(const struct loader *l, const struct line *ln, struct line *ret)
{
	*ret = *ln;
	do {
		const char *p;

		if (ret->p == l->text)
			return false;
		p = ret->p - 1; /* the newline before */
		while (p > l->text && p[-1] != '\n')
			p--;
		*ret = line_from(l, p, ret->nr - 1);
	} while (!is_text(ret));
	return true;
}

struct pos line_place(const struct loader *l, const struct line *ln, size_t byte)
{
	return (struct pos){ l->file, ln->nr, (unsigned)str_utf8_count(ln->p, byte) + 1 };
}

size_t line_byte(const struct line *ln, unsigned col)
{
	unsigned n = 0;

	for (size_t i = 0; i < ln->len; i++)
		if (((unsigned char)ln->p[i] & 0xc0) != 0x80 && ++n == col)
			return i;
	return ln->len;
}

bool line_is_dash(const struct line *ln, size_t at)
{
	return at < ln->len && ln->p[at] == '-' && (at + 1 == ln->len || ln->p[at + 1] == ' ');
}

size_t line_content(const struct line *ln)
{
	size_t at = ln->indent;

	while (line_is_dash(ln, at))
		for (at++; at < ln->len && ln->p[at] == ' ';)
			at++;
	return at;
}

size_t line_colon(const struct line *ln, size_t from)
{
	for (size_t i = from; i < ln->len; i++)
		if (ln->p[i] == ':' && (i + 1 == ln->len || ln->p[i + 1] == ' '))
			return i;
	return ln->len;
}

size_t line_comment(const struct line *ln)
{
	for (size_t i = ln->indent + 1; i < ln->len; i++)
		if (ln->p[i] == '#' && strchr(" \t", ln->p[i - 1]))
			return i;
	return ln->len;
}

void line_fail(struct loader *l, const struct line *ln, size_t from, size_t to, const char *msg)
{
	to = to < ln->len ? to : ln->len;
	from = from < to ? from : to;
	FAIL(l, line_place(l, ln, from), "%s", msg);
	diag_where(l->d, NULL, NULL, (unsigned)str_utf8_count(ln->p + from, to - from));
}
