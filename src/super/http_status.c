/* http_status.c - the first line of an answer, as far as it matters (RFC 9112, 4): HTTP-version SP status-code. */
#include "health.h"

#include <string.h>

/* One sign of it: of the form, 'd' stands for a digit, 'c' for the first one of a status, 'e' for what ends it. */
static bool fits(char form, char sign)
{
	switch (form) {
	case 'd':
		return sign >= '0' && sign <= '9';
	case 'c':
		return sign >= '1' && sign <= '5';
	case 'e':
		return sign == ' ' || sign == '\r' || sign == '\n';
	default:
		return sign == form;
	}
}

int http_status(const char *p, size_t n)
{
	static const char form[] = "HTTP/1.d cdde";
	size_t i = 0;

	while (form[i] && i < n && fits(form[i], p[i]))
		i++;
	if (!form[i])
		return (p[9] - '0') * 100 + (p[10] - '0') * 10 + p[11] - '0';
	return i == n ? 0 : -1;
}
