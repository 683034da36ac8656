/* How it works: two tables of code points, since wcwidth() knows only what the locale of the process does. */
#include "visible.h"

#include <stdbool.h>
#include <stdio.h>

#include "auto.h"
#include "buf.h"
#include "str.h"

struct range {
	unsigned from, to;
};

/* Controls, marks of direction, and what takes no room without belonging to a letter. */
static const struct range hidden[] = {
	{ 0x00, 0x08 }, { 0x0a, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e },
	{ 0x200b, 0x200c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
};

/* Marks above and below letters, joiners. */
static const struct range narrow[] = {
	{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x6d6, 0x6dc },
	{ 0x93c, 0x93c }, { 0x941, 0x948 }, { 0x94d, 0x94d }, { 0xe31, 0xe31 }, { 0xe34, 0xe3a }, { 0xe47, 0xe4e },
	{ 0x200d, 0x200d }, { 0x20d0, 0x20f0 }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	{ 0x1f3fb, 0x1f3ff }, { 0xe0100, 0xe01ef },
};

/* East Asian letters and emoji take two columns. */
static const struct range wide[] = {
	{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x25fd, 0x25fe }, { 0x2614, 0x2615 },
	{ 0x26a1, 0x26a1 }, { 0x2705, 0x2705 }, { 0x270a, 0x270b }, { 0x2728, 0x2728 }, { 0x274c, 0x274c },
	{ 0x2753, 0x2755 }, { 0x2757, 0x2757 }, { 0x2b50, 0x2b50 }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },
	{ 0x3400, 0x4dbf }, { 0x4e00, 0xa4cf }, { 0xa960, 0xa97c }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
};

#define IN(table, c) in(table, ARRAY_LEN(table), c)

static bool in(const struct range *r, size_t n, unsigned c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}

/* "\n", "\x1b", "\u202e". */
static size_t write_out(struct buf *out, char how, unsigned c)
{
	char text[16];
	int n = how == 'x'   ? snprintf(text, sizeof text, "\\x%02x", c)
		: how == 'u' ? snprintf(text, sizeof text, "\\u%04x", c)
			     : snprintf(text, sizeof text, "\\%c", how);

	if (out)
		buf_add(out, text, (size_t)n);
	return (size_t)n;
}

size_t visible_char(struct buf *out, const char *s, size_t n, size_t *ret_columns)
{
	size_t len = str_utf8_len(s, n);
	unsigned c;

	if (len == 0) {
		*ret_columns = write_out(out, 'x', (unsigned char)*s);
		return 1;
	}
	c = str_utf8_decode(s, len);
	if (IN(hidden, c)) {
		*ret_columns = write_out(out, c == '\n' ? 'n' : c == '\r' ? 'r' : c < 0x80 ? 'x' : 'u', c);
		return len;
	}
	if (out)
		buf_add(out, s, len);
	*ret_columns = c < 0x300 ? 1 : IN(narrow, c) ? 0 : IN(wide, c) ? 2 : 1;
	return len;
}

size_t visible(struct buf *out, const char *s, size_t n)
{
	size_t all = 0, columns;

	for (size_t i = 0; i < n; all += columns)
		i += visible_char(out, s + i, n - i, &columns);
	return all;
}

char *visible_copy(const char *s)
{
	struct buf b = BUF_INIT;

	if (!s)
		return NULL;
	visible(&b, s, strlen(s));
	return buf_take(&b);
}
