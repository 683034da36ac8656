/* Text helpers: strict numbers, words, UTF-8, lists. Sizes and durations are in str_units.c. */
#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"
#include "mem.h"

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int str_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -1;
	}
	*ret = v;
	return 0;
}

int str_i64(const char *s, int64_t *ret)
{
	bool minus = *s == '-';
	uint64_t v;

	if (str_u64(minus ? s + 1 : s, &v) < 0 || v > (uint64_t)INT64_MAX + minus)
		return -1;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}

int str_uint(const char *s, unsigned min, unsigned max, unsigned *ret)
{
	uint64_t v;

	if (str_u64(s, &v) < 0 || v < min || v > max)
		return -1;
	*ret = (unsigned)v;
	return 0;
}

bool str_is_container_name(const char *s)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return *s && !strchr("_.-", *s) && s[1] && !s[strspn(s, chars)];
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, replacements, and swapped neighbours (the commonest slip), each for one. Three rows
 * of the matrix are enough. */
unsigned str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	auto_free unsigned *rows = xcalloc(3 * (m + 1), sizeof *rows);
	unsigned *before = rows, *prev = rows + m + 1, *cur = rows + 2 * (m + 1);

	for (size_t j = 0; j <= m; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *oldest = before;

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		before = prev;
		prev = cur;
		cur = oldest;
	}
	return prev[m];
}

const char *str_nearest(const char *word, const char *const *list)
{
	enum { LONGEST = 100, STEPS_MAX = 500000 }; /* the distance takes time by the product of both lengths */
	size_t n = strlen(word);
	const char *best = NULL;
	unsigned least = n <= 3 ? 1 : n <= 5 ? 2 : (unsigned)n / 3 + 1;
	size_t steps = 0;

	if (n > LONGEST)
		return NULL;
	for (; *list && steps < STEPS_MAX; list++) {
		size_t m = strlen(*list);
		unsigned d;

		if (m > LONGEST || (m > n ? m - n : n - m) > least)
			continue;
		steps += (n + 1) * (m + 1);
		d = str_distance(word, *list);
		if (d <= least && d < n && (!best || d < least)) {
			best = *list;
			least = d;
		}
	}
	return best;
}

size_t str_utf8_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xc2 && u[0] < 0xe0)
		len = 2;
	else if ((u[0] & 0xf0) == 0xe0)
		len = 3;
	else if (u[0] >= 0xf0 && u[0] < 0xf5)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* not the shortest form, a surrogate, above U+10FFFF */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) || (u[0] == 0xf0 && u[1] < 0x90) ||
		(u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return len;
}

bool str_is_utf8(const char *s, size_t n)
{
	while (n > 0) {
		size_t len = str_utf8_len(s, n);

		if (len == 0)
			return false;
		s += len;
		n -= len;
	}
	return true;
}

uint32_t str_utf8_decode(const char *s, size_t len)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)*s & first_bits[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

size_t str_utf8_count(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xc0) != 0x80;
	return count;
}

void strs_take(struct strs *l, char *s)
{
	/* one more than n, so that the NULL behind the last has room */
	if (l->n + 1 >= l->cap) {
		l->cap = l->cap < 4 ? 4 : l->cap + l->cap / 2;
		l->v = xrealloc_array(l->v, l->cap, sizeof *l->v);
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void strs_add(struct strs *l, const char *s)
{
	strs_take(l, xstrdup(s));
}

void strs_addn(struct strs *l, const char *s, size_t n)
{
	strs_take(l, xstrndup(s, n));
}

void strs_printf(struct strs *l, const char *fmt, ...)
{
	char *s;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = xstrdup(fmt);
	va_end(ap);
	strs_take(l, s);
}

bool strs_has(const struct strs *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

void strs_done(struct strs *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = STRS_INIT;
}
