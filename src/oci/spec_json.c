/* spec_json.c - a config.json on disk, and what jansson alone cannot do.
 *
 * How it works: "unlimited" is the largest uint64 in the file, which jansson (int64) neither holds nor
 * reads. In memory it is -INT64_MAX, a number of exactly as many characters, and the two texts are
 * exchanged on the way out and in. They are only ever exchanged behind the unescaped keys "soft": and
 * "hard":, so no string of the user's can look like it: its quotes are escaped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/path.h"
#include "../util/str.h"
#include "spec.h"

enum { MAX_CONFIG = 8 * 1024 * 1024 };

static const char as_uint64[] = "18446744073709551615";
static const char as_int64[] = "-9223372036854775807";
_Static_assert(sizeof as_uint64 == sizeof as_int64, "one replaces the other in place");

static void exchange(char *text, const char *from, const char *to)
{
	static const char *const keys[] = {"\"soft\":", "\"hard\":"};
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		for (char *p = text; (p = strstr(p, keys[k]));) {
			p += strlen(keys[k]);
			if (str_starts(p, from))
				memcpy(p, to, strlen(to));
		}
	}
}

int spec_store(int dir_fd, const char *name, const json_t *j, struct err *err)
{
	auto_free char *text = json_dumps(j, JSON_COMPACT);
	if (!text)
		return err_set(err, ERR_FAIL, "'%s' cannot be written as JSON", name);
	exchange(text, as_int64, as_uint64);
	return path_write(dir_fd, name, text, strlen(text), 0600, 0, err);
}

int spec_load(int dir_fd, const char *name, json_t **ret, struct err *err)
{
	auto_buf struct buf b = BUF_INIT;
	if (path_read(dir_fd, name, MAX_CONFIG, &b, err) < 0)
		return -1;
	if (b.p)
		exchange(b.p, as_uint64, as_int64);
	return jx_parse(b.p ? b.p : "", b.len, ret, err);
}

static json_t *text_or_null(const char *s)
{
	return str_is_utf8(s, strlen(s)) ? json_string(s) : NULL;
}

int spec_strings(const char *const *list, const char *what, json_t **ret, struct err *err)
{
	auto_json json_t *a = json_array();
	for (size_t i = 0; list && list[i]; i++) {
		json_t *s = text_or_null(list[i]);
		if (!s)
			return err_set(err, ERR_INPUT, "%s %zu is not UTF-8 text", what, i + 1);
		json_array_append_new(a, s);
	}
	*ret = take(a);
	return 0;
}

int spec_set_text(json_t *o, const char *key, const char *s, struct err *err)
{
	json_t *v = text_or_null(s);
	if (!v)
		return err_set(err, ERR_INPUT, "%s is not UTF-8 text", key);
	json_object_set_new(o, key, v);
	return 0;
}

void spec_set_console_size(json_t *process, unsigned rows, unsigned cols)
{
	json_object_set_new(process, "consoleSize", json_pack("{sisi}", "height", (int)rows, "width", (int)cols));
}
