#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "str.h"

char *buf_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->cap > b->len && n < b->cap - b->len)
		return b->p + b->len;
	if (__builtin_add_overflow(b->len, n, &need) || __builtin_add_overflow(need, 1, &need))
		need = SIZE_MAX; /* more than there is: ends in xrealloc_array() */
	if (need > b->cap) {
		size_t want = b->cap + b->cap / 2;

		if (want < 64)
			want = 64;
		if (want < need)
			want = need;
		b->p = xrealloc_array(b->p, want, 1);
		b->cap = want;
	}
	return b->p + b->len;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	char *at = buf_room(b, n);

	if (n)
		memcpy(at, data, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	char *at = buf_room(b, 64);
	size_t room = b->cap - b->len;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(at, room, fmt, ap);
	if (n >= 0 && (size_t)n >= room) {
		at = buf_room(b, (size_t)n);
		n = vsnprintf(at, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	if (n >= 0)
		b->len += (size_t)n;
	b->p[b->len] = '\0';
}

/* How many bytes from s on are printable ASCII that JSON takes as it is (its quote and backslash are not). */
static size_t plain_run(const char *s)
{
	const char *p = s;

	while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - s);
}

size_t buf_utf8_char(struct buf *b, const char *s)
{
	size_t n = str_utf8_len(s, strnlen(s, 4));

	if (n)
		buf_add(b, s, n);
	else
		buf_str(b, "\xef\xbf\xbd");
	return n ? n : 1;
}

void buf_utf8(struct buf *b, const char *s)
{
	buf_room(b, 0);
	b->p[b->len] = '\0';
	while (*s) {
		size_t run = plain_run(s);

		buf_add(b, s, run);
		s += run;
		if (*s)
			s += buf_utf8_char(b, s);
	}
}

static void json_ascii(struct buf *b, char c)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *at = strchr(special, c);

	if (at) {
		buf_char(b, '\\');
		buf_char(b, letter[at - special]);
	} else {
		buf_printf(b, "\\u%04x", (unsigned char)c);
	}
}

void buf_json(struct buf *b, const char *s)
{
	buf_char(b, '"');
	while (*s) {
		size_t run = plain_run(s);

		buf_add(b, s, run);
		s += run;
		if ((unsigned char)*s >= 0x80)
			s += buf_utf8_char(b, s);
		else if (*s)
			json_ascii(b, *s++);
	}
	buf_char(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
	if (!b->p)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->p, b->p + n, b->len - n + 1);
	b->len -= n;
}

char *buf_take(struct buf *b)
{
	char *p = b->p ? b->p : xstrdup("");

	*b = BUF_INIT;
	return p;
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}
