#include "json.h"

#include <string.h>

#include "auto.h"
#include "buf.h"
#include "path.h"

const char *jx_str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int64_t jx_int(const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool jx_bool(const json_t *o, const char *key, bool otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

json_t *jx_obj(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

json_t *jx_arr(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

static int need(const json_t *o, const char *key, bool (*is)(const json_t *), const char *what, json_t **ret,
	struct err *err)
{
	json_t *v = json_object_get(o, key);

	if (!v)
		return err_set(err, ERR_INPUT, "field '%s' is missing", key);
	if (!is(v))
		return err_set(err, ERR_INPUT, "field '%s' is not %s", key, what);
	*ret = v;
	return 0;
}

static bool is_string(const json_t *v)
{
	return json_is_string(v);
}

static bool is_integer(const json_t *v)
{
	return json_is_integer(v);
}

int jx_need_str(const json_t *o, const char *key, const char **ret, struct err *err)
{
	json_t *v = NULL;

	if (need(o, key, is_string, "a string", &v, err) < 0)
		return -1;
	*ret = json_string_value(v);
	return 0;
}

int jx_need_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	int64_t n;
	json_t *v = NULL;

	if (need(o, key, is_integer, "an integer", &v, err) < 0)
		return -1;
	n = json_integer_value(v);
	if (n < min || n > max)
		return err_set(err, ERR_INPUT, "field '%s' is out of range (%lld to %lld)", key,
			(long long)min, (long long)max);
	*ret = n;
	return 0;
}

int jx_parse(const char *text, size_t n, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);

	if (!j)
		return err_set(err, ERR_INPUT, "line %d, column %d: %s", why.line, why.column, why.text);
	*ret = j;
	return 0;
}

int jx_load(int dir_fd, const char *name, size_t max, json_t **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (path_read(dir_fd, name, max, &text, err) < 0)
		return -1;
	if (jx_parse(text.p ? text.p : "", text.len, ret, err) < 0)
		return err_wrap(err, "read '%s'", name);
	return 0;
}

int jx_store(int dir_fd, const char *name, const json_t *j, mode_t mode, unsigned path_flags, struct err *err)
{
	auto_free char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	if (!text)
		return err_set(err, ERR_FAIL, "write '%s': it cannot be put as JSON", name);
	return path_write(dir_fd, name, text, strlen(text), mode, path_flags, err);
}

json_t *jx_texts(char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

void jx_set_str(json_t *o, const char *key, const char *s)
{
	auto_buf struct buf clean = BUF_INIT;

	if (!s)
		return;
	buf_utf8(&clean, s);
	json_object_set_new(o, key, json_stringn(clean.p, clean.len));
}

void jx_set_int(json_t *o, const char *key, int64_t v)
{
	json_object_set_new(o, key, json_integer(v));
}

void jx_set_bool(json_t *o, const char *key, bool v)
{
	json_object_set_new(o, key, json_boolean(v));
}
