/* trail.c - written for every node of every file: without printf. */
#include "trail.h"

#include <string.h>

size_t trail_key(struct buf *trail, const char *key)
{
	size_t mark = trail->len, n = strlen(key);
	char *at = buf_room(trail, n + 1);

	if (mark)
		*at++ = '.';
	memcpy(at, key, n + 1);
	trail->len += n + (mark ? 1 : 0);
	return mark;
}

size_t trail_index(struct buf *trail, size_t i)
{
	char digits[24];
	size_t mark = trail->len, at = sizeof digits;

	digits[--at] = ']';
	do
		digits[--at] = (char)('0' + i % 10);
	while (i /= 10);
	digits[--at] = '[';
	buf_add(trail, digits + at, sizeof digits - at);
	return mark;
}

void trail_back(struct buf *trail, size_t mark)
{
	trail->len = mark;
	if (trail->p)
		trail->p[mark] = '\0';
}

const char *trail_text(const struct buf *trail)
{
	return trail->len ? trail->p : NULL;
}
