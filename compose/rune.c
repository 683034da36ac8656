#include "rune.h"

#include "../src/util/auto.h"
#include "../src/util/str.h"

struct range {
	uint32_t first, last;
};

/* Blocks without letters and digits: punctuation, combining marks, symbols, what has no shape. */
static const struct range signs[] = {
	{ 0x80, 0xa9 },
	{ 0xab, 0xb1 },
	{ 0xb4, 0xb4 },
	{ 0xb6, 0xb8 },
	{ 0xbb, 0xbb },
	{ 0xbf, 0xbf },
	{ 0xd7, 0xd7 },
	{ 0xf7, 0xf7 },
	{ 0x2c2, 0x2c5 },
	{ 0x2d2, 0x2df },
	{ 0x2ef, 0x36f },
	{ 0x2000, 0x206f },
	{ 0x20a0, 0x2101 },
	{ 0x2190, 0x245f },
	{ 0x2500, 0x2775 },
	{ 0x2794, 0x2bff },
	{ 0x2e30, 0x3004 },
	{ 0x3008, 0x3020 },
	{ 0xd800, 0xf8ff },
	{ 0xfdfc, 0xfe6b },
	{ 0xfeff, 0xff0f },
	{ 0xffe0, 0xffff },
	{ 0x1d000, 0x1d2bf },
	{ 0x1f10d, 0x1faff },
	{ 0xe0000, 0x10ffff },
};

uint32_t rune_at(const char *p, const char *end, size_t *ret_len)
{
	size_t len = str_utf8_len(p, (size_t)(end - p));

	*ret_len = len ? len : 1;
	return len ? str_utf8_decode(p, len) : RUNE_BAD;
}

bool rune_is_blank(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == 0x85 || c == 0xa0;
}

bool rune_is_space(uint32_t c)
{
	return rune_is_blank(c) || c == '\n' || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool rune_is_word(uint32_t c)
{
	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (c >= signs[i].first && c <= signs[i].last)
			return false;
	}
	return true;
}
