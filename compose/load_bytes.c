/* load_bytes.c - the bytes of a file, made fit for libyaml: UTF-8 without a byte order mark, checked byte by
 * byte. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "load_tree.h"

enum { MAX_HANDLES = 100 };

/* ------------------------------------------------------------------ UTF-16 */

static unsigned unit_at(const unsigned char *p, bool big)
{
	return big ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static char *put_utf8(char *w, unsigned c)
{
	if (c < 0x80) {
		*w++ = (char)c;
	} else if (c < 0x800) {
		*w++ = (char)(0xc0 | c >> 6);
		*w++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*w++ = (char)(0xe0 | c >> 12);
		*w++ = (char)(0x80 | (c >> 6 & 0x3f));
		*w++ = (char)(0x80 | (c & 0x3f));
	} else {
		*w++ = (char)(0xf0 | c >> 18);
		*w++ = (char)(0x80 | (c >> 12 & 0x3f));
		*w++ = (char)(0x80 | (c >> 6 & 0x3f));
		*w++ = (char)(0x80 | (c & 0x3f));
	}
	return w;
}

/* What Windows' editors call "Unicode". */
static int from_utf16(struct loader *l, bool big)
{
	const unsigned char *p = (const unsigned char *)l->text, *end = p + l->text_len;
	char *out = arena_alloc(l->a, l->text_len / 2 * 3 + 4), *w = out;

	while (p < end) {
		unsigned c = end - p < 2 ? 0xdc00 : unit_at(p, big);
		bool high = c >= 0xd800 && c < 0xdc00 && end - p >= 4;
		unsigned low = high ? unit_at(p + 2, big) : 0;

		if (high && low >= 0xdc00 && low < 0xe000)
			c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
		else if (c >= 0xd800 && c < 0xe000)
			return diag_error(l->d, (struct pos){ l->file, 0, 0 },
				"the file begins as UTF-16, but the bytes at offset %zu are none",
				2 + (size_t)(p - (const unsigned char *)l->text));
		w = put_utf8(w, c);
		p += c >= 0x10000 ? 4 : 2;
	}
	l->text = out;
	l->text_len = (size_t)(w - out);
	return 0;
}

/* ------------------------------------------------------------------ UTF-8 */

/* Length of the UTF-8 sequence at p, 0 when it is not one. */
static size_t utf8_len(const unsigned char *p, const unsigned char *end)
{
	size_t n = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (n == 0 || (size_t)(end - p) < n)
		return 0;
	return str_is_utf8((const char *)p, n) ? n : 0;
}

/* libyaml looks through all the handles that %TAG gave for each further one. */
static bool has_too_many_handles(const struct loader *l, const unsigned char *line, unsigned *n)
{
	const unsigned char *end = (const unsigned char *)l->text + l->text_len;

	return end - line > 4 && memcmp(line, "%TAG", 4) == 0 && ++*n > MAX_HANDLES;
}

/* At the start of a later line libyaml skips it; for the reference it is a letter of the word there. */
static bool is_stray_mark(struct pos pos, const unsigned char *p, const unsigned char *end)
{
	return pos.col == 1 && pos.line > 1 && end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
}

/* What libyaml would refuse without a place, or read as something else: with its place. */
static int check_bytes(struct loader *l)
{
	const unsigned char *p = (const unsigned char *)l->text, *end = p + l->text_len;
	struct pos pos = { l->file, 1, 1 };
	unsigned handles = 0;

	while (p < end) {
		size_t n = *p >= 0x20 && *p < 0x7f ? 1 : utf8_len(p, end);

		if (n == 0)
			return diag_error(l->d, pos, "the byte 0x%02x is not valid UTF-8", *p);
		if (*p == 0)
			return diag_error(l->d, pos, "a NUL character is not allowed");
		if ((*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') || *p == 0x7f)
			return diag_error(l->d, pos, "the control character 0x%02x is not allowed", *p);
		if (is_stray_mark(pos, p, end))
			return diag_error(l->d, pos,
				"a byte order mark (U+FEFF), which is not seen, can only begin the file");
		if (pos.col == 1 && has_too_many_handles(l, p, &handles))
			return diag_error(l->d, pos, "more than %d %%TAG directives", MAX_HANDLES);
		if (*p == '\n') {
			pos.line++;
			pos.col = 0;
		}
		pos.col++;
		p += n;
	}
	return 0;
}

/* Takes away what stands at the beginning; true when it is there. */
static bool skip(struct loader *l, const char *mark, size_t n)
{
	if (l->text_len < n || memcmp(l->text, mark, n) != 0)
		return false;
	l->text += n;
	l->text_len -= n;
	return true;
}

int load_bytes(struct loader *l)
{
	bool little = skip(l, "\xff\xfe", 2), big = !little && skip(l, "\xfe\xff", 2);

	if ((little || big) && from_utf16(l, big) < 0)
		return -1;
	while (skip(l, "\xef\xbb\xbf", 3))
		;
	diag_add_source(l->d, l->file, l->text, l->text_len);
	return check_bytes(l);
}
