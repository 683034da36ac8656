/* dump_order.c - the order of keys in YAML: letters by their code, numbers by their value, signs before
 * letters. */
#include <stdint.h>
#include <stdlib.h>

#include "dump.h"
#include "node.h"

/* One code point of well-formed UTF-8; any other byte is itself. */
static uint32_t next_rune(const unsigned char **s)
{
	const unsigned char *p = *s;
	int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0;
	uint32_t c = more ? *p & (0x3fu >> more) : *p;

	for (p++; more && (*p & 0xc0) == 0x80; more--)
		c = c << 6 | (*p++ & 0x3f);
	*s = p;
	return c;
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

/* Letters beyond ASCII without a table of Unicode: all but the blocks of punctuation, symbols and pictures.
 */
static bool is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	if (c < 0xc0)
		return c == 0xaa || c == 0xb5 || c == 0xba;
	return c != 0xd7 && c != 0xf7 && !(c >= 0x660 && c < 0x66a) && !(c >= 0x2000 && c < 0x2c00) &&
	       !(c >= 0x3000 && c < 0x3005) && !(c >= 0xe000 && c < 0xf900) && !(c >= 0xfe00 && c < 0xfe70) &&
	       !(c >= 0xfeff && c < 0xff21) && !(c >= 0xfff0 && c < 0x10000) &&
	       !(c >= 0x1f000 && c < 0x20000);
}

/* The digits at s: how many, and their value on top of `value`; both wrap as they do in the reference. */
static size_t number(const unsigned char *s, uint64_t *value)
{
	size_t n = 0;

	for (; is_digit(s[n]); n++)
		*value = *value * 10 + (s[n] - '0');
	return n;
}

/* Both texts differ from here on, and not both begin with a letter; `begin` is where the one of them begins.
 */
static int compare_signs(const unsigned char *begin, const unsigned char *a, const unsigned char *b)
{
	uint64_t x = 0, y = 0;
	size_t nx, ny;

	if (*a == '0' || *b == '0') /* zeroes count only within a number, not in front of it */
		for (const unsigned char *p = a; p > begin && is_digit(p[-1]); p--)
			if (p[-1] != '0')
				x = y = 1;
	nx = number(a, &x);
	ny = number(b, &y);
	if (x != y)
		return (int64_t)x < (int64_t)y ? -1 : 1;
	if (nx != ny)
		return nx < ny ? -1 : 1;
	return next_rune(&a) < next_rune(&b) ? -1 : 1;
}

static int natural(const char *left, const char *right)
{
	const unsigned char *a = (const unsigned char *)left, *b = (const unsigned char *)right;
	const unsigned char *begin = a;
	bool digits = false;

	while (*a && *b) {
		const unsigned char *at_a = a, *at_b = b;
		uint32_t ca = next_rune(&a), cb = next_rune(&b);
		bool la, lb;

		if (ca == cb) {
			digits = is_digit(ca);
			continue;
		}
		la = is_letter(ca);
		lb = is_letter(cb);
		if (la && lb)
			return ca < cb ? -1 : 1;
		if (la || lb)
			return la == digits ? -1 : 1;
		return compare_signs(begin, at_a, at_b);
	}
	return *b ? -1 : *a != '\0';
}

static int by_key(const void *a, const void *b)
{
	return natural(((const struct node_pair *)a)->key, ((const struct node_pair *)b)->key);
}

void dump_sort_naturally(struct node *map)
{
	if (map->kind == NODE_MAP && map->n > 1)
		qsort(map->pairs, map->n, sizeof *map->pairs, by_key);
}
