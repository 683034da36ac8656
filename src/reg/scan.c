#include "scan.h"

#include <ctype.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"

bool scan_is_token(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c));
}

size_t scan_token(const char **p, const char **ret_start)
{
	size_t n = 0;

	while (scan_is_token((*p)[n]))
		n++;
	*ret_start = *p;
	*p += n;
	return n;
}

void scan_space(const char **p)
{
	*p += strspn(*p, " \t");
}

void scan_comma(const char **p)
{
	*p += strspn(*p, " \t,");
}

bool scan_char(const char **p, char c)
{
	if (!c || **p != c)
		return false;
	++*p;
	return true;
}

static bool is_text(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

char *scan_quoted(const char **p)
{
	auto_buf struct buf text = BUF_INIT;
	const char *at = *p;

	if (!scan_char(&at, '"'))
		return NULL;
	for (; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (!is_text(*at))
			return NULL;
		buf_char(&text, *at);
	}
	*p = at + 1;
	return buf_take(&text);
}

char *scan_value(const char **p)
{
	const char *start;
	size_t n;

	if (**p == '"')
		return scan_quoted(p);
	n = scan_token(p, &start);
	return n ? xstrndup(start, n) : NULL;
}
