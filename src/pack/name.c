#include "name.h"

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/visible.h"

enum { SHOW_MAX = 200 };

char *name_show(const char *raw)
{
	auto_buf struct buf out = BUF_INIT;
	size_t n = strlen(raw), shown = n > SHOW_MAX ? SHOW_MAX : n;

	while (shown < n && shown > SHOW_MAX - 4 && ((unsigned char)raw[shown] & 0xc0) == 0x80)
		shown--; /* not amid a character */
	buf_str(&out, "");
	visible(&out, raw, shown);
	if (shown < n)
		buf_str(&out, "...");
	return buf_take(&out);
}

static int refuse(struct err *err, const char *raw, const char *why)
{
	auto_free char *shown = name_show(raw);

	return err_set(err, ERR_INPUT, "entry '%s' is refused: %s", shown, why);
}

int name_clean(const char *raw, char **ret, struct err *err)
{
	auto_free char *clean = xmalloc(strlen(raw) + 1);
	size_t len = 0, depth = 0;

	for (const char *p = raw; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return refuse(err, raw, "its name has a '..'");
		if (n > NAME_PART_MAX)
			return refuse(err, raw, "a part of its name is longer than 255 bytes");
		if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (len)
				clean[len++] = '/';
			memcpy(clean + len, p, n);
			len += n;
			depth++;
		}
		p += n + (p[n] == '/');
	}
	clean[len] = '\0';
	if (len > NAME_PATH_MAX)
		return refuse(err, raw, "its name is longer than 4095 bytes");
	if (depth > NAME_DEPTH_MAX)
		return refuse(err, raw, "its name is more than 256 directories deep");
	*ret = take(clean);
	return 0;
}
